"""What a model's cells met on real input: every run over time, and every state its steps went through."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

import recurra.cells
import recurra.layers
import recurra.loop
import recurra.tracing  # noqa: F401
from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.loop import scan
from recurra.loop.interception import Passage, intercepting
from recurra.loop.plan import plan_of
from recurra.program import Program
from recurra.ragged import Ragged
from recurra.state import detach, flat_rows, map_state, named_leaves, replace_leaves, require_step
from recurra.tracing.parametrized import once_a_run
from recurra.tracing.side_effects import probe, unmarked

Call = Callable[[Any, Any], Any]
"""`(model, x)`: runs the model over its input; what it gives is not read (a loss will do)."""


@dataclass(frozen=True)
class Visit:
    """One run of a cell over time, in the order of its steps (of a reversed run the last step is first).

    Attributes:
        name: the cell's place in the model; empty for the model itself.
        cell: a copy, with the weights of this run.
        rows: x `[N, input_size]`, each row in the order of the run.
        flags: `[N]` bool, true where the state starts afresh before the step; None: nowhere.
        state: what the first step starts from, leaves `[B, ...]` in packed order.
        reverse: whether the run goes from each row's last step to its first.
        number: of the runs that the model made, counted from 0.
        program: of the step, as the run had it; None: it has none.
    """

    name: str
    cell: Cell
    rows: Ragged
    flags: Tensor | None
    state: Any
    reverse: bool
    number: int
    program: Program | None


@dataclass(frozen=True)
class Walk:
    """A visit step by step; ended rows have no place in it.

    Attributes:
        visit: whose.
        x: `[N, input_size]`.
        states: before each step, leaves `[N, ...]`.
        next_states: after each step.
        y: `[N, output_size]`.
        moving: names of the real-valued leaves that a step changes, with the width of one row.
    """

    visit: Visit
    x: Tensor
    states: Any
    next_states: Any
    y: Tensor
    moving: dict[str, int]

    @property
    def cell(self) -> Cell:
        """Its step gives these states, in their precision."""
        return self.visit.cell

    @property
    def title(self) -> str:
        """What sentences call it."""
        kind = type(self.cell).__name__
        return f"{self.visit.name} ({kind})" if self.visit.name else kind


@contextmanager
def out_of_training(model: nn.Module) -> Iterator[None]:
    """Every part as it is out of training, where nothing is drawn at random; then as it was."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def visits(model: nn.Module, x: Any, state: Any = None, call: Call | None = None) -> list[Visit]:
    """Every run over time that a model makes of an input, out of training.

    Args:
        model: a cell, a layer, or any torch module that holds Recurra's layers.
        x: what the model reads; of a cell or layer a Ragged or `[B, T, input_size]`.
        state: what the first step starts from, of a cell or a layer alone.
        call: runs the model over x; None: `model(x)`.

    Raises:
        Fault: no recurrent layer ran over a step.
    """
    met: list[Visit] = []
    names = _Names(model)

    def note(passage: Passage) -> tuple[Tensor, Any]:
        result = passage.own(passage.run, passage.state)
        if len(passage.run.x):
            met.append(_visit(passage, names, len(met)))
        return result

    with torch.no_grad(), out_of_training(model), intercepting(note):
        if call is not None:
            call(model, x)
        elif isinstance(model, Cell):
            scan(model, x, state)
        elif isinstance(model, Layer):
            model(x, state)
        else:
            model(x)
    if not met:
        raise Fault(
            f"{type(model).__name__}: no recurrent layer of Recurra ran over time on this input: expected a "
            f"cell, a layer or a model that holds some (recurra.accelerate swaps torch's own)"
        )
    return met


def walks(
    model: nn.Module,
    x: Any,
    state: Any = None,
    call: Call | None = None,
    *,
    double: bool = True,
    remembering: bool = True,
) -> list[Walk]:
    """Every visit of a model, step by step.

    Args:
        double: in double precision, where the cell can be converted.
        remembering: leave out runs whose steps hand on no real number.

    Raises:
        Fault: as `visits`; a state that is not finite, with its step; no run that remembers.
    """
    all_walks = [walk(visit, double) for visit in visits(model, x, state, call)]
    rest = [each for each in all_walks if each.moving or not remembering]
    if not rest:
        raise Fault(
            f"{all_walks[0].title}: no step hands a real-valued state on to the next, expected a cell that "
            f"remembers"
        )
    return rest


def walk(visit: Visit, double: bool = True) -> Walk:
    """The steps of a visit one after the other: the plain loop, without gradients.

    Raises:
        Fault: a state that is not finite: which leaf, after which step of which row.
    """
    cell = _in_double(visit.cell) if double else visit.cell
    dtype = cell.example().dtype if cell.example().is_floating_point() else visit.rows.data.dtype
    x = visit.rows.data.to(dtype)
    state = map_state(lambda leaf: leaf.to(dtype) if leaf.is_floating_point() else leaf, visit.state)
    moving = _moving(cell, x)
    fresh = named_leaves(cell.initial_state(1))
    starts: list[Any] = []
    ends: list[Any] = []
    outputs: list[Tensor] = []
    first = 0
    with torch.no_grad(), unmarked(cell), once_a_run(cell):
        for size in visit.rows.batch_sizes:
            places = slice(first, first + size)
            state = map_state(lambda leaf, size=size: leaf[:size], state)
            if visit.flags is not None:
                state = _restarted(state, visit.flags[places], {name: fresh[name] for name in moving})
            y, next_state = require_step(cell.step(x[places], state), size, state, type(cell).__name__)
            starts.append(state)
            ends.append(next_state)
            outputs.append(y)
            state, first = next_state, first + size
    states, next_states = _joined(starts), _joined(ends)
    _require_finite(visit, next_states)
    real = {n: leaf[0].numel() for n, leaf in named_leaves(states).items() if leaf.is_floating_point()}
    widths = {name: width for name, width in real.items() if name in moving and width}
    own = replace(visit, cell=cell)
    return Walk(own, x, states, next_states, torch.cat(outputs), widths)


def _visit(passage: Passage, names: _Names, number: int) -> Visit:
    rows, run = passage.rows, passage.run
    flags = run.flags
    if run.reverse:
        flags = None if flags is None else rows.with_data(flags).reversed().data
        rows = rows.with_data(run.x).reversed()
    cell = copied_cell(passage)
    state = map_state(lambda leaf: leaf.clone(), detach(passage.state))
    data = rows.with_data(rows.data.detach())
    return Visit(
        names.of(passage), cell, data, flags, state, run.reverse, number, plan_of(passage.cell).program
    )


def copied_cell(passage: Passage) -> Cell:
    """A copy of the cell with the weights that it is run with, which take no gradients; the cell itself where
    it can't be copied.
    """
    try:
        cell = copy.deepcopy(passage.cell)
    except Exception:  # whatever a user's cell holds
        return passage.cell
    own = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    for name, tensor in own.items():
        weight = passage.weights[name]
        tensor.requires_grad_(False)
        if tensor.stride() != weight.stride() or not torch.equal(tensor, weight):  # a drop-in's template
            *path, last = name.split(".")
            replaced = nn.Parameter(weight.detach().clone(), requires_grad=False)
            setattr(cell.get_submodule(".".join(path)), last, replaced)
    return cell


class _Names:
    """What the parts of a model are called."""

    def __init__(self, model: nn.Module) -> None:
        self.cells = {id(part): (part, name) for name, part in model.named_modules()}
        self.weights = {id(weight): name for name, weight in model.named_parameters(remove_duplicate=False)}

    def of(self, passage: Passage) -> str:
        """A cell's place without its own name in its layer; a drop-in's by its first weight."""
        if id(passage.cell) in self.cells:
            name = self.cells[id(passage.cell)][1]
            return "" if name == "cell" else name.removesuffix(".cell")
        weight = next(iter(passage.weights.values()), None)
        name = self.weights.get(id(weight), "")
        owner, _, own = name.rpartition(".")
        _, _, layer = own.rpartition("_l")
        return f"{owner} layer {layer.replace('_', ' ')}".strip() if layer else owner


def _in_double(cell: Cell) -> Cell:
    """A copy in double, or the cell itself where a step of the copy is not in double."""
    try:
        other = copy.deepcopy(cell).double()
        state = other.initial_state(1)
        _, next_state = probe(
            other, other.example().new_zeros(1, other.input_size, dtype=torch.float64), state
        )
    except Exception:  # a step that insists on a type
        return cell
    leaves = [leaf for leaf in named_leaves(next_state).values() if leaf.is_floating_point()]
    return other if all(leaf.dtype == torch.float64 for leaf in leaves) else cell


def _moving(cell: Cell, x: Tensor) -> set[str]:
    """Names of the leaves that a step changes: others belong to the run, as masks do."""
    state = cell.initial_state(1)
    _, next_state = probe(cell, x.new_zeros(1, cell.input_size), state)
    next_leaves = named_leaves(next_state)
    return {name for name, leaf in named_leaves(state).items() if next_leaves[name] is not leaf}


def _restarted(state: Any, flags: Tensor, fresh: dict[str, Tensor]) -> Any:
    leaves = named_leaves(state)
    for name, start in fresh.items():
        mask = flags.reshape(-1, *[1] * (leaves[name].dim() - 1))
        leaves[name] = torch.where(mask, start.to(leaves[name].dtype), leaves[name])
    return replace_leaves(state, leaves)


def _joined(states: list[Any]) -> Any:
    return map_state(lambda *leaves: torch.cat(leaves), *states)


def _require_finite(visit: Visit, next_states: Any) -> None:
    rows = visit.rows
    for name, leaf in named_leaves(next_states).items():
        if not leaf.is_floating_point():
            continue
        bad = flat_rows(~leaf.isfinite()).any(1).nonzero()
        if len(bad):
            place = int(bad[0])
            step, packed = int(rows.step_of[place]), int(rows.row_of[place])
            row = packed if rows.order is None else int(rows.order[packed])
            step = int(rows.lengths[row]) - 1 - step if visit.reverse else step
            where = f"{visit.name} ({type(visit.cell).__name__})" if visit.name else type(visit.cell).__name__
            value = leaf[place][~leaf[place].isfinite()][0].item()
            raise Fault(
                f"{where}: state {name} is {value} after step {step} of row {row}, expected finite numbers: "
                f"look at the input there, clip gradients, or lower the learning rate"
            )
