"""What the laboratory tells of a step is the dense derivative's for every cell, and each row's alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra import Recurrent, scan
from recurra.cells import Cell
from recurra.errors import Fault
from recurra.inspect import gates, jacobian
from recurra.inspect.jacobian import product
from recurra.inspect.roads import layer_roads
from recurra.inspect.tangents import Tangent, largest_singular, random_rows, spectral_radius
from recurra.inspect.visits import Walk, walks
from recurra.loop.truncation import truncating
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves, replace_leaves
from tests.laws.loops import assert_same, merge, random_state, unchanged
from tests.laws.table import CELLS, build, features

LENGTHS = (3, 0, 5, 1)
ROUGH = {"mixed precision": 2e-2}
"""How far apart numbers may be where a step rounds to a narrow type."""
REMEMBERING = [name for name in CELLS if name != "memoryless"]
DERIVED = [name for name in REMEMBERING if name not in ("row-wise", "one unit")]
"""Norms of a row of zeros have derivatives of 1e12, of which rounding leaves little."""


@cache
def example(name: str) -> Cell:
    """One for all tests, which leave it as it is: it is traced once."""
    return build(name)


@cache
def example_walk(name: str) -> Walk:
    cell = example(name)
    (walk,) = walks(cell, Ragged.from_list(features(*LENGTHS, size=cell.input_size)))
    return walk


def dense(walk: Walk, place: int) -> Tensor:
    """J `[D, D]` at one place, by torch."""
    leaves = {name: leaf[place : place + 1] for name, leaf in named_leaves(walk.states).items()}

    def step(*moving: Tensor) -> Tensor:
        state = replace_leaves(walk.states, leaves | dict(zip(walk.moving, moving, strict=True)))
        _, next_state = walk.cell.step(walk.x[place : place + 1], state)
        next_leaves = named_leaves(next_state)
        return torch.cat([next_leaves[name].flatten() for name in walk.moving])

    inputs = tuple(leaves[name] for name in walk.moving)
    blocks: Any = torch.autograd.functional.jacobian(step, inputs)
    return torch.cat([block.reshape(block.shape[0], -1) for block in blocks], 1)


@pytest.mark.parametrize("name", DERIVED)
def test_step_derivatives(name: str) -> None:
    walk = example_walk(name)
    count = len(walk.x)
    assert count == sum(LENGTHS)
    matrices = torch.stack([dense(walk, place) for place in range(count)])
    tangent, u = Tangent(walk, torch.arange(count)), random_rows(walk, count)
    close = ROUGH.get(name, 1e-8)
    torch.testing.assert_close(
        tangent.push(u), torch.einsum("rij,rj->ri", matrices, u), rtol=close, atol=close
    )
    torch.testing.assert_close(
        tangent.pull(u), torch.einsum("rij,ri->rj", matrices, u), rtol=close, atol=close
    )
    close = ROUGH.get(name, 1e-3)
    singular = largest_singular(tangent.push, tangent.pull, u, rounds=300, tolerance=1e-7)
    torch.testing.assert_close(singular, torch.linalg.matrix_norm(matrices, 2), rtol=close, atol=close)
    radius = torch.linalg.eigvals(matrices).abs().amax(1)
    torch.testing.assert_close(spectral_radius(tangent.push, u), radius, rtol=close, atol=close)


@pytest.mark.parametrize("name", [n for n in DERIVED if n != "mixed precision"])
def test_products_and_roads(name: str) -> None:
    walk = example_walk(name)
    products = {steps: product(walk, steps, 16) for steps in (2, 4)}
    ways = layer_roads(walk, 8, max(walk.moving.values()), None)
    rows = walk.visit.rows
    widths = list(walk.moving.values())
    assert len(products[4]) == 2  # of the row of 5
    assert len(products[2]) == 2 + 4  # and of the row of 3
    for row in range(2):
        length = int(rows.packed_lengths[row])
        steps = [dense(walk, rows.offsets[t] + row) for t in range(length)]
        whole = torch.eye(sum(widths), dtype=torch.float64)
        own = whole.clone()
        inside = torch.block_diag(*[torch.ones(width, width, dtype=torch.float64) for width in widths])
        for age in range(length + 1):
            if age:
                whole, own = whole @ steps[length - age], own @ (steps[length - age] * inside)
            for a, lines in enumerate(torch.split(whole, widths, 0)):
                sizes = torch.stack([block.norm() for block in torch.split(lines, widths, 1)])
                torch.testing.assert_close(
                    ways.blocks[a, :, age, row], sizes / widths[a] ** 0.5, rtol=1e-6, atol=1e-9
                )
                block = torch.split(torch.split(own, widths, 0)[a], widths, 1)[a]
                size = block.norm() / widths[a] ** 0.5
                torch.testing.assert_close(ways.own[a, age, row], size, rtol=1e-6, atol=1e-9)
        assert ways.blocks[:, :, length + 1 :, row].isnan().all()
    last = [torch.linalg.multi_dot([dense(walk, rows.offsets[s + k]) for k in (3, 2, 1, 0)]) for s in (0, 1)]
    wanted = torch.stack([torch.linalg.matrix_norm(product, 2) for product in last])
    torch.testing.assert_close(products[4], wanted, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_gates_of_ragged_rows_are_those_of_each_alone(name: str) -> None:
    cell = example(name)
    rows = features(*LENGTHS, size=cell.input_size)
    (whole,) = gates(cell, Ragged.from_list(rows)).layers
    alone = [gates(cell, Ragged.from_list([row])).layers[0] for row in rows if len(row)]
    assert whole.steps == sum(LENGTHS)
    lengths = [length for length in LENGTHS if length]
    for k, gate in enumerate(whole.gates):
        parts = [layer.gates[k] for layer in alone]
        for of in ("left", "right", "mean"):
            total = sum(n * getattr(part, of) for n, part in zip(lengths, parts, strict=True))
            torch.testing.assert_close(getattr(gate, of), total / sum(lengths), rtol=1e-6, atol=1e-9)
        assert torch.equal(gate.histogram, torch.stack([part.histogram for part in parts]).sum(0))
        assert gate.histogram.sum() == gate.width * sum(lengths)
        assert gate.name in whole.traces
    for leaf, lengths_of in whole.memory.items():
        keeps = sum(n * (1 - 1 / layer.memory[leaf]) for n, layer in zip(lengths, alone, strict=True))
        torch.testing.assert_close(1 - 1 / lengths_of, keeps / sum(lengths), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_reversed_run_is_the_run_of_the_reversed_rows(name: str) -> None:
    cell = example(name)
    x = Ragged.from_list(features(*LENGTHS, size=cell.input_size))
    (there,), (back,) = walks(cell, x.reversed()), walks(Recurrent(cell, reverse=True), x)
    leaves, others = named_leaves(there.next_states), named_leaves(back.next_states)
    for leaf in leaves:
        torch.testing.assert_close(leaves[leaf], others[leaf], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way", ["forward", "reverse", "resets"])
@pytest.mark.parametrize("name", CELLS)
def test_truncation_is_the_plain_loop_with_states_cut_off(name: str, way: str) -> None:
    cell = example(name)
    rows = [row.requires_grad_() for row in features(*LENGTHS, size=cell.input_size)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.4 for row in rows] if way == "resets" else None
    resets = None if flags is None else Ragged.from_list(flags)
    with truncating(2) as runs:
        y, final = scan(cell, Ragged.from_list(rows), state, reverse=way == "reverse", resets=resets)
    assert runs.lengths == [max(LENGTHS)]
    inputs = [*rows, *named_leaves(state).values(), *cell.parameters()]
    plain = cut_loop(cell, rows, state, way == "reverse", flags)
    assert_same((y.to_list(), final), plain, inputs)


def cut_loop(
    cell: Any, rows: Sequence[Tensor], state: Any, reverse: bool, flags: Sequence[Tensor] | None
) -> tuple[list[Tensor], Any]:
    """The plain loop, row by row; between steps 1 and 2, 3 and 4 no gradient passes."""
    outputs, finals = [], []
    fixed = unchanged(cell)
    for k, row in enumerate(rows):
        current = map_state(lambda leaf, k=k: leaf[k : k + 1], state)
        steps = list(reversed(range(len(row)))) if reverse else list(range(len(row)))
        ys: dict[int, Tensor] = {}
        for n, t in enumerate(steps):
            border = t % 2 == 1 if reverse else t % 2 == 0
            if n and border:
                current = map_state(Tensor.detach, current)
            if flags is not None and bool(flags[k][t]):
                current = merge(cell.initial_state(1), current, fixed)
            y, current = cell.step(row[t : t + 1], current)
            ys[t] = y[0]
        empty = row.new_zeros(0, cell.output_size)
        outputs.append(torch.stack([ys[t] for t in range(len(row))]) if ys else empty)
        finals.append(current)
    return outputs, map_state(lambda *leaves: torch.cat(leaves), *finals)


def test_a_cell_without_memory_is_refused_in_one_line() -> None:
    cell = build("memoryless")
    with pytest.raises(Fault, match="expected a cell that remembers"):
        jacobian(cell, torch.stack(features(3, 3)))
