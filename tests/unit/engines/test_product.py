"""Products before and after a loop: torch's numbers, gradients to any order, other types left to torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")

from recurra.engines.native.product import product


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_gradients_to_the_second_order(across: bool, biased: bool) -> None:
    shapes = [(5, 3), (4, 3) if across else (3, 4), *([(4,)] if biased else [])]
    given = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]

    def run(x: Tensor, weight: Tensor, *bias: Tensor) -> Tensor:
        return product(x, weight.t() if across else weight, *bias)

    expected = given[0] @ (given[1].t() if across else given[1])
    torch.testing.assert_close(run(*given), expected + given[2] if biased else expected)
    assert torch.autograd.gradcheck(run, given)
    assert torch.autograd.gradgradcheck(run, given)


def test_gradients_that_stand_for_many() -> None:
    x, weight, bias = torch.randn(300, 7), torch.randn(7, 9), torch.randn(9)
    made: list[tuple[Tensor, ...]] = []
    for run in (product, lambda x, w, b: torch.addmm(b, x, w)):
        given = [t.clone().requires_grad_() for t in (x, weight, bias)]
        made.append(
            torch.autograd.grad(run(*given).sum(), given)
        )  # the gradient that comes in has strides of 0
    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other)


def test_a_gradient_is_laid_out_like_the_weight() -> None:
    held = torch.randn(9, 7, requires_grad=True)
    (found,) = torch.autograd.grad(product(torch.randn(5, 7), held.t()).square().sum(), held)
    assert found.is_contiguous()


def test_types_are_left_to_torch() -> None:
    x, weight = torch.randn(5, 3), torch.randn(3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(product(x, weight), x @ weight)
    assert torch.equal(product(x.half(), weight.half()), x.half() @ weight.half())
    wide = product(x, weight, torch.ones(1))
    torch.testing.assert_close(wide, x @ weight + 1)


@pytest.mark.parametrize("shape", [(0, 3, 4), (4, 0, 3), (1, 1, 1), (1, 5, 2)])
def test_small_shapes(shape: tuple[int, int, int]) -> None:
    rows, depth, width = shape
    x, weight = torch.randn(rows, depth, requires_grad=True), torch.randn(depth, width, requires_grad=True)
    made = product(x, weight)
    torch.testing.assert_close(made, x @ weight)
    found = torch.autograd.grad(made.sum(), [x, weight])
    for one, other in zip(found, torch.autograd.grad((x @ weight).sum(), [x, weight]), strict=True):
        torch.testing.assert_close(one, other)
