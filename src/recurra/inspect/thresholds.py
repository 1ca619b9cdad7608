"""From which number on an inspection says what: every threshold of every verdict, in one place."""

from __future__ import annotations

REACH_SHARE = 0.01
"""A gradient has reached as far back as it is above this share of the one at the loss."""

PRODUCT_GROWTH = 1000.0
"""A product of the steps' Jacobians explodes where its largest singular value is above this over the rows."""

HIDDEN_SHARE = 0.1
"""Truncation hides too much from here on: 1 - cosine of the full and the truncated gradient."""

LOW = 0.1
HIGH = 0.9
"""A value is saturated below the one and above the other, as shares of its range (Karpathy et al., 2016)."""

STUCK_STEPS = 0.99
"""A unit never leaves saturation where it is saturated at this share of the steps."""

STUCK_SHARE = 0.25
"""A gate saturates where this share of its units never leaves saturation."""

PROBE_GAIN = 0.25
"""A state carries a property where a probe makes this share fewer errors than the baseline."""
