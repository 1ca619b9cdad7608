"""From which number on an inspection says what: every threshold of every verdict, in one place."""

from __future__ import annotations

REACH_SHARE = 0.01
"""A gradient has reached as far back as it is above this share of the one at the loss."""

VANISHING_GROWTH = 0.7
"""A gradient that keeps at most this share of itself at a step back vanishes: it halves in two steps."""

EXPLODING_FACTOR = 100.0
"""A gradient explodes where it is so many times larger some steps back than it is at the loss."""
