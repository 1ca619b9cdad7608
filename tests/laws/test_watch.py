"""Norms that a watched backward pass leaves are those of the plain loop with retained gradients."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import recurra
from recurra import cells, scan
from recurra.errors import Fault
from recurra.layers import Bidirectional, Recurrent, Stack, from_torch
from recurra.loop.watch import RunNorms, watching
from recurra.ragged import Ragged
from tests.laws.loops import random_state
from tests.laws.table import CELLS, build, features
from tests.laws.watched import assert_norms, retained, watched

LENGTHS = (3, 0, 5, 1, 5)


@pytest.mark.parametrize("name", CELLS)
def test_norms_are_those_of_the_plain_loop(name: str, engine: str) -> None:
    cell = build(name)
    rows = [row.requires_grad_() for row in features(*LENGTHS, size=cell.input_size)]
    state = random_state(cell, len(rows))
    flags = [torch.rand(len(row)) < 0.4 for row in rows]
    for reverse, resets, every in (
        (False, None, None),
        (True, flags, None),
        (False, flags, 2),
        (True, None, 3),
    ):
        every = None if name == "keeping" else every
        expected = retained(cell, rows, state, reverse, resets)
        (run,) = watched(cell, rows, state, reverse, resets, every).runs
        assert run.cell is cell
        assert run.reverse is reverse
        assert run.lengths.tolist() == list(LENGTHS)
        assert_norms(run, expected, 0.02 if name == "mixed precision" else 1e-8)


def by_hand(cell: cells.Cell, x: Tensor, reverse: bool = False) -> tuple[Tensor, list[Any]]:
    """y of full rows `[B, T, F]`, and every state in the order of the run, gradients retained."""
    states = [cell.initial_state(len(x))]
    outputs: dict[int, Tensor] = {}
    for leaf in states[0]:
        leaf.requires_grad_()
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        outputs[t], state = cell.step(x[:, t], states[-1])
        for leaf in state:
            leaf.retain_grad()
        states.append(state)
    return torch.stack([outputs[t] for t in range(x.shape[1])], 1), states


def assert_states(run: RunNorms, states: list[Any]) -> None:
    for leaf, table in run.norms.items():
        expected = [getattr(state, leaf).grad.norm(dim=1) for state in states]
        torch.testing.assert_close(table, torch.stack(expected))


@pytest.mark.parametrize("every", [None, 2])
def test_layers_upon_layers_in_both_directions(every: int | None, engine: str) -> None:
    below, there, back = (cell.double() for cell in (cells.LSTM(3, 4), cells.GRU(4, 3), cells.GRU(4, 3)))
    layer = Stack(
        Recurrent(below, checkpoint_every=every),
        Bidirectional(
            Recurrent(there, checkpoint_every=every), Recurrent(back, reverse=True, checkpoint_every=every)
        ),
    )
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    with watching() as watch:
        y, _ = layer(x)
    y[:, -1].square().sum().backward()
    hidden, lowest = by_hand(below, x)
    (one, forward), (other, backward) = by_hand(there, hidden), by_hand(back, hidden, reverse=True)
    torch.cat([one, other], -1)[:, -1].square().sum().backward()
    assert [run.cell for run in watch.runs] == [below, there, back]
    for run, states in zip(watch.runs, (lowest, forward, backward), strict=True):
        assert_states(run, states)


def test_layers_that_take_the_place_of_torchs_own(engine: str) -> None:
    model = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True).double()
    x, tables = torch.randn(2, 5, 3, dtype=torch.float64), []
    converted = from_torch(model)
    recurra.accelerate(model)
    for layer in (converted, model):
        with watching() as watch:
            y, _ = layer(x)
        y[:, -1].square().sum().backward()
        tables.append([run.norms for run in watch.runs])
    assert len(tables[0]) == 4
    torch.testing.assert_close(tables[0], tables[1])


def test_a_watched_run_is_the_same_run(engine: str) -> None:
    cell = build("lstm")
    x = torch.stack(features(6, 6)).requires_grad_()
    results = []
    for watches in (False, True):
        with watching() if watches else torch.enable_grad():
            y, _ = scan(cell, x)
        y.square().sum().backward()
        results.append([y, x.grad, *(weight.grad for weight in cell.parameters())])
        x.grad = None
        cell.zero_grad()
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-14)


def test_weights_that_are_not_trained(engine: str) -> None:
    cell = build("gru").requires_grad_(False)
    rows = features(4, 2)
    state = random_state(cell, 2)
    expected = retained(cell, rows, state, False, None)
    (run,) = watched(cell, rows, state, False, None, None).runs
    assert_norms(run, expected, 1e-8)


def test_what_vanishes_in_single_precision_is_not_zero(engine: str) -> None:
    cell = cells.VanillaRNN(3, 4, bias=False)
    with torch.no_grad():
        cell.hidden.weight.copy_(0.05 * torch.eye(4))
    with watching() as watch:
        y, _ = scan(cell, 0.01 * torch.randn(2, 26, 3))
    y[:, -1].sum().backward()
    norms = watch.runs[0].norms["h"]
    assert norms.dtype == torch.float64
    expected = 2 * 0.05 ** torch.arange(25, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(norms[1:, 0], expected, rtol=0.1, atol=0.0)


def test_gradients_that_can_be_differentiated_again(engine: str) -> None:
    cell = build("gru")
    rows, state = [row.requires_grad_() for row in features(4, 2)], random_state(cell, 2)
    with watching() as watch:
        y, _ = scan(cell, Ragged.from_list(rows), state)
    weights = torch.randn_like(y.data)
    (y.data * weights).sum().backward(retain_graph=True)
    expected = watch.runs[0].norms["h"]
    torch.autograd.grad((y.data * weights).sum(), rows, create_graph=True)
    torch.testing.assert_close(watch.runs[0].norms["h"], expected, equal_nan=True)


def test_what_is_recorded_and_what_is_not(engine: str) -> None:
    cell, x = build("gru"), torch.stack(features(3, 3))
    with watching() as outer:
        with torch.no_grad():
            scan(cell, x)
        with watching() as inner:
            scan(cell, x)
        with ThreadPoolExecutor(1) as others:
            others.submit(scan, cell, x).result()
        assert outer.runs == []
        scan(cell, x)
    scan(cell, x)
    assert len(inner.runs) == len(outer.runs) == 1
    assert outer.runs[0].norms["h"].tolist() == [[0.0, 0.0]] * 4  # no backward pass came by


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 5, 3)])
def test_without_steps_or_rows(shape: tuple[int, int, int], engine: str) -> None:
    with watching() as watch:
        y, state = scan(cells.LSTM(3, 4), torch.zeros(shape))
    (y.sum() + state.c.sum()).backward()
    assert watch.runs[0].norms["c"].tolist() == [[2.0] * shape[0]]


def test_transforms_are_refused(engine: str) -> None:
    cell, x = build("gru"), torch.stack(features(3, 3))
    with watching(), pytest.raises(Fault, match=r"watching\(\) follows loss.backward.* leave out transforms"):
        torch.func.grad(lambda x: scan(cell, x)[0].sum())(x)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's own, where a graph breaks
def test_compiled_layers_are_run_outside_of_their_graph() -> None:
    torch._dynamo.reset()
    layer, x = Recurrent(cells.GRU(3, 4)), torch.randn(2, 5, 3)
    compiled = torch.compile(layer, backend="eager")
    compiled(x)
    tables = []
    for run in (layer, compiled, compiled):
        with watching() as watch:
            y, _ = run(x)
        y[:, -1].sum().backward()
        assert len(watch.runs) == 1
        tables.append(watch.runs[0].norms)
    torch.testing.assert_close(tables[0], tables[1])
    torch.testing.assert_close(tables[0], tables[2])
    torch._dynamo.reset()
    with watching(), pytest.raises(Exception, match="watching.* sees no run of a recorded graph"):
        torch.compile(layer, fullgraph=True, backend="eager")(x)
    torch._dynamo.reset()
    whole = torch.compile(layer, fullgraph=True, backend="eager")
    torch.testing.assert_close(whole(x)[0], layer(x)[0])  # nothing of the watching stays


def test_ended_rows_have_no_number(engine: str) -> None:
    cell = build("lstm")
    with watching() as watch:
        y, _ = scan(cell, Ragged.from_list(features(2, 4, 0)), reverse=True)
    y.data.sum().backward()
    for table in watch.runs[0].norms.values():
        assert [[math.isnan(value) for value in row] for row in table.tolist()] == [
            [False, False, False],
            [False, False, True],
            [False, False, True],
            [True, False, True],
            [True, False, True],
        ]
