"""Memories beside a network: what their functions say, and the defaults that make them train."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from recurra import scan
from recurra.cells import DNC, GRU, MLSTM, NTM, Cell, FastWeights, memory
from recurra.cells.dnc import allocation
from recurra.errors import Fault


def rows(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_what_is_written_at_a_slot_is_read_there() -> None:
    blank = torch.full((2, 5, 3), memory.FRESH, dtype=torch.float64)
    at = torch.eye(5, dtype=torch.float64)[[1, 4]].unsqueeze(1)
    whole, content = torch.ones(2, 1, 3, dtype=torch.float64), rows(2, 1, 3)
    written = memory.write(blank, at, whole, content)
    torch.testing.assert_close(memory.read(written, at), content)
    untouched = at.squeeze(1) == 0
    assert (written[untouched] == memory.FRESH).all()


def test_all_heads_erase_before_any_adds() -> None:
    contents, weights = rows(2, 4, 3), rows(2, 2, 4).softmax(-1)
    erase, add = rows(2, 2, 3).sigmoid(), rows(2, 2, 3)
    swapped = memory.write(contents, weights.flip(1), erase.flip(1), add.flip(1))
    torch.testing.assert_close(memory.write(contents, weights, erase, add), swapped)


def test_the_likest_slot_is_found_by_content() -> None:
    contents = rows(2, 6, 4)
    by_length = contents[:, 2:3] * 7.0  # a cosine does not ask for length
    expected = torch.nn.functional.cosine_similarity(contents, by_length, dim=-1).unsqueeze(1)
    torch.testing.assert_close(memory.similarity(contents, by_length), expected, rtol=1e-6, atol=1e-6)
    assert memory.similarity(contents, by_length).argmax(-1).tolist() == [[2], [2]]


def test_a_shift_goes_round_the_end() -> None:
    at = torch.eye(4)[3].reshape(1, 1, 4)
    on, back = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0])
    assert memory.shifted(at, on.reshape(1, 1, 3)).flatten().tolist() == [1, 0, 0, 0]
    assert memory.shifted(at, back.reshape(1, 1, 3)).flatten().tolist() == [0, 0, 1, 0]


def address(contents: Tensor, previous: Tensor, **changes: Any) -> Tensor:
    one = torch.ones(1, 1, 1, dtype=contents.dtype)
    arguments = {
        "key": torch.zeros(1, 1, contents.shape[-1], dtype=contents.dtype),
        "strength": one,
        "gate": 0.5 * one,
        "shift": torch.tensor([[[0.0, 1.0, 0.0]]], dtype=contents.dtype),
        "power": one,
    }
    return memory.address(contents, previous, **{**arguments, **changes})


def test_a_slot_or_key_of_zeros_gives_finite_gradients() -> None:
    contents = torch.zeros(1, 4, 3, dtype=torch.float64, requires_grad=True)
    key = torch.zeros(1, 1, 3, dtype=torch.float64, requires_grad=True)
    at = torch.eye(4, dtype=torch.float64)[:1].unsqueeze(1).requires_grad_()
    weights = address(contents, at, key=key, power=torch.full((1, 1, 1), 5.0, dtype=torch.float64))
    for gradient in torch.autograd.grad((weights * rows(1, 1, 4)).sum(), [contents, key, at]):
        assert gradient.isfinite().all()


def test_a_power_without_bounds_moves_a_head_no_further() -> None:
    contents, previous = rows(1, 4, 3), rows(1, 1, 4).softmax(-1).requires_grad_()
    weights = address(contents, previous, power=torch.full((1, 1, 1), 1e4, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(weights.square().sum(), previous)
    bounded = address(contents, previous, power=torch.full((1, 1, 1), memory.SHARPEST, dtype=torch.float64))
    torch.testing.assert_close(weights, bounded)
    assert gradient.abs().max() < 100


def test_a_key_learns_from_a_fresh_memory() -> None:
    cell = NTM(3, 4, slots=6, width=2)
    contents = cell.initial_state(1).memory
    key = torch.tensor([[[0.5, -0.2]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(memory.similarity(contents, key).sum(), key)
    assert (gradient != 0).any()


@pytest.mark.parametrize("build", [NTM, DNC])
def test_a_controller_is_clipped(build: Any) -> None:
    class Loud(Cell):
        class State(NamedTuple):
            h: Tensor

        def __init__(self, input_size: int, hidden_size: int) -> None:
            self.weight = nn.Linear(input_size, hidden_size)

        def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
            y = 1e6 * self.weight(x)
            return y, self.State(y.tanh())

    cell = build(3, 4, slots=4, width=2, controller=Loud(3 + 2, 4))
    y, state = cell.step(torch.randn(5, 3), cell.initial_state(5))
    assert y[:, :4].abs().max() == 20
    assert y.isfinite().all()
    assert state.memory.isfinite().all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"controller": GRU(3, 4)},
        {"controller": 7},
        {"controller": "grru"},
        {"slots": 0},
        {"width": 0},
        {"reads": 0},
    ],
)
def test_what_is_no_machine_is_refused_in_one_line(arguments: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        NTM(3, 4, **arguments)
    assert "\n" not in str(caught.value)


def test_a_dnc_gives_out_the_slot_least_in_use() -> None:
    usage = torch.tensor([[0.9, 0.0, 0.5], [1.0, 1.0, 1.0]])
    expected = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(allocation(usage), expected)
    part = allocation(torch.tensor([[0.9, 0.2, 0.5]]))
    torch.testing.assert_close(part, torch.tensor([[0.1 * 0.5 * 0.2, 0.8, 0.5 * 0.2]]))


def test_an_mlstm_is_its_equation_without_a_scale() -> None:
    torch.manual_seed(0)
    cell = MLSTM(3, 4, heads=2).double()
    x = rows(1, 6, 3)
    y, _ = scan(cell, x)
    contents, total = torch.zeros(2, 2, 2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    for t in range(6):
        q, k, v, o = cell.input(x[0, t]).view(8, 2).chunk(4)
        forget, write = cell.gates(x[0, t]).chunk(2)
        f, i = forget.sigmoid()[:, None], write.exp()[:, None]
        k = k / 2**0.5
        contents = f[..., None] * contents + (i * v)[:, :, None] * k[:, None, :]
        total = f * total + i * k
        bound = (total * q).sum(-1).abs().clamp(min=1.0)
        h = o.sigmoid() * (contents @ q[:, :, None])[:, :, 0] / bound[:, None]
        torch.testing.assert_close(y[0, t], h.flatten())


def test_an_mlstm_does_not_overflow() -> None:
    cell = MLSTM(2, 4)
    y, _ = scan(cell, 400.0 * torch.ones(1, 50, 2))
    assert y.isfinite().all()
    with pytest.raises(Fault, match="4 units can't be parted into 3 heads"):
        MLSTM(2, 4, heads=3)


def test_fast_weights_recall_what_followed() -> None:
    cell = FastWeights(2, 4, decay=0.5, rate=1.0)
    h = torch.tensor([[0.0, 1.0, 0.0, 2.0]])
    _, state = cell.step(torch.zeros(1, 2), cell.State(h, torch.ones(1, 4, 4)))
    torch.testing.assert_close(state.fast[0], 0.5 * torch.ones(4, 4) + h.T @ h)


def test_what_the_documents_show_runs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "memory.md").read_text("utf-8")
    names: dict[str, Any] = {"__name__": "docs"}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.S)), names)
    y, _ = scan(names["Notebook"](3, 8), torch.zeros(2, 5, 3), strict=True)
    assert y.shape == (2, 5, 8)
