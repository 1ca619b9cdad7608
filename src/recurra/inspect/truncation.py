"""How much of the gradient is not there when back-propagation through time stops after some steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import recurra.cells
import recurra.loop  # noqa: F401
from recurra.cells.base import Cell
from recurra.errors import Fault, quoted
from recurra.inspect.finding import Finding, percent, verdict
from recurra.inspect.style import colours, grid, legend, picture, png
from recurra.inspect.thresholds import HIDDEN_SHARE, SHORT_RATIO
from recurra.inspect.visits import out_of_training
from recurra.loop.truncation import truncating

Loss = Callable[[Any, Any], Tensor]
"""`(model, x)`: a scalar; a result of one number a row is summed."""


@dataclass(frozen=True)
class Comparison:
    """Two gradients of the same weights, the truncated one against the full one.

    Attributes:
        full, truncated: their lengths.
        cosine: between them; NaN where one is zero.
        missing: length of their difference, as a share of the full one's; NaN where that is zero.
    """

    full: float
    truncated: float
    cosine: float
    missing: float

    @property
    def hidden(self) -> float:
        """`1 - cosine`, from 0 (the same direction) to 1 (across it, the opposite, or nothing left)."""
        if self.full == 0:
            return 0.0
        return 1.0 if self.truncated == 0 else min(1.0, max(0.0, 1.0 - self.cosine))

    @property
    def ratio(self) -> float:
        """Length of the truncated gradient over that of the full one; NaN where that is zero."""
        return self.truncated / self.full if self.full else math.nan

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; None where a number has no meaning."""
        values = {
            "full": self.full,
            "truncated": self.truncated,
            "cosine": self.cosine,
            "missing": self.missing,
            "ratio": self.ratio,
            "hidden": self.hidden,
        }
        return {name: value if math.isfinite(value) else None for name, value in values.items()}


@dataclass(frozen=True)
class TruncationInspection:
    """What `truncation` measured; `str()` is the verdict.

    Attributes:
        steps: where back-propagation stops.
        longest: steps of the longest row.
        recurrent: over the weights of recurrent layers together: what the verdict speaks of.
        whole: over all weights.
        weights: name of each weight -> over it alone.
    """

    steps: int
    longest: int
    recurrent: Comparison
    whole: Comparison
    weights: dict[str, Comparison]
    title: str = "Truncation"

    def findings(self) -> list[Finding]:
        """One sentence, and its numbers."""
        numbers = {"steps": self.steps, "longest": self.longest, **self.recurrent.to_dict()}
        at = f"truncation at {self.steps}"
        if self.longest <= self.steps:
            text = f"{at} hides nothing: the longest row has {self.longest} steps"
            return [Finding("truncation", "healthy", text, numbers)]
        if self.recurrent.full == 0:
            text = "the loss does not depend on any recurrent weight: its gradient is zero, look at the loss"
            return [Finding("gradient", "warning", text, numbers)]
        share = self.recurrent.hidden
        lengths = f"cosine {1 - share:.2f}, {self.recurrent.ratio:.2f} times its length"
        if share >= HIDDEN_SHARE:
            text = (
                f"{at} hides {_percent(share)} of the gradient of recurrent weights ({lengths}; rows have up "
                f"to {self.longest} steps): raise it, with checkpoint_every where memory is short"
            )
            return [Finding("truncation", "warning", text, numbers)]
        if self.recurrent.ratio < SHORT_RATIO:
            text = (
                f"{at} keeps the direction of the gradient of recurrent weights but little of its length "
                f"({lengths}): Adam makes up for that, plain descent learns as much more slowly"
            )
            return [Finding("truncation", "note", text, numbers)]
        text = f"{at} hides {_percent(share)} of the gradient of recurrent weights ({lengths})"
        return [Finding("truncation", "healthy", text, numbers)]

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""
        return {
            "steps": self.steps,
            "longest": self.longest,
            "recurrent": self.recurrent.to_dict(),
            "whole": self.whole.to_dict(),
            "weights": {name: each.to_dict() for name, each in self.weights.items()},
        }

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """Length of each weight's gradient, full and truncated, and what is hidden."""
        tint = colours(dark)
        bars = {name: each for name, each in self.weights.items() if each.full > 0}
        names = sorted(bars, key=lambda name: bars[name].hidden)[-_MOST_BARS:]
        figure, axes = picture(8, 1.6 + 0.28 * len(names), dark, "length of the gradient", "")
        for k, name in enumerate(names):
            each = bars[name]
            axes.plot([each.truncated, each.full], [k, k], color=tint.grey, linewidth=1, zorder=1)
            text = f"  hides {_percent(each.hidden)}"
            axes.text(max(each.full, each.truncated), k, text, va="center", fontsize=8, color=tint.ink)
        ends = range(len(names))
        axes.scatter([bars[n].full for n in names], ends, color=tint.blue, label="full", zorder=2)
        small = [bars[n].truncated for n in names]
        axes.scatter(
            small, ends, color=tint.red, marker="|", s=90, label=f"truncated at {self.steps}", zorder=2
        )
        axes.set_yticks(ends, names, fontsize=8)
        axes.set_ylabel("weight")
        axes.margins(x=0.15)
        grid(axes, dark)
        axes.set_xlim(left=0)
        legend(axes, dark, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        return [(f"What truncation at {self.steps} steps leaves of each weight's gradient", png(figure))]

    def __str__(self) -> str:
        return verdict(self.findings())


_MOST_BARS = 24


def truncation(model: nn.Module, x: Any, loss: Loss, steps: int = 35) -> TruncationInspection:
    """Compares the gradient with the one that truncated back-propagation through time sees.

    The truncated one cuts the state off from the graph every `steps` steps, from the start of each row.
    "Hides 18 %" means a cosine of 0.82 between the two, over the weights of the recurrent layers; beside it
    stand the ratio of their lengths and, in `to_dict`, the length of their difference. Both are
    taken out of training, where nothing is drawn at random; the model's own gradients are left alone.

    Args:
        model: any torch module with recurrent layers of Recurra.
        x: what the loss reads.
        loss: `(model, x)` -> a scalar (or `[B]`, which is summed).
        steps: after how many steps the state is cut off.

    Raises:
        Fault: no recurrent layer ran, nothing can be trained, or a loss or gradient that is not finite.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise Fault(f"steps is {quoted(steps)}, expected a whole number of at least 1")
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    if not weights:
        raise Fault(f"{type(model).__name__} has no weight that can be trained, so there is no gradient")
    with out_of_training(model), torch.enable_grad():
        full = _gradients(model, x, loss, list(weights.values()))
        with truncating(steps) as runs:
            short = _gradients(model, x, loss, list(weights.values()))
    if not runs.cells:
        raise Fault(
            f"{type(model).__name__}: no recurrent layer of Recurra ran over time in this loss "
            f"(recurra.accelerate swaps torch's own)"
        )
    pairs = dict(zip(weights, zip(full, short, strict=True), strict=True))
    looped = _recurrent(model, weights)
    return TruncationInspection(
        steps,
        max(runs.lengths),
        _compare([pair for name, pair in pairs.items() if name in looped]),
        _compare(list(pairs.values())),
        {name: _compare([pair]) for name, pair in pairs.items()},
    )


def _gradients(model: nn.Module, x: Any, loss: Loss, weights: Sequence[Tensor]) -> list[Tensor]:
    value = loss(model, x)
    if not isinstance(value, Tensor):
        raise Fault(f"the loss is a {type(value).__name__}, expected a tensor: a scalar, or one number a row")
    if not bool(value.isfinite().all()):
        raise Fault(f"the loss is {value.detach().flatten()[0].item()}, expected a finite number")
    if not value.requires_grad:
        return [torch.zeros_like(weight) for weight in weights]
    gradients = torch.autograd.grad(value.sum(), weights, allow_unused=True)
    pairs = zip(gradients, weights, strict=True)
    return [torch.zeros_like(weight) if g is None else g for g, weight in pairs]


def _recurrent(model: nn.Module, weights: Mapping[str, Tensor]) -> set[str]:
    """Names of the weights of cells and of drop-ins."""
    own = {
        id(weight)
        for part in model.modules()
        if isinstance(part, (Cell, nn.RNNBase))
        for weight in part.parameters()
    }
    return {name for name, weight in weights.items() if id(weight) in own}


def _compare(pairs: Sequence[tuple[Tensor, Tensor]]) -> Comparison:
    full, short, dot, difference = (
        sum(float(part) for part in parts)
        for parts in (
            [f.double().square().sum() for f, _ in pairs],
            [s.double().square().sum() for _, s in pairs],
            [(f.double() * s.double()).sum() for f, s in pairs],
            [(f.double() - s.double()).square().sum() for f, s in pairs],
        )
    )
    if not math.isfinite(full + short):
        raise Fault("the gradient is not finite: clip it, or lower the learning rate, and look again")
    lengths = math.sqrt(full), math.sqrt(short)
    cosine = dot / (lengths[0] * lengths[1]) if full and short else math.nan
    missing = math.sqrt(difference) / lengths[0] if full else math.nan
    return Comparison(*lengths, cosine, missing)


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return percent(share, 1) if 0 < share < 0.01 else percent(share)
