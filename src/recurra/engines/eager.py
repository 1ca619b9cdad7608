"""The plain loop in torch: runs anything, in any precision, twice differentiable, and judges the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.base import LoopResult
from recurra.program import Loop
from recurra.program.interpret import run_rows
from recurra.program.ops import OPS
from recurra.state import map_state, named_leaves, replace_leaves, require_step


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
        steps: Sequence[Tensor],
        fixed: Sequence[Tensor],
        states: Sequence[Tensor],
        batch_sizes: Sequence[int],
        reverse: bool,
    ) -> LoopResult:
        """See `Engine.run`."""
        constant = dict(zip(loop.fixed, fixed, strict=True))
        like = (*states, *steps, *fixed)[0]
        pieces = [torch.split(whole, list(batch_sizes)) for whole in steps]

        def step(t: int, rows: int, current: dict[int, Tensor]) -> tuple[list[Tensor], dict[int, Tensor]]:
            held: dict[int, Any] = {**constant, **current}
            held.update((number, piece[t]) for number, piece in zip(loop.inputs, pieces, strict=True))
            run_rows(loop.values, loop.body, held, rows, like)
            after = {
                number: _whole(held[after], rows, loop.values[number].width)
                for number, after in zip(loop.states, loop.next_states, strict=True)
            }
            return [_whole(held[n], rows, loop.values[n].width) for n in loop.outputs], after

        made, final = _over_time(step, dict(zip(loop.states, states, strict=True)), batch_sizes, reverse)
        outputs = [
            torch.cat([step[k] for step in made]) if made else like.new_zeros(0, loop.values[number].width)
            for k, number in enumerate(loop.outputs)
        ]
        return LoopResult(outputs, [final[number] for number in loop.states])

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
) -> tuple[list[Tensor], Any]:
    """The loop around a step that has no program: nothing leaves it.

    Args:
        step: `(x [b, F], state) -> (y [b, width], state)`.
        x: `[N, F]`, packed.
        state: a tree with leaves `[B, ...]`, in packed order.
        resets: flags `[N]` (bool), and for each leaf that starts afresh the one row `[1, ...]` that it starts
            from; or None.
        who: named in the error when the step changes its state's shape.

    Returns:
        one y per step in the order of time, and the final state.
    """
    pieces = torch.split(x, list(batch_sizes))
    flags = torch.split(resets[0], list(batch_sizes)) if resets else None

    def once(t: int, rows: int, current: Any) -> tuple[Tensor, Any]:
        if flags is not None and resets is not None:
            leaves = named_leaves(current)
            for name, fresh in resets[1].items():
                flag = flags[t].view(-1, *[1] * (fresh.dim() - 1))
                leaves[name] = torch.where(flag, fresh, leaves[name])
            current = replace_leaves(current, leaves)
        return require_step(step(pieces[t], current), rows, current, who)

    return _over_time(once, state, batch_sizes, reverse)


def _over_time(
    step: Callable[[int, int, Any], tuple[Any, Any]], state: Any, batch_sizes: Sequence[int], reverse: bool
) -> tuple[list[Any], Any]:
    """Carries `state` over the steps, whose rows become fewer (or, reversed, more). Results in order of
    time.
    """
    results: list[Any] = []
    if reverse:
        rows = 0
        current = _rows(state, 0, 0)
        for t in reversed(range(len(batch_sizes))):
            if batch_sizes[t] > rows:
                current = _join([current, _rows(state, rows, batch_sizes[t])])
                rows = batch_sizes[t]
            made, current = step(t, rows, current)
            results.append(made)
        return results[::-1], _join([current, _rows(state, rows, None)])
    rows = batch_sizes[0] if batch_sizes else 0
    finished = [_rows(state, rows, None)]
    current = _rows(state, 0, rows)
    for t, size in enumerate(batch_sizes):
        if size < rows:
            finished.append(_rows(current, size, None))
            current = _rows(current, 0, size)
            rows = size
        made, current = step(t, rows, current)
        results.append(made)
    return results, _join([current, *reversed(finished)])


def _rows(state: Any, first: int, last: int | None) -> Any:
    return map_state(lambda leaf: leaf[first:last], state)


def _join(states: list[Any]) -> Any:
    def joined(*leaves: Tensor) -> Tensor:
        filled = [leaf for leaf in leaves if len(leaf)]
        return torch.cat(filled) if len(filled) > 1 else (filled or leaves)[0]

    return map_state(joined, *states)


def _whole(value: Tensor, rows: int, width: int) -> Tensor:
    """A value that is a weight, or of width 1, as rows of its own."""
    return value if value.shape == (rows, width) else value.expand(rows, width)
