"""From which number on an inspection says what: every threshold of every verdict, in one place."""

from __future__ import annotations

from recurra.loop.reach import REACH_SHARE as REACH_SHARE

VANISHING_GROWTH = 0.7
"""A gradient that keeps at most this share of itself at a step back vanishes: it halves in two steps."""

EXPLODING_FACTOR = 100.0
"""A gradient explodes where it is so many times larger some steps back than it is at the loss."""
