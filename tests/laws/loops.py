"""What a run over time means: each row alone, one step after the other, by the cell's own step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from recurra import scan
from recurra.cells import Cell
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves

Flags = Sequence[Tensor] | None


def by_hand(
    cell: Cell, rows: Sequence[Tensor], state: Any, reverse: bool = False, flags: Flags = None
) -> tuple[list[Tensor], Any]:
    """One y `[T, F]` a row, and the final state of all rows."""
    outputs, finals = [], []
    kept = unchanged(cell)
    for k, row in enumerate(rows):
        held = map_state(lambda leaf, k=k: leaf[k : k + 1], state)
        made: dict[int, Tensor] = {}
        for t in reversed(range(len(row))) if reverse else range(len(row)):
            if flags is not None and bool(flags[k][t]):
                held = merge(cell.initial_state(1), held, kept)
            y, held = cell.step(row[t : t + 1], held)
            made[t] = y[0]
        outputs.append(
            torch.stack([made[t] for t in range(len(row))]) if made else row.new_zeros(0, cell.output_size)
        )
        finals.append(held)
    return outputs, map_state(lambda *leaves: torch.cat(leaves), *finals)


def by_scan(
    cell: Cell, rows: Sequence[Tensor], state: Any, reverse: bool = False, flags: Flags = None
) -> tuple[list[Tensor], Any]:
    """The same from one run over all rows together."""
    resets = None if flags is None else Ragged.from_list(flags)
    y, final = scan(cell, Ragged.from_list(rows), state, reverse=reverse, resets=resets)
    return y.to_list(), final


def unchanged(cell: Cell) -> set[str]:
    """Leaves that no step changes: they belong to the run, and resets leave them."""
    state = cell.initial_state(1)
    _, after = cell.step(cell.example().new_ones(1, cell.input_size), state)
    later = named_leaves(after)
    return {name for name, leaf in named_leaves(state).items() if later[name] is leaf}


def merge(fresh: Any, held: Any, kept: set[str]) -> Any:
    """`fresh` with the leaves called `kept` as they are held."""
    names = iter(named_leaves(fresh))
    return map_state(lambda new, old: old if next(names) in kept else new, fresh, held)


def random_state(cell: Cell, rows: int) -> Any:
    """A state of random numbers, differentiable where it is real."""

    def drawn(leaf: Tensor) -> Tensor:
        if not leaf.is_floating_point():
            return leaf.detach().clone()
        return torch.randn_like(leaf).mul_(0.5).requires_grad_()

    return map_state(drawn, cell.initial_state(rows))


def gradients(result: tuple[list[Tensor], Any], inputs: Iterable[Tensor]) -> list[Tensor]:
    """Of a fixed weighing of all outputs and final states, by each of `inputs`; zeros where none reach."""
    outputs, final = result
    generator = torch.Generator().manual_seed(7)
    total = torch.zeros((), dtype=torch.float64)
    for tensor in (*outputs, *named_leaves(final).values()):
        weigh = torch.randn(tensor.shape, dtype=torch.float64, generator=generator)
        total = total + (tensor * weigh).sum()
    wanted = [tensor for tensor in inputs if tensor.requires_grad]
    if not wanted or not total.requires_grad:
        return [torch.zeros_like(tensor) for tensor in wanted]
    found = torch.autograd.grad(total, wanted, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, wanted, strict=True)]


def assert_same(
    one: tuple[list[Tensor], Any],
    other: tuple[list[Tensor], Any],
    inputs: Sequence[Tensor] = (),
    rtol: float = 1e-9,
    atol: float = 1e-10,
) -> None:
    """Values and gradients agree; in double the default leaves room for a sum in another order alone."""
    for a, b in zip(one[0], other[0], strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)
    leaves, others = named_leaves(one[1]), named_leaves(other[1])
    assert list(leaves) == list(others)
    for name in leaves:
        torch.testing.assert_close(
            leaves[name], others[name], rtol=rtol, atol=atol, msg=lambda m, n=name: f"{n}: {m}"
        )
    for a, b in zip(gradients(one, inputs), gradients(other, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=rtol * 10, atol=atol * 10)


def weights(module: nn.Module) -> list[Tensor]:
    return list(module.parameters())
