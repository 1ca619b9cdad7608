"""What a tree's cell is: one step at a node, from the states of its children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from recurra.cells.base import Stateful
from recurra.errors import Fault
from recurra.registry import MODULES, Registry
from recurra.state import map_state, named_leaves, require_same_shapes
from recurra.tracing.side_effects import probe

TREE_CELLS = Registry("tree cell", plugins=("cells",))
"""Every registered cell of trees by name."""

C = TypeVar("C", bound="type[TreeCell]")


class TreeCell(Stateful):
    """One step of a recursive network over a batch of nodes.

    A subclass has a NamedTuple called `State`, and says what a node makes of its children in one of two ways:

    - with a number of `slots`, `step(x, *children)` of as many states: what is in a slot without a child is
      the initial state;
    - for any number of children, `edge(x, child)`, what one child adds to sums, and `step(x, sums)`. The
      order of the children means nothing then, and of a node without children the sums are zero.

    Sizes and the initial state are as a `Cell`'s.

    Attributes:
        slots: how many children `step` takes; None: any number, by `edge`.
    """

    slots: int | None = None

    def step(self, x: Tensor, *children: Any) -> tuple[Tensor, Any]:
        """One node.

        Args:
            x: `[B, input_size]`.
            children: `slots` states, leaves `[B, ...]`; or the one tree of sums that `edge` gives.

        Returns:
            `y [B, output_size]`, and the node's state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step(x, ...)")

    def edge(self, x: Tensor, child: Any) -> Any:
        """What one child adds to the sums over a node's children.

        Args:
            x: `[E, input_size]`, of the parent.
            child: a state, leaves `[E, ...]`.

        Returns:
            a tree of tensors `[E, width]`: a tensor, a NamedTuple of tensors or a dictionary.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither slots nor edge(x, child)")

    def _width(self) -> int:
        state = self.initial_state(1)
        x = self.example().new_zeros(1, self.required("input_size"))
        y: Tensor = probe(node_step(self), x, node_states(self, state))[0]
        return y.shape[1]


class SlotStep(nn.Module):
    """A cell with slots as a step from one tree of states to one of the same names: the new state stands in
    every slot's place.
    """

    def __init__(self, cell: TreeCell) -> None:
        super().__init__()
        self.cell = cell

    def step(self, x: Tensor, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        y, new = require_node(self.cell, self.cell.step(x, *state.values()), x, next(iter(state.values())))
        return y, dict.fromkeys(state, new)


class SumStep(nn.Module):
    """A cell of any arity as a step from sums and a state to as many: what is no result goes through."""

    def __init__(self, cell: TreeCell) -> None:
        super().__init__()
        self.cell = cell

    def step(self, x: Tensor, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        y, new = require_node(self.cell, self.cell.step(x, state["sums"]), x, state["state"])
        return y, {"sums": state["sums"], "state": new}


class EdgeStep(nn.Module):
    """What one child adds to the sums, as a step from sums and a state to as many."""

    def __init__(self, cell: TreeCell) -> None:
        super().__init__()
        self.cell = cell

    def step(self, x: Tensor, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        sums = require_sums(self.cell, self.cell.edge(x, state["state"]), x)
        return x, {"sums": sums, "state": state["state"]}


def node_step(cell: TreeCell) -> nn.Module:
    """The cell's step at a node, with the names that `node_states` gives."""
    return SumStep(cell) if cell.slots is None else SlotStep(cell)


def node_states(cell: TreeCell, state: Any) -> dict[str, Any]:
    """The states that `node_step` takes, from one state of a child, whose rows they have."""
    if cell.slots is None:
        return {"sums": sums_like(cell, state), "state": state}
    return {f"child {k}": state for k in range(cell.slots)}


def sums_like(cell: TreeCell, child: Any) -> Any:
    """Zeros of the kind and shape that `edge` gives for a state of some rows."""
    rows = next(iter(named_leaves(child).values()), torch.empty(1)).shape[0]
    x = cell.example().new_zeros(rows, cell.required("input_size"))
    sums = probe(_Edge(cell), x, child)
    return map_state(torch.zeros_like, require_sums(cell, sums, x))


class _Edge(nn.Module):
    """`probe` runs a method called `step`."""

    def __init__(self, cell: TreeCell) -> None:
        super().__init__()
        self.cell = cell

    def step(self, x: Tensor, child: Any) -> Any:
        return self.cell.edge(x, child)


def require_node(cell: TreeCell, result: Any, x: Tensor, state: Any) -> tuple[Tensor, Any]:
    """What a step returned, if it is y `[rows, width]` and a state like the child's; else a Fault."""
    who, rows = type(cell).__name__, x.shape[0]
    if not (isinstance(result, tuple) and len(result) == 2 and not hasattr(result, "_fields")):
        raise Fault(f"{who}.step: returned a {type(result).__name__}, expected (y, the node's state)")
    y, new = result
    if not isinstance(y, Tensor) or y.dim() != 2 or y.shape[0] != rows:
        kind = f"has shape {list(y.shape)}" if isinstance(y, Tensor) else f"is a {type(y).__name__}"
        raise Fault(f"{who}.step: y {kind} for {rows} nodes, expected a tensor [nodes, output_size]")
    require_same_shapes(state, new, who)
    return y, new


def require_sums(cell: TreeCell, sums: Any, x: Tensor) -> Any:
    """What `edge` returned, if it is a tree of tensors with a row for each edge; else a Fault."""
    who, rows = type(cell).__name__, x.shape[0]
    try:
        leaves = named_leaves(sums)
    except Fault as fault:
        raise Fault(f"{who}.edge: {fault}") from None
    if not leaves:
        raise Fault(f"{who}.edge: returned nothing, expected what a child adds to the sums")
    for name, leaf in leaves.items():
        if leaf.dim() < 2 or leaf.shape[0] != rows:
            raise Fault(
                f"{who}.edge: {name} has shape {list(leaf.shape)} for {rows} edges, expected [edges, width]"
            )
    return sums


class NodeState(NamedTuple):
    """The state of cells that remember what they show."""

    h: Tensor  # [B, H]


def tree_cell(name: str) -> Callable[[C], C]:
    """Class decorator: registers a cell of trees, so that recipes, files and the laws know it.

    Raises:
        Fault: the class can't be one, saying what it lacks.
    """

    def add(cls: C) -> C:
        if not issubclass(cls, TreeCell):
            raise Fault(f"{cls.__qualname__} is no recurra.TreeCell: derive it from TreeCell")
        if cls.step is TreeCell.step:
            raise Fault(f"{cls.__qualname__} has no method step(self, x, ...)")
        MODULES.register(name)(cls)
        TREE_CELLS.register(name)(cls)
        return cls

    return add
