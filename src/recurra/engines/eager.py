"""The plain loop in torch: runs anything, in any precision, twice differentiable, and judges the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.base import LoopResult, StateNorms
from recurra.engines.levels import FoldLoop, run_loops
from recurra.program import Loop
from recurra.program.interpret import full_rows, run_rows
from recurra.program.ops import OPS
from recurra.recording import jit_records
from recurra.state import map_state, named_leaves, replace_leaves, require_step
from recurra.wiring import Wiring


class EagerEngine:
    """Runs a loop's operations one by one with torch's own functions."""

    name = "eager"
    merges = False

    def refusal(self, loop: Loop, like: Tensor) -> str | None:
        """It refuses nothing."""
        return None

    def run(
        self,
        loop: Loop,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        states: Sequence[Tensor],
        batch_sizes: Sequence[int],
        reverse: bool,
        norms: StateNorms | None = None,
    ) -> LoopResult:
        """See `Engine.run`."""
        constant = dict(zip(loop.fixed, fixed, strict=True))
        like = (*states, *inputs, *fixed)[0]
        pieces = [torch.split(whole, list(batch_sizes) or [0]) for whole in inputs]

        watched = [] if norms is None else [n for n in loop.next_states if n not in loop.inputs]
        handed_on = loop.handed_on if watched else frozenset()

        def step(t: int, rows: int, current: dict[int, Tensor]) -> tuple[list[Tensor], dict[int, Tensor]]:
            tensors: dict[int, Any] = {**constant, **current}
            tensors.update((n, piece[t]) for n, piece in zip(loop.inputs, pieces, strict=True))
            run_rows(loop.values, loop.body, tensors, rows, like)
            next_states = {
                state: full_rows(tensors[n], rows, loop.values[state].width)
                for state, n in zip(loop.states, loop.next_states, strict=True)
            }
            for k, (state, n) in enumerate(zip(loop.states, loop.next_states, strict=True)):
                if norms is not None and n in watched:
                    next_states[state] = watch_step(norms, k, t, next_states[state], n in handed_on)
            return [full_rows(tensors[n], rows, loop.values[n].width) for n in loop.outputs], next_states

        results, final = _over_time(step, dict(zip(loop.states, states, strict=True)), batch_sizes, reverse)
        if not results:  # a step of no rows: its outputs have their types and, of zeros, their gradients
            results = [step(0, 0, dict(zip(loop.states, (t[:0] for t in states), strict=True)))[0]]
        outputs = [torch.cat([row[k] for row in results]) for k in range(len(loop.outputs))]
        return LoopResult(outputs, [final[number] for number in loop.states])

    def fold_refusal(self, loop: FoldLoop, like: Tensor) -> str | None:
        """It refuses nothing."""
        return None

    def fold(
        self,
        loop: FoldLoop,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        edge_inputs: Sequence[Tensor],
        edge_fixed: Sequence[Tensor],
        missing: Sequence[Tensor],
        wiring: Wiring,
    ) -> list[Tensor]:
        """See `Engine.fold`."""
        return run_loops(loop, inputs, fixed, edge_inputs, edge_fixed, missing, wiring)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """See `Engine.product`."""
        return OPS["product"].run(x, weight, bias)


def run_opaque(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]],
    x: Tensor,
    state: Any,
    batch_sizes: Sequence[int],
    reverse: bool,
    resets: tuple[Tensor, Mapping[str, Tensor]] | None,
    who: str,
    norms: StateNorms | None = None,
) -> tuple[list[Tensor], Any]:
    """The loop around a step that has no program: nothing leaves it.

    Args:
        step: `(x [b, F], state) -> (y [b, width], state)`.
        x: `[N, F]`, packed.
        state: a tree with leaves `[B, ...]`, in packed order.
        resets: flags `[N]` (bool), and for each leaf that starts afresh the one row `[1, ...]` that it starts
            from; or None.
        who: named in the error when the step changes its state's shape.
        norms: see `Engine.run`; states by their number among the leaves.

    Returns:
        one y per step in the order of time, and the final state.
    """
    traced = jit_records()  # sizes are no whole numbers then
    alike = not traced and bool(batch_sizes) and batch_sizes[0] == batch_sizes[-1] == _row_count(state)
    if alike and resets is None and norms is None:
        return _over_full_rows(step, x, state, batch_sizes, reverse, who)
    pieces = torch.split(x, list(batch_sizes))
    flags = torch.split(resets[0], list(batch_sizes)) if resets else None

    def once(t: int, rows: int, current: Any) -> tuple[Tensor, Any]:
        if flags is not None and resets is not None:
            leaves = named_leaves(current)
            for name, fresh in resets[1].items():
                flag = flags[t].view(-1, *[1] * (fresh.dim() - 1))
                leaves[name] = torch.where(flag, fresh, leaves[name])
            current = replace_leaves(current, leaves)
        result = step(pieces[t], current)
        if traced or not _fits(result, rows, current):
            result = require_step(result, rows, current, who)
        if norms is None:
            return result
        y, state = result
        handed = {id(leaf) for leaf in named_leaves(current).values()}
        leaves = {
            name: watch_step(norms, k, t, leaf, id(leaf) in handed or leaf.is_leaf)
            for k, (name, leaf) in enumerate(named_leaves(state).items())
        }
        return y, replace_leaves(state, leaves)

    return _over_time(once, state, batch_sizes, reverse)


def watch_step(norms: StateNorms, state: int, t: int, leaf: Tensor, renewed: bool) -> Tensor:
    """What step t leaves as a state, of whose gradient `norms` is told: the tensor itself, or one in its
    place where the step only hands it on (`renewed`), or where no gradient would come to it.
    """
    if not leaf.is_floating_point():
        return leaf
    if not leaf.requires_grad:
        leaf = leaf.detach().requires_grad_()
    elif renewed:
        leaf = leaf.view_as(leaf)

    def tell(gradient: Tensor | None) -> None:
        if gradient is not None:
            norms.of_step(state, t, gradient)

    leaf.register_hook(tell)  # type: ignore[no-untyped-call]
    return leaf


def _row_count(state: Any) -> int:
    """Of a state that is one NamedTuple of tensors; -1: of another."""
    first = state[0] if isinstance(state, tuple) and state else None
    return first.shape[0] if type(first) is Tensor else -1


def _over_full_rows(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]],
    x: Tensor,
    state: Any,
    batch_sizes: Sequence[int],
    reverse: bool,
    who: str,
) -> tuple[list[Tensor], Any]:
    """`run_opaque` where every row has every step: what a user's own loop does, and no more."""
    rows = batch_sizes[0]
    pieces = x.view(len(batch_sizes), rows, -1).unbind(0)
    results: list[Tensor] = []
    for piece in reversed(pieces) if reverse else pieces:
        result = step(piece, state)
        # told in words only where it does not fit: the words take longer to come to than a look at the shapes
        y, state = result if _fits(result, rows, state) else require_step(result, rows, state, who)
        results.append(y)
    return results[::-1] if reverse else results, state


def _fits(result: Any, rows: int, state: Any) -> bool:
    """Whether a step's result is (y `[rows, width]`, a state like its old one), as far as a look tells."""
    if type(result) is not tuple or len(result) != 2:
        return False
    y, next_state = result
    kind = type(next_state)
    if type(y) is not Tensor or kind is not type(state) or not issubclass(kind, tuple):
        return False
    shape = y.shape  # `len(y)` and `y.dim()` are calls of their own
    if len(shape) != 2 or shape[0] != rows:
        return False
    for leaf, like in zip(next_state, state, strict=True):
        if type(leaf) is not Tensor or type(like) is not Tensor or leaf.shape != like.shape:
            return False
    return True


def _over_time(
    step: Callable[[int, int, Any], tuple[Any, Any]], state: Any, batch_sizes: Sequence[int], reverse: bool
) -> tuple[list[Any], Any]:
    """Carries `state` over the steps, whose rows become fewer or, reversed, more; results in time's order."""
    results: list[Any] = []
    if reverse:
        rows = 0
        current = _rows(state, 0, 0)
        for t in reversed(range(len(batch_sizes))):
            if batch_sizes[t] > rows:
                current = _join([current, _rows(state, rows, batch_sizes[t])])
                rows = batch_sizes[t]
            result, current = step(t, rows, current)
            results.append(result)
        return results[::-1], _join([current, _rows(state, rows, None)])
    rows = batch_sizes[0] if batch_sizes else 0
    finished = [_rows(state, rows, None)]
    current = _rows(state, 0, rows)
    for t, size in enumerate(batch_sizes):
        if size < rows:
            finished.append(_rows(current, size, None))
            current = _rows(current, 0, size)
            rows = size
        result, current = step(t, rows, current)
        results.append(result)
    return results, _join([current, *reversed(finished)])


def _rows(state: Any, first: int, last: int | None) -> Any:
    return map_state(lambda leaf: leaf[first:last], state)


def _join(states: list[Any]) -> Any:
    def joined(*leaves: Tensor) -> Tensor:
        filled = [leaf for leaf in leaves if len(leaf)]
        return torch.cat(filled) if len(filled) > 1 else (filled or leaves)[0]

    return map_state(joined, *states)
