"""Which units carry a property of the text, and what the network does without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.engines import run_opaque
from recurra.errors import Fault, nearest, quoted
from recurra.inspect.clamped import Clamped
from recurra.inspect.finding import Finding, gravest_first, percent, verdict
from recurra.inspect.linear_probe import Probe, fit_probe
from recurra.inspect.style import colours, grid, legend, picture, png
from recurra.inspect.tangents import spread
from recurra.inspect.thresholds import PROBE_GAIN
from recurra.inspect.visits import Call, Walk, copied_cell, out_of_training, walks
from recurra.loop.interception import Passage, intercepting
from recurra.state import flat_rows, named_leaves

Property = Tensor | Sequence[Any] | Callable[[Sequence[str]], Any]
"""One number a step, NaN where it has no meaning: an array as long as all rows together, one row after
another in the caller's order (`[N]`, or `[B, T]`, or a list of `[T_i]`); or a function of a row's tokens."""


@dataclass(frozen=True)
class Carried:
    """One property, as a linear probe reads it off the state after each step.

    Attributes:
        name: of the property.
        probe: its score on held-out rows, the baseline's, and its weights.
        places: at how many steps the property has a value.
        units: the units with the largest weights, `(leaf, number)`, the largest first.
        loss: without change; None: no loss was asked for.
        without: with these units at zero at every step.
        at_random: with as many others at zero, the mean of some draws.
    """

    name: str
    probe: Probe
    places: int
    units: tuple[tuple[str, int], ...]
    loss: float | None
    without: float | None
    at_random: float | None

    def finding(self, title: str) -> Finding:
        """Whether the state carries it."""
        probe = self.probe
        names = ", ".join(f"{leaf} {unit}" for leaf, unit in self.units)
        if probe.binary:
            score = (
                f"{percent(probe.score)} of held-out steps (the commonest value: {percent(probe.baseline)})"
            )
        else:
            score = f"{percent(max(0.0, probe.score))} of its variance on held-out rows"
        numbers = {
            "layer": title,
            "property": self.name,
            "score": probe.score,
            "baseline": probe.baseline,
            "units": [[leaf, unit] for leaf, unit in self.units],
            "loss": self.loss,
            "without": self.without,
            "at_random": self.at_random,
        }
        if probe.gain < PROBE_GAIN:
            text = f"{title}: no linear probe reads {self.name} off the state: {score}"
            return Finding("memory", "note", text, numbers)
        text = f"{title}: a linear probe reads {self.name} off the state: {score}; units {names} weigh most"
        if self.loss is not None:
            text += (
                f"; with these at zero the loss goes from {self.loss:.4g} to {self.without:.4g}"
                f" (with as many others: {self.at_random:.4g})"
            )
        return Finding("memory", "healthy", text, numbers)


@dataclass(frozen=True)
class ProbesInspection:
    """What `probes` measured; `str()` is the verdict.

    Attributes:
        layer: the layer and its cell.
        properties: one for each that was asked for.
    """

    layer: str
    properties: tuple[Carried, ...]
    title: str = "What units carry"

    def findings(self) -> list[Finding]:
        """One for each property."""
        return gravest_first([each.finding(self.layer) for each in self.properties])

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""
        return {
            "layer": self.layer,
            "properties": [
                {
                    **each.finding(self.layer).numbers,
                    "binary": each.probe.binary,
                    "places": each.places,
                    "weights": each.probe.weights.tolist(),
                }
                for each in self.properties
            ],
        }

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """Scores against the baseline; the weights of the strongest units."""
        tint = colours(dark)
        count = len(self.properties)
        figure, axes = picture(
            7, 1.6 + 0.5 * count, dark, "share told rightly, or of the variance explained", ""
        )
        ends = range(count)
        axes.barh(
            ends, [max(0.0, p.probe.score) for p in self.properties], 0.5, color=tint.blue, label="probe"
        )
        base = [max(0.0, p.probe.baseline) for p in self.properties]
        axes.scatter(base, ends, marker="|", s=300, color=tint.red, linewidth=2, label="baseline", zorder=3)
        axes.set_yticks(ends, [p.name for p in self.properties])
        axes.set_ylabel("property")
        axes.set_xlim(0, 1)
        grid(axes, dark)
        legend(axes, dark, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        pictures = [
            (f"{self.layer}: properties that a linear probe reads off the state, held-out rows", png(figure))
        ]
        for each in self.properties:
            pictures.append((f"{self.layer}: units that tell {each.name}", self._weights(each, dark)))
        return pictures

    def _weights(self, each: Carried, dark: bool) -> bytes:
        tint = colours(dark)
        ordered = each.probe.weights.abs().sort(descending=True).values[:100]
        figure, axes = picture(
            6, 3, dark, "unit, by the size of its weight", "size of the weight\n(per deviation)"
        )
        axes.bar(range(1, len(ordered) + 1), ordered.tolist(), color=tint.blue)
        for k, (leaf, unit) in enumerate(each.units):
            axes.annotate(
                f"{leaf} {unit}", (k + 1, float(ordered[k])), fontsize=7, color=tint.ink, rotation=60
            )
        axes.set_title(each.name, color=tint.ink, fontsize=10)
        axes.margins(y=0.2)
        grid(axes, dark)
        return png(figure)

    def __str__(self) -> str:
        return verdict(self.findings())


def probes(
    model: nn.Module,
    x: Any,
    properties: Mapping[str, Property],
    *,
    tokens: Sequence[Sequence[str]] | None = None,
    state: Any = None,
    call: Call | None = None,
    loss: Callable[[Any, Any], Tensor] | None = None,
    layer: str | None = None,
    units: int = 5,
    test_share: float = 0.2,
) -> ProbesInspection:
    """Reads properties off the state after each step by linear probes, out of training.

    A property of 0 and 1 is read by logistic regression, another number by ridge regression (as Karpathy et
    al., 2016, looked for cells that track quotes and line lengths; Alain and Bengio, 2016, for linear
    probes). Probes are fitted to most rows and scored on the rest (of a single row: on its last steps).

    Args:
        model: a cell, a layer, or any torch module that holds some.
        x: what it reads: of a cell or layer a Ragged or `[B, T, input_size]`.
        properties: name -> one number a step, or a function of a row's tokens (`properties.inside_quotes`,
            `properties.position_in_line`).
        tokens: of each row in the caller's order, for functions.
        state: what the first step starts from, of a cell or a layer.
        call: `(model, x)`: how to run it; None: `model(x)`.
        loss: `(model, x)` -> a scalar (or `[B]`, summed), to be measured with units at zero; None: it is not.
        layer: whose state, by its name in the model; None: the last that ran.
        units: how many of the strongest units are named, and set to zero together.
        test_share: share of the rows that probes are scored on.

    Raises:
        Fault: no recurrent layer ran, no such layer, or a property of another length or with one value.
    """
    if not properties:
        raise Fault("probes needs at least one property, found none")
    candidates = walks(model, x, state, loss if call is None else call, double=False)
    walk = _layer_called(candidates, layer)
    features = torch.cat([flat_rows(leaf) for leaf in _leaves(walk).values()], 1)
    fitting = _fitting(walk, test_share)
    before_change = None if loss is None else _loss(model, x, loss)
    results = []
    for name, source in properties.items():
        values = _values(walk, name, source, tokens)
        valid = values.isfinite()
        _require_two(name, values, valid, fitting)
        probe = fit_probe(features[valid], values[valid], fitting[valid])
        top = probe.weights.abs().topk(min(units, len(probe.weights))).indices.tolist()
        without = at_random = None
        if loss is not None:
            without = _loss_without(model, x, loss, walk, top)
            others = [k for k in range(len(probe.weights)) if k not in top] or top
            draws = [_draw(others, len(top), seed) for seed in range(_DRAWS)]
            at_random = sum(_loss_without(model, x, loss, walk, draw) for draw in draws) / _DRAWS
        strongest = tuple(_unit(walk, number) for number in top)
        results.append(Carried(name, probe, int(valid.sum()), strongest, before_change, without, at_random))
    return ProbesInspection(walk.title, tuple(results))


_DRAWS = 3


def _layer_called(candidates: list[Walk], layer: str | None) -> Walk:
    if layer is None:
        return candidates[-1]
    for walk in candidates:
        if walk.visit.name == layer:
            return walk
    names = [walk.visit.name for walk in candidates]
    raise Fault(f"no recurrent layer called {quoted(layer)} ran{nearest(layer, names)}")


def _leaves(walk: Walk) -> dict[str, Tensor]:
    leaves = named_leaves(walk.next_states)
    return {name: leaves[name] for name in walk.moving}


def _unit(walk: Walk, number: int) -> tuple[str, int]:
    """The leaf that a feature is of, and which number of it."""
    for name, width in walk.moving.items():
        if number < width:
            return name, number
        number -= width
    raise IndexError(number)


def _fitting(walk: Walk, test_share: float) -> Tensor:
    """`[N]` bool: places of rows that probes are fitted to."""
    if not 0 < test_share < 1:
        raise Fault(f"test_share is {test_share}, expected a share between 0 and 1")
    rows = walk.visit.rows
    count = rows.batch_sizes[0]
    if count == 1:
        return rows.step_of < max(1, round(rows.steps * (1 - test_share)))
    held_out = spread(count, max(1, round(count * test_share)))
    return ~torch.isin(rows.row_of, held_out.to(rows.row_of.device))


def _values(walk: Walk, name: str, source: Property, tokens: Sequence[Sequence[str]] | None) -> Tensor:
    """`[N]` double, in packed order and in the order of the run."""
    rows = walk.visit.rows
    lengths = rows.lengths.tolist()
    if callable(source):
        if tokens is None:
            raise Fault(f"property {name!r} is a function of tokens: pass tokens, those of each row")
        if len(tokens) != len(rows):
            raise Fault(f"tokens has {len(tokens)} rows, x has {len(rows)}: expected one list for each")
        source = [source(row) for row in tokens]
    if not isinstance(source, Tensor):
        parts = [torch.as_tensor(part).double().flatten() for part in source]
        whole = torch.cat(parts) if parts else torch.zeros(0)
    else:
        whole = source.double().flatten()
    if len(whole) != sum(lengths):
        raise Fault(f"property {name!r} has {len(whole)} numbers, expected {sum(lengths)}: one for each step")
    packed = rows.packed_lengths.to(rows.row_of.device)
    order = torch.arange(len(rows)) if rows.order is None else rows.order.cpu()
    starts = torch.cumsum(rows.lengths, 0) - rows.lengths
    step = packed[rows.row_of] - 1 - rows.step_of if walk.visit.reverse else rows.step_of
    return whole[starts[order][rows.row_of.cpu()] + step.cpu()].to(walk.x.device)


def _require_two(name: str, values: Tensor, valid: Tensor, fitting: Tensor) -> None:
    if not bool((valid & fitting).any()) or not bool((valid & ~fitting).any()):
        raise Fault(f"property {name!r} has no value in one part of the rows: more rows are needed")
    if bool((values[valid & fitting] == values[valid & fitting][0]).all()):
        raise Fault(f"property {name!r} has one value alone in the rows that a probe is fitted to")


def _draw(numbers: list[int], count: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(numbers), generator=generator)[:count]
    return [numbers[int(k)] for k in order]


def _loss(model: nn.Module, x: Any, loss: Callable[[Any, Any], Tensor]) -> float:
    with torch.no_grad(), out_of_training(model):
        return float(loss(model, x).sum())


def _loss_without(
    model: nn.Module, x: Any, loss: Callable[[Any, Any], Tensor], walk: Walk, numbers: Sequence[int]
) -> float:
    """The loss with units of one run at zero at every step."""
    units: dict[str, list[int]] = {}
    for leaf, unit in (_unit(walk, number) for number in numbers):
        units.setdefault(leaf, []).append(unit)
    runs = 0

    def clamp(passage: Passage) -> tuple[Tensor, Any]:
        nonlocal runs
        if not len(passage.run.x):
            return passage.own(passage.run, passage.state)
        runs += 1
        if runs - 1 != walk.visit.number:
            return passage.own(passage.run, passage.state)
        return run_clamped(passage, units)

    with intercepting(clamp):
        return _loss(model, x, loss)


def run_clamped(passage: Passage, units: dict[str, list[int]]) -> tuple[Tensor, Any]:
    """A run over time with units at zero, step by step."""
    cell = Clamped(copied_cell(passage), units)
    run, resets = passage.run, None
    if run.flags is not None:
        fresh = named_leaves(cell.clamp(cell.initial_state(1)))
        resets = (run.flags, fresh)
    outputs, final = run_opaque(
        cell.step, run.x, cell.clamp(passage.state), run.batch_sizes, run.reverse, resets, type(cell).__name__
    )
    return torch.cat(outputs), final
