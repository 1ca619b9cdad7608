"""Where gates stand: which units are saturated, how long a memory is, and what units do over a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.inspect.finding import Finding, gravest_first, verdict
from recurra.inspect.gate_names import Squashed, squashed_by_step, unique
from recurra.inspect.gate_pictures import pictures_of
from recurra.inspect.step_values import SQUASHING, StepValues, step_values
from recurra.inspect.thresholds import HIGH, LOW, STUCK_SHARE, STUCK_STEPS
from recurra.inspect.visits import Call, Walk, walks
from recurra.state import flat_rows, named_leaves

BINS = 40


@dataclass(frozen=True)
class Gate:
    """One sigmoid or tanh of a step, over all places of a run.

    Attributes:
        name: what the step's source calls it, or `sigmoid 1`.
        kind: `sigmoid` or `tanh`.
        carries: the leaf of the state that it multiplies into its next value; None: none.
        mean: `[width]`: of each unit over all steps.
        left: `[width]`: share of steps with a unit below `LOW` of its range (sigmoid: 0.1, tanh: -0.8).
        right: the same above `HIGH` (0.9, 0.8).
        histogram: `[BINS]`: how often all units together are in each part of the range.
    """

    name: str
    kind: str
    carries: str | None
    mean: Tensor
    left: Tensor
    right: Tensor
    histogram: Tensor

    @property
    def width(self) -> int:
        """How many units it has."""
        return len(self.mean)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value there can be."""
        return (0.0, 1.0) if self.kind == "sigmoid" else (-1.0, 1.0)

    @property
    def stuck(self) -> int:
        """Units that (almost) never leave saturation."""
        return int((self.left + self.right >= STUCK_STEPS).sum())


@dataclass(frozen=True)
class LayerGates:
    """The gates of one run over time; ended rows never count.

    Attributes:
        title: the layer and its cell.
        steps: how many steps all rows have together.
        gates: in the order of the step.
        memory: leaf -> `[width]`: `1 / (1 - f)` steps of each unit, f being the mean share of a number that
            its next value takes over as it is.
        traces: name of a gate, or of a leaf after each step -> `[T, width]` over one row, first step first.
        tokens: what the row's steps are called.
    """

    title: str
    steps: int
    gates: tuple[Gate, ...]
    memory: dict[str, Tensor]
    traces: dict[str, Tensor]
    tokens: tuple[str, ...]

    def findings(self) -> list[Finding]:
        """What is stuck, or that nothing is; and how long a memory is."""
        bad = [gate for gate in self.gates if gate.carries is None and gate.stuck >= STUCK_SHARE * gate.width]
        findings = []
        counts = {gate.name: {"stuck": gate.stuck, "units": gate.width} for gate in self.gates}
        numbers = {"layer": self.title, "steps": self.steps, "gates": counts}
        if bad:
            words = "; ".join(f"{gate.stuck} of {gate.width} units of {gate.name}" for gate in bad)
            text = (
                f"{self.title}: {words} never leave saturation over {self.steps:,} steps: lower the rate, "
                f"start weights and biases smaller, or normalise"
            )
            findings.append(Finding("saturation", "warning", text, numbers))
        elif self.gates:
            worst = max(self.gates, key=lambda gate: (gate.carries is None, gate.stuck / max(1, gate.width)))
            text = (
                f"{self.title}: gates move: at most {worst.stuck} of {worst.width} units ({worst.name}) stay"
            )
            text += f" saturated over {self.steps:,} steps"
            findings.append(Finding("saturation", "healthy", text, numbers))
        else:
            text = f"{self.title}: its step computes no sigmoid or tanh, so nothing can saturate"
            findings.append(Finding("saturation", "healthy", text, numbers))
        for leaf, lengths in self.memory.items():
            half, most = float(lengths.median()), float(lengths.max())
            by = " and ".join(gate.name for gate in self.gates if gate.carries == leaf) or "its step"
            text = f"{self.title}: {by} lets {leaf} remember {half:,.1f} steps"
            text += f" (median unit; longest {most:,.1f})"
            values = {"layer": self.title, "leaf": leaf, "median": half, "longest": most}
            findings.append(Finding("memory", "healthy", text, values))
        return findings

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured but the traces."""
        return {
            "layer": self.title,
            "steps": self.steps,
            "gates": [
                {
                    "name": gate.name,
                    "kind": gate.kind,
                    "carries": gate.carries,
                    "mean": gate.mean.tolist(),
                    "left": gate.left.tolist(),
                    "right": gate.right.tolist(),
                    "histogram": gate.histogram.tolist(),
                    "stuck": gate.stuck,
                }
                for gate in self.gates
            ],
            "memory": {leaf: lengths.tolist() for leaf, lengths in self.memory.items()},
        }


@dataclass(frozen=True)
class GatesInspection:
    """What `gates` measured; `str()` is the verdict.

    Attributes:
        layers: one for each run over time.
    """

    layers: tuple[LayerGates, ...]
    title: str = "Gates"

    def findings(self) -> list[Finding]:
        """For each layer, gravest first."""
        return gravest_first([finding for layer in self.layers for finding in layer.findings()])

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""
        return {"layers": [layer.to_dict() for layer in self.layers]}

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """For each layer saturation, histograms, memory lengths, and units over the tokens of a row."""
        return [each for layer in self.layers for each in pictures_of(layer, dark)]

    def __str__(self) -> str:
        return verdict(self.findings())


def gates(
    model: nn.Module,
    x: Any,
    state: Any = None,
    *,
    call: Call | None = None,
    row: int | None = None,
    tokens: Sequence[str] | None = None,
) -> GatesInspection:
    """Every sigmoid and tanh of a model's steps over real input, out of training.

    They are read off the traced program of each cell, a user's too, and of a step that has none off its
    Python. Saturation is Karpathy et al.'s (2016): the share of steps that a unit spends at either end of its
    range.

    Args:
        model: a cell, a layer, or any torch module that holds some.
        x: what it reads: of a cell or layer a Ragged or `[B, T, input_size]`.
        state: what the first step starts from, of a cell or a layer.
        call: `(model, x)`: how to run it; None: `model(x)`.
        row: whose steps the heat map shows, in the caller's order; None: the longest.
        tokens: what that row's steps are called; None: their numbers.

    Raises:
        Fault: no recurrent layer ran, a state is not finite, or there is no such row.
    """
    own = walks(model, x, state, call, double=False, remembering=False)
    return GatesInspection(tuple(_layer(walk, row, tokens) for walk in own))


def _layer(walk: Walk, row: int | None, tokens: Sequence[str] | None) -> LayerGates:
    values = step_values(walk)
    calls = squashed_by_step(walk)
    parts = _split(calls) if values is None else _of_program(values, calls)
    carriers = {} if values is None else {n: leaf for leaf in values.carries() for n in values.carrying(leaf)}
    names = unique([name for _, name, _, _ in parts])
    own = [
        _gate(name, kind, carriers.get(number), part)
        for name, (kind, _, part, number) in zip(names, parts, strict=True)
    ]
    memory = {} if values is None else {leaf: _memory(carry) for leaf, carry in values.carries().items()}

    places = _places(walk, row)
    after_step = {name: leaf for name, leaf in named_leaves(walk.next_states).items() if name in walk.moving}
    traces = {name: part for name, (_, _, part, _) in zip(names, parts, strict=True)}
    traces.update({f"state {name}": flat_rows(leaf) for name, leaf in after_step.items()})
    row_traces = {name: trace[places].float() for name, trace in traces.items()}
    steps = [str(token) for token in tokens or range(len(places))][: len(places)]
    if tokens is not None and len(tokens) != len(places):
        raise Fault(f"tokens has {len(tokens)} names, expected {len(places)}: one for each step of the row")
    return LayerGates(walk.title, len(walk.x), tuple(own), memory, row_traces, tuple(steps))


_Part = tuple[str, str, Tensor, int]
"""Kind, name, values `[N, width]`, number in the program (-1: there is none)."""


def _split(calls: Sequence[Squashed]) -> list[_Part]:
    """Calls cut into the parts that have names; others are called by their kind and a number."""
    parts: list[_Part] = []
    for call in calls:
        count = len(call.names)
        if count > 1 and call.values.shape[1] % count == 0:
            pieces = call.values.chunk(count, 1)
            parts += [(call.kind, name, piece, -1) for name, piece in zip(call.names, pieces, strict=True)]
        else:
            name = call.names[0] if count == 1 else _numbered(call.kind, parts)
            parts.append((call.kind, name, call.values, -1))
    return parts


def _of_program(values: StepValues, calls: Sequence[Squashed]) -> list[_Part]:
    """The program's own, with the names of calls that gave the same numbers."""
    parts: list[_Part] = []
    rest = list(calls)
    for number in values.squashed:
        kind = values.program.values[number].op
        tensor = values.tensors[number]
        width = values.program.values[number].width
        tensor = tensor.expand(len(values.tensors[values.program.x]), width)
        same = next((call for call in rest if call.kind == kind and _equal(call.values, tensor)), None)
        if same is not None:
            rest.remove(same)
            parts += [(kind, name, part, number) for _, name, part, _ in _split([same])]
            if not same.names:
                parts[-1] = (kind, _numbered(kind, parts[:-1]), tensor, number)
            continue
        wide = [part for call in rest if call.kind == kind for part in _split([call])]
        piece = next((part for part in wide if _equal(part[2], tensor)), None)
        name = _numbered(kind, parts) if piece is None else piece[1]
        parts.append((kind, name, tensor, number))
    return parts


def _numbered(kind: str, parts: Sequence[_Part]) -> str:
    return f"{kind} {1 + sum(other == kind for other, *_ in parts)}"


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.float(), other.float(), atol=1e-5)


def _gate(name: str, kind: str, carries: str | None, values: Tensor) -> Gate:
    assert kind in SQUASHING
    values = values.double()
    share = values if kind == "sigmoid" else (values + 1) / 2
    low, high = (0.0, 1.0) if kind == "sigmoid" else (-1.0, 1.0)
    return Gate(
        name,
        kind,
        carries,
        values.mean(0),
        (share < LOW).double().mean(0),
        (share > HIGH).double().mean(0),
        torch.histc(values.float(), BINS, low, high),
    )


def _memory(carry: Tensor) -> Tensor:
    """`1 / (1 - f)` steps, between 1 and `_FOREVER`."""
    share = carry.double().mean(0).clamp(0, 1 - 1 / _FOREVER)
    return 1 / (1 - share)


_FOREVER = 1e6


def _places(walk: Walk, row: int | None) -> Tensor:
    """Where in the run the steps of a row are, first step first."""
    rows = walk.visit.rows
    packed = 0
    if row is not None:
        if not 0 <= row < len(rows):
            raise Fault(f"there is no row {row}: the batch has {len(rows)}, numbered from 0")
        packed = row if rows.order is None else int((rows.order == row).nonzero()[0])
    length = int(rows.packed_lengths[packed])
    if not length:
        raise Fault(f"row {row} has no step to show: choose another one")
    places = torch.tensor(rows.offsets[:length]) + packed
    return places.flip(0) if walk.visit.reverse else places
