"""Sampling draws what the probabilities say, within the restrictions set."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.decode import restrict, sample
from recurra.errors import Fault

LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()


def allowed(**options: Any) -> list[int]:
    return restrict(LOGITS, **options).isfinite().nonzero().flatten().tolist()


def counting(ids: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """After token k comes token k + 1, whatever was drawn before."""
    logits = torch.full((len(ids), 6), float("-inf"))
    logits[torch.arange(len(ids)), (ids + 1) % 6] = 0.0
    return logits, count + 1


def test_top_k_keeps_the_likeliest() -> None:
    assert allowed(top_k=1) == [0]
    assert allowed(top_k=3) == [0, 1, 2]
    assert allowed(top_k=9) == [0, 1, 2, 3]


@pytest.mark.parametrize(("p", "size"), [(0.1, 1), (0.5, 1), (0.51, 2), (0.81, 3), (1.0, 4)])
def test_a_nucleus_is_the_fewest_that_reach_p(p: float, size: int) -> None:
    assert allowed(top_p=p) == list(range(size))


def test_the_nucleus_does_not_depend_on_the_order_of_tokens() -> None:
    order = torch.tensor([2, 0, 3, 1])
    assert restrict(LOGITS[order], top_p=0.6).isfinite().tolist() == [False, True, False, True]


def test_temperature_comes_before_the_nucleus() -> None:
    assert allowed(top_p=0.8, temperature=0.3) == [0]
    assert torch.allclose(restrict(LOGITS, temperature=2.0), LOGITS / 2)


def test_forbidden_tokens_are_never_left() -> None:
    assert allowed(forbid=[0], top_k=1) == [1]
    with pytest.raises(Fault, match="every token is forbidden"):
        restrict(LOGITS, forbid=[0, 1, 2, 3])


@pytest.mark.parametrize("bad", [{"temperature": 0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_bad_restrictions_are_told(bad: dict[str, Any]) -> None:
    with pytest.raises(Fault, match=f"{next(iter(bad))} = "):
        restrict(LOGITS, **bad)


def test_draws_follow_the_probabilities_and_the_seed() -> None:
    def draws(seed: int) -> Tensor:
        rows = LOGITS.expand(4000, 4)
        generator = torch.Generator().manual_seed(seed)
        return next(sample(lambda i, s: (rows, s), rows, None, length=1, generator=generator))

    shares = draws(1).bincount(minlength=4) / 4000
    assert torch.allclose(shares, LOGITS.exp(), atol=0.03)
    assert torch.equal(draws(1), draws(1))
    assert not torch.equal(draws(1), draws(2))


def test_each_row_goes_its_own_way_until_its_end() -> None:
    first = torch.full((2, 6), float("-inf"))
    first[0, 3] = first[1, 1] = 0.0
    ids = torch.stack(list(sample(counting, first, torch.zeros(2, 1), length=10, end=5)), 1)
    assert ids.tolist() == [[3, 4, 5, 5, 5], [1, 2, 3, 4, 5]]
    assert len(list(sample(counting, first, torch.zeros(2, 1), length=2, end=5))) == 2
    assert list(sample(counting, first, torch.zeros(2, 1), length=0)) == []
