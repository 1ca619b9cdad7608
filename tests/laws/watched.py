"""Norms of the loss's gradient by every state: by hand with retained gradients, and of watched runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra import scan
from recurra.cells import Cell
from recurra.loop.watch import RunNorms, Watch, watching
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves
from tests.laws.loops import Flags, merge, unchanged


def weighed(tensors: Sequence[Tensor]) -> Tensor:
    """A fixed weighing of all numbers."""
    generator = torch.Generator().manual_seed(7)
    shares = [(t * torch.randn(t.shape, dtype=torch.float64, generator=generator)).sum() for t in tensors]
    return torch.stack([torch.zeros((), dtype=torch.float64), *shares]).sum()


def retained(
    cell: Cell, rows: Sequence[Tensor], state: Any, reverse: bool, flags: Flags
) -> dict[str, Tensor]:
    """`[T + 1, B]` a leaf, each row alone, step by step."""
    fixed = unchanged(cell)
    outputs, finals, kept = [], [], []

    def differentiable(leaf: Tensor) -> Tensor:
        return leaf.detach().requires_grad_() if leaf.is_floating_point() and not leaf.requires_grad else leaf

    def retain(leaf: Tensor) -> Tensor:
        leaf = differentiable(leaf)
        if leaf.is_floating_point():
            leaf.retain_grad()
        return leaf

    for k, row in enumerate(rows):
        current = map_state(lambda leaf, k=k: retain(leaf[k : k + 1]), state)
        seen = [named_leaves(current)]
        made: dict[int, Tensor] = {}
        for t in reversed(range(len(row))) if reverse else range(len(row)):
            prev = current
            if flags is not None and bool(flags[k][t]):
                prev = merge(map_state(differentiable, cell.initial_state(1)), current, fixed)
            made[t], new = cell.step(row[t : t + 1], prev)
            handed = {id(leaf) for leaf in named_leaves(prev).values()}
            current = map_state(
                lambda leaf, handed=handed: retain(leaf.view_as(leaf) if id(leaf) in handed else leaf), new
            )
            seen.append(named_leaves(current))
        outputs.append(
            torch.cat([made[t] for t in range(len(row))]) if made else row.new_zeros(0, cell.output_size)
        )
        finals.append(current)
        kept.append(seen)
    final = map_state(lambda *leaves: torch.cat(leaves), *finals)
    total = weighed([*outputs, *named_leaves(final).values()])
    if total.requires_grad:
        total.backward()
    tables = {}
    for name, leaf in named_leaves(state).items():
        if not leaf.is_floating_point():
            continue
        table = torch.full((max(map(len, rows)) + 1, len(rows)), float("nan"), dtype=torch.float64)
        for k, seen in enumerate(kept):
            for t, leaves in enumerate(seen):
                grad = leaves[name].grad
                table[t, k] = 0.0 if grad is None else grad.double().norm()
        tables[name] = table
    return tables


def watched(
    cell: Cell, rows: Sequence[Tensor], state: Any, reverse: bool, flags: Flags, every: int | None
) -> Watch:
    resets = None if flags is None else Ragged.from_list(flags)
    with watching() as watch:
        y, final = scan(
            cell, Ragged.from_list(rows), state, reverse=reverse, resets=resets, checkpoint_every=every
        )
    weighed([*y.to_list(), *named_leaves(final).values()]).backward()
    return watch


def assert_norms(run: RunNorms, expected: dict[str, Tensor], accuracy: float) -> None:
    norms = run.norms
    assert list(norms) == list(run.leaf_names) == list(expected)
    for leaf, table in expected.items():
        torch.testing.assert_close(
            norms[leaf],
            table,
            rtol=accuracy,
            atol=accuracy / 100,
            equal_nan=True,
            msg=lambda m, leaf=leaf: f"{leaf}, reverse {run.reverse}: {m}",
        )
