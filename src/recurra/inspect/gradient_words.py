"""The verdict on how far a gradient reaches, in words with numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recurra.inspect.finding import Finding, percent
from recurra.inspect.thresholds import EXPLODING_FACTOR, REACH_SHARE, VANISHING_GROWTH


@dataclass(frozen=True)
class Ends:
    """What a verdict is about: the leaf of a layer's state by which the gradient reaches furthest.

    Attributes:
        cell: class of the layer's cell. leaf: the leaf's name.
        reach, growth, half_life: see `LeafGradient`.
        shares, highest: by steps back, the median and the 95th percentile, of the first median.
        entries: by steps back, at how many of the steps from there to the end the loss enters the layer.
    """

    cell: str
    leaf: str
    reach: int
    growth: float
    half_life: float
    shares: Sequence[float]
    highest: Sequence[float]
    entries: Sequence[int]

    def limit(self, distance: int) -> float:
        """The share so many steps back from which on a gradient explodes. Each step at which the loss enters
        adds what it sends back, and sums of many that keep their size are no explosion.
        """
        return EXPLODING_FACTOR * max(1, self.entries[distance])


def words(ends: Ends, distance: int | None, where: str) -> Finding:
    """The finding.

    Args:
        distance: how many steps back the answer lies, if that is known.
        where: what the sentence begins with: the layer, where there are several.
    """
    last = len(ends.shares) - 1
    numbers = {
        "leaf": ends.leaf,
        "reach": ends.reach,
        "steps": last,
        "growth": ends.growth if math.isfinite(ends.growth) else None,
        "distance": distance,
    }
    peak = max(range(last + 1), key=lambda d: _finite(ends.shares[d] / ends.limit(d)))
    high = max(range(last + 1), key=lambda d: _finite(ends.highest[d] / ends.limit(d)))
    if ends.shares[peak] >= ends.limit(peak):
        text = (
            f"the gradient explodes: {peak} steps back it is {ends.shares[peak]:,.3g} times what it is at "
            f"the end ({ends.growth:.3g} a step): clip its norm (train.clip_norm), or make the recurrent "
            f"weights smaller or orthogonal"
        )
        return Finding("exploding", "warning", where + text, {**numbers, "factor": ends.shares[peak]})
    short = ends.reach < last
    fall = f"the gradient falls to {percent(REACH_SHARE)} after {ends.reach + 1} steps"
    if short and ends.shares[ends.reach + 1] == 0:
        text = (
            f"the gradient is 0 from {ends.reach + 1} steps back on: the loss does not depend on earlier "
            f"states (a reset, a detached state, or a layer that runs the other way)"
        )
        far = distance is not None and ends.reach < distance
        return Finding("vanishing", "warning" if far else "note", where + text, numbers)
    if distance is not None and ends.reach < distance:
        text = f"{fall}; the answer lies {distance} steps back: {_cure(ends, distance)}"
        return Finding("vanishing", "warning", where + text, numbers)
    if ends.highest[high] >= ends.limit(high):
        text = (
            f"in one row of twenty the gradient is {ends.highest[high]:,.3g} times as large {high} steps "
            f"back as at the end: clip its norm (train.clip_norm)"
        )
        return Finding("exploding", "note", where + text, {**numbers, "factor": ends.highest[high]})
    if distance is not None:
        text = (
            f"healthy: the answer lies {distance} steps back, where {ends.shares[distance]:.2g} times the "
            f"gradient at the end arrives"
        )
        return Finding("vanishing", "healthy", where + text, numbers)
    if short and not ends.growth > VANISHING_GROWTH:
        text = f"{fall} ({ends.growth:.3g} a step): it vanishes; {_cure(ends, last)}"
        return Finding("vanishing", "warning", where + text, numbers)
    if short:
        text = (
            f"{fall} of {last}, it halves every {ends.half_life:.2g}: nothing further back is learnt from "
            f"this loss; enough if the answers lie nearer"
        )
        return Finding("vanishing", "note", where + text, numbers)
    left = f"{ends.shares[last]:.2g} times what it is at the end"
    text = f"healthy: {last} steps back the gradient is still {left}"
    return Finding("vanishing", "healthy", where + text, numbers)


def _cure(ends: Ends, distance: int) -> str:
    """What reaches so far back."""
    # a road that keeps REACH_SHARE over the distance keeps so much of itself at each step
    gate = REACH_SHARE ** (1 / distance)
    bias = max(1.0, math.log(gate / (1 - gate)))
    if "LSTM" in ends.cell:
        return f"a forget bias of {bias:.2g} or more reaches it from the start"
    if "GRU" in ends.cell:
        return f"an update gate whose bias lets {percent(gate, 1)} of the state stay at each step reaches it"
    return (
        f"an LSTM with forget bias 1 or a GRU can learn to reach it (an LSTM does from the start with a "
        f"forget bias of {bias:.2g})"
    )


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -1.0
