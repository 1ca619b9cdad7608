"""How far back a loss reaches: the norm of its gradient by every earlier state (Bengio et al., 1994)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.inspect.finding import Finding, gravest_first, verdict
from recurra.inspect.gradient_words import Ends, words
from recurra.loop.owners import named_runs
from recurra.loop.reach import reach_of, steps_back
from recurra.loop.watch import RunNorms, Watch, watching
from recurra.storage.figures import figure_bytes, new_figure
from recurra.train.finite import blame_loss


@dataclass(frozen=True)
class LeafGradient:
    """The gradient by one leaf of a layer's state, over the distance from each row's last step.

    Attributes:
        name: the leaf's.
        low, median, high: 5th, 50th and 95th percentile over rows of the norm, by steps back from the state
            that a row ends in (0); NaN where no row has a finite number.
        rows: how many rows have a number there.
        reach: the last step back up to which the median stays above REACH_SHARE of the first; -1: it is 0
            everywhere.
        growth: factor of the median per step back, fitted until it falls below that share; NaN: too few.
    """

    name: str
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]
    rows: tuple[int, ...]
    reach: int
    growth: float

    @property
    def half_life(self) -> float:
        """Steps back over which the gradient halves; infinite where it does not fall."""
        return math.log(0.5) / math.log(self.growth) if 0 < self.growth < 1 else math.inf

    @property
    def first(self) -> float:
        """The median where the gradient begins: at the end, or at the first step back where there is any."""
        return next((value for value in self.median if value > 0), 0.0)

    def share(self, distance: int) -> float:
        """The median so many steps back, of the first one."""
        return self.median[distance] / self.first if self.first > 0 else 0.0


@dataclass(frozen=True)
class LayerGradient:
    """The gradient by the states of one layer.

    Attributes:
        name: where the layer is in the model.
        cell: class of its cell.
        reverse: whether steps are counted back from each row's first step, where a layer ends that runs
            from the last one to it; only where the loss looks at that end.
        leaves: of its state.
        entries: by steps back, at how many of the steps from there to the end the loss enters the layer's
            output, in the middle row.
        unsound: the first step on the way back, counted from a row's end, at which a gradient is NaN or
            infinite: `(leaf, step, row, "NaN" or "infinite")`; None: nowhere.
    """

    name: str
    cell: str
    reverse: bool
    leaves: tuple[LeafGradient, ...]
    entries: tuple[int, ...]
    unsound: tuple[str, int, int, str] | None

    @property
    def carrier(self) -> LeafGradient:
        """The leaf by which the gradient reaches furthest."""
        return max(
            self.leaves, key=lambda leaf: (leaf.reach, leaf.median[leaf.reach] if leaf.reach >= 0 else 0.0)
        )


@dataclass(frozen=True)
class GradientInspection:
    """What `gradient` measured; its text begins with the verdict.

    Attributes:
        loss: its value, summed over rows where it is one for each.
        layers: in the order in which they ran.
        distance: how many steps back the answer lies, where that was said.
    """

    loss: float
    layers: tuple[LayerGradient, ...]
    distance: int | None
    blame: str = ""

    @property
    def title(self) -> str:
        """A heading."""
        return "How far back the gradient reaches"

    def findings(self) -> list[Finding]:
        """One or more for each layer, gravest first."""
        several = len(self.layers) > 1
        findings: list[Finding] = []
        if self.blame:
            findings.append(Finding("gradient", "warning", self.blame, {"loss": str(self.loss)}))
        for layer in self.layers:
            findings += _findings(layer, self.distance, f"{layer.name}: " if several else "")
        places = max((layer.entries[-1] for layer in self.layers[-1:]), default=0)
        if places > 1:
            # each place sends back a gradient of its own: that a long one arrives far back proves nothing
            findings = [finding for finding in findings if finding.gravity != "healthy"]
            text = (
                f"the loss looks at {places} steps of a row, whose gradients add up: how far one of them "
                f"reaches back is not seen here; a loss of the last output shows it"
            )
            findings.append(Finding("gradient", "note", text, {"places": places}))
        return gravest_first(findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready; None where there is no finite number."""
        return {
            "loss": _plain(self.loss),
            "distance": self.distance,
            "layers": [
                {
                    "name": layer.name,
                    "cell": layer.cell,
                    "reverse": layer.reverse,
                    "leaves": {
                        leaf.name: {
                            "low": [_plain(value) for value in leaf.low],
                            "median": [_plain(value) for value in leaf.median],
                            "high": [_plain(value) for value in leaf.high],
                            "rows": list(leaf.rows),
                            "reach": leaf.reach,
                            "growth": _plain(leaf.growth),
                            "half_life": _plain(leaf.half_life),
                        }
                        for leaf in layer.leaves
                    },
                }
                for layer in self.layers
            ],
        }

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """One for each layer: the norm over steps back, median and the middle 90 % of rows."""
        return [
            (f"{layer.name} ({layer.cell})", _picture(layer, self.distance, dark)) for layer in self.layers
        ]

    def __str__(self) -> str:
        lines = [verdict(self.findings()), ""]
        for layer in self.layers:
            for leaf in layer.leaves:
                half = f"{leaf.half_life:.3g} steps" if math.isfinite(leaf.half_life) else "none"
                lines.append(
                    f"{layer.name} ({layer.cell}) {leaf.name}: first {leaf.first:.3g}, reach "
                    f"{max(leaf.reach, 0)} of {len(leaf.median) - 1} steps, half-life {half}, "
                    f"{leaf.growth:.4g} a step"
                )
        return "\n".join(lines)


def gradient(
    model: nn.Module, x: Any, loss: Callable[[Any, Any], Tensor], *, distance: int | None = None
) -> GradientInspection:
    """The norm of a loss's gradient by every earlier state of every recurrent layer.

    One forward and one backward pass in the mode that the model is in; its weights and their gradients stay
    as they were. Steps are counted back from the end of each row, so the loss should be one of the last
    output: of a loss at every step, all later ones add up.

    Args:
        model: any with Recurra's layers, torch's own replaced by `recurra.accelerate` included.
        x: what the loss reads.
        loss: `(model, x) -> a number`, or one for each row `[B]`.
        distance: how many steps back lies what the answer depends on, for the verdict.

    Raises:
        Fault: no layer of Recurra's ran; the loss is no number with a gradient; the distance is none, or
            longer than every row.
    """
    if distance is not None and (isinstance(distance, bool) or not isinstance(distance, int) or distance < 1):
        raise Fault(f"distance is {distance!r}, expected a number of steps of at least 1, or None")
    with watching() as watch, torch.enable_grad(), _own_gradients(model, x):
        with named_runs(model, watch) as runs:
            total = _number(loss(model, x))
        _require_runs(model, watch)
        value = float(total.detach())
        if not total.requires_grad:
            raise Fault("the loss depends on no state and no weight: it has no gradient (was it detached?)")
        total.backward()  # type: ignore[no-untyped-call]
    blame = ""
    if not math.isfinite(value):
        blame = f"the loss is {value}: {blame_loss(model, lambda: loss(model, x))}"
    layers = [layer_of(name, run) for name, run in runs]
    longest = max((len(leaf.median) - 1 for layer in layers for leaf in layer.leaves), default=0)
    if distance is not None and distance > longest:
        raise Fault(f"distance is {distance} steps, the longest row has {longest}: give longer rows")
    return GradientInspection(value, tuple(layers), distance, blame)


# one pass


def _number(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or loss.dim() > 1 or not loss.is_floating_point():
        kind = (
            f"a {loss.dtype} tensor {list(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        )
        raise Fault(f"the loss is {kind}, expected a number, or one for each row: loss(model, x) -> tensor")
    return loss.sum()


def _require_runs(model: nn.Module, watch: Watch) -> None:
    if any(run.leaf_names for run in watch.runs):
        return
    raise Fault(
        f"{type(model).__name__}: no recurrent layer of Recurra's ran with gradients: give a model with one "
        f"(recurra.accelerate replaces torch's own), call it in the loss, and outside of torch.no_grad"
    )


@contextmanager
def _own_gradients(model: nn.Module, x: Any) -> Iterator[None]:
    """Within it gradients of weights and of x are others' no more; afterwards they are as they were."""
    tensors = [*model.parameters(), *([x] if isinstance(x, Tensor) and x.is_leaf else [])]
    saved = [t.grad for t in tensors]
    for t in tensors:
        t.grad = None
    try:
        yield
    finally:
        for t, grad in zip(tensors, saved, strict=True):
            t.grad = grad


# numbers


def layer_of(name: str, run: RunNorms) -> LayerGradient:
    """What the norms of a run come to."""
    of_time = run.reverse and _enters_late(run)
    tables = {leaf: steps_back(table, run.lengths, of_time) for leaf, table in run.norms.items()}
    # rows that the loss does not look at say nothing of how far it reaches
    reached = torch.stack([(table.nan_to_num(0.0, 1.0) > 0).any(0) for table in tables.values()]).any(0)
    if not bool(reached.any()):
        reached = torch.ones_like(reached)
    steps = torch.arange(len(next(iter(tables.values()))))[:, None]
    there = steps <= run.lengths[None, :] - int(of_time)
    leaves, unsound = [], None
    for leaf, table in tables.items():
        wrong = (there & ~table.isfinite()).nonzero()
        if len(wrong) and (unsound is None or int(wrong[0, 0]) < unsound[1]):
            step, row = (int(number) for number in wrong[0])
            unsound = (leaf, step, row, "NaN" if bool(table[step, row].isnan()) else "infinite")
        last = max(1, len(table) - int(of_time))
        leaves.append(_leaf(leaf, table[:last, reached]))
    entering = steps_back(run.entering, run.lengths, of_time)[:, reached] > 0
    entries = tuple(entering.cumsum(0).median(1).values.tolist())
    cell = type(run.cell).__name__
    return LayerGradient(name, cell, run.reverse and not of_time, tuple(leaves), entries, unsound)


def _enters_late(run: RunNorms) -> bool:
    """Of a run from each row's last step to its first: whether the loss enters it nearer to the last."""
    entering = run.entering.cpu().nan_to_num(0.0, 0.0, 0.0)
    share = torch.arange(len(entering), dtype=entering.dtype)[:, None] / run.lengths.clamp(min=1)[None, :]
    total = entering.sum()
    return bool(total > 0) and bool((entering * share).sum() < 0.5 * total)


def _leaf(name: str, table: Tensor) -> LeafGradient:
    finite = table.masked_fill(~table.isfinite(), math.nan)
    quantiles = torch.tensor([0.05, 0.5, 0.95], dtype=table.dtype)
    low, median, high = finite.nanquantile(quantiles, 1).tolist()
    rows = finite.isfinite().sum(1).tolist()
    reach, growth = reach_of(median, rows)
    return LeafGradient(name, tuple(low), tuple(median), tuple(high), tuple(rows), reach, growth)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


# words


def _findings(layer: LayerGradient, distance: int | None, where: str) -> list[Finding]:
    findings: list[Finding] = []
    wrong_leaf = None
    if layer.unsound is not None:
        wrong_leaf, step, row, kind = layer.unsound
        text = (
            f"{where}the gradient by {wrong_leaf} is {kind} from {step} steps before the end on (row {row})"
        )
        numbers = {"leaf": wrong_leaf, "step": step, "row": row}
        findings.append(
            Finding("gradient", "warning", f"{text}: what lies further back learns nothing", numbers)
        )
    for leaf in layer.leaves:
        if leaf.first == 0 and leaf.name != wrong_leaf:
            whole = all(other.first == 0 for other in layer.leaves)
            text = f"{where}the loss does not depend on {leaf.name}: its gradient is 0 at every step"
            findings.append(Finding("gradient", "warning" if whole else "note", text, {"leaf": leaf.name}))
    carrier = layer.carrier
    if carrier.first > 0:
        ends = Ends(
            layer.cell,
            carrier.name,
            carrier.reach,
            carrier.growth,
            carrier.half_life,
            [carrier.share(d) for d in range(len(carrier.median))],
            [high / carrier.first for high in carrier.high],
            layer.entries,
        )
        findings.append(words(ends, distance, where))
    return findings


# pictures


def _colours(dark: bool) -> dict[str, Any]:
    ink, ground = ("#e6edf3", "#0d1117") if dark else ("#24292f", "white")
    leaves = (
        ["#58a6ff", "#f0883e", "#3fb950", "#bc8cff"] if dark else ["#1f6feb", "#bc4c00", "#1a7f37", "#8250df"]
    )
    return {"ink": ink, "ground": ground, "leaves": leaves, "mark": "#ff7b72" if dark else "#cf222e"}


def _picture(layer: LayerGradient, distance: int | None, dark: bool) -> bytes:
    colours = _colours(dark)
    figure = new_figure(7.2, 3.8)
    figure.set_facecolor(colours["ground"])
    axes = figure.add_subplot()
    axes.set_facecolor(colours["ground"])
    for number, leaf in enumerate(layer.leaves):
        colour = colours["leaves"][number % len(colours["leaves"])]
        # a log axis has no place for 0
        low, median, high = (
            [v if v > 0 else math.nan for v in line] for line in (leaf.low, leaf.median, leaf.high)
        )
        steps = range(len(median))
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, lw=0)
        axes.plot(steps, median, color=colour, lw=1.6, label=leaf.name)
    carrier = layer.carrier
    if 0 <= carrier.reach < len(carrier.median) - 1:
        axes.axvline(
            carrier.reach,
            color=colours["mark"],
            lw=1.2,
            ls="--",
            label=f"reach of {carrier.name}, {carrier.reach} steps",
        )
    if distance is not None:
        axes.axvline(
            distance, color=colours["ink"], lw=1.2, ls=":", label=f"the answer, {distance} steps back"
        )
    if any(leaf.first > 0 for leaf in layer.leaves):
        axes.set_yscale("log")
    axes.set_xlim(0, max(1, len(carrier.median) - 1))
    axes.set_xlabel(f"steps back from each row's {'first' if layer.reverse else 'last'} step")
    axes.set_ylabel("norm of the loss's gradient\n(median and middle 90 % of rows)")
    axes.set_title(f"{layer.name} ({layer.cell})", color=colours["ink"], fontsize=10)
    axes.grid(alpha=0.25)
    axes.tick_params(colors=colours["ink"], which="both")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(colours["ink"])
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(colours["ink"])
    axes.legend(frameon=False, labelcolor=colours["ink"])
    return figure_bytes(figure)
