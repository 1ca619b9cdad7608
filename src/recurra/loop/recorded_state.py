"""The first state of a run that torch records: checked as any other, when the graph runs.

An error raised while a graph is recorded is torch's, with the Fault somewhere within; one raised by a call
of the graph is the Fault itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.loop.arguments import foreign_state, require_leaves
from recurra.loop.compiled import Recordable, plan_numbered
from recurra.ragged import Ragged
from recurra.state import named_leaves, with_leaves


@torch.library.custom_op("recurra::fault", mutates_args=())
def fault_operator(message: str, like: Tensor, shape: Sequence[int]) -> Tensor:
    """Raises a Fault; a graph holds it in place of a tensor of this shape."""
    raise Fault(message)


@fault_operator.register_fake
def _(message: str, like: Tensor, shape: Sequence[int]) -> Tensor:
    return like.new_empty(shape)


def as_recorded_state(cell: Cell, plan: Recordable, state: Any, rows: Ragged) -> Any:
    """As `as_state`, while dynamo records. Leaves are in the caller's order."""
    who, like = type(cell).__name__, cell.initial_state(len(rows))
    kind, leaves = _flat(state)
    checked = _check(plan.number, who, kind, list(leaves), list(leaves.values()), rows.data, len(rows))
    return with_leaves(like, checked)


def _flat(state: Any) -> tuple[str, dict[str, Tensor]]:
    """The leaves; the name of the state's type instead where it is no tree of tensors."""
    try:
        return "", named_leaves(state)
    except Fault:
        return type(state).__name__, {}


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _check(
    number: int, who: str, kind: str, names: list[str], leaves: list[Tensor], x: Tensor, rows: int
) -> list[Tensor]:
    """The leaves, or where they do not fit, in their place what raises the Fault as the graph runs."""
    template = plan_numbered(number).template
    try:
        if kind:
            raise Fault(foreign_state(who, template, kind))
        require_leaves(who, template, dict(zip(names, leaves, strict=True)), rows, x.device)
    except Fault as fault:
        if type(x) is Tensor and not torch._C._len_torch_dispatch_stack():
            raise
        message = str(fault)
    else:
        return leaves
    return [
        torch.ops.recurra.fault(message, x, [rows, *leaf.shape[1:]]).to(leaf.dtype)
        for leaf in named_leaves(template).values()
    ]
