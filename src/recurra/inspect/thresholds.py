"""From which number on an inspection says what: every threshold of every verdict, in one place."""

from __future__ import annotations

from recurra.loop.reach import REACH_SHARE as REACH_SHARE

TYPICAL_UPDATE = 0.01
"""Length of an update, as a share of the weights' norm, where the training's own is not told."""

WALL_SHARE = 0.2
"""A wall: within one update the loss changes by this share of its whole range on the slice ..."""

WALL_RATIO = 10.0
"""... and by so many times what it changes at the median point."""

PLAIN_GRADIENT = 0.01
"""On a plain the gradient's norm is below this share of the steepest on the slice."""

PLAIN_SHARE = 0.5
"""A slice is mostly plain when more than this share of its points is."""

CLIPPED_SHARE = 0.1
"""A clip that is proposed for a wall touches this share of a slice's points."""

VANISHING_GROWTH = 0.7
"""A gradient that keeps at most this share of itself at a step back vanishes: it halves in two steps."""

EXPLODING_FACTOR = 100.0
"""A gradient explodes where it is so many times larger some steps back than it is at the loss."""

PRODUCT_GROWTH = 1000.0
"""A product of the steps' Jacobians explodes where its largest singular value is above this over the rows."""

HIDDEN_SHARE = 0.1
"""Truncation hides too much from here on: 1 - cosine of the full and the truncated gradient."""

SHORT_RATIO = 0.5
"""A truncated gradient is short below this share of the full one's length, whichever way it points."""

LOW = 0.1
HIGH = 0.9
"""A value is saturated below the one and above the other, as shares of its range (Karpathy et al., 2016)."""

STUCK_STEPS = 0.99
"""A unit never leaves saturation where it is saturated at this share of the steps."""

STUCK_SHARE = 0.25
"""A gate saturates where this share of its units never leaves saturation."""

PROBE_GAIN = 0.25
"""A state carries a property where a probe makes this share fewer errors than the baseline."""
