"""Looks that know how far each place is from the look before."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.models import DistanceAnswerer, Inquiry, PictureConvolution, PicturePlaces
from recurra.models.questions.distance_answerer import Standard


class Code(nn.Module):
    """Of a question, numbers that tell it."""

    output_size = 3

    def forward(self, x: Tensor) -> tuple[None, Tensor]:
        return None, torch.eye(3)[x]


def answerer(hops: int = 2) -> DistanceAnswerer:
    torch.manual_seed(0)
    places = PicturePlaces(PictureConvolution(6, 10, 1, [4], [2], "none"))
    return DistanceAnswerer(places, Code(), 2, 8, hops=hops)  # type: ignore[arg-type]


def inquiry(questions: list[int], pictures: list[int]) -> Inquiry:
    views = torch.rand(max(pictures) + 1, 1, 6, 10, 1, generator=torch.Generator().manual_seed(1))
    return Inquiry(torch.tensor(questions), views, picture=torch.tensor(pictures))  # type: ignore[arg-type]


def test_distances_are_counted_in_places_whatever_the_form_of_the_grid() -> None:
    model = answerer()
    where = model.places.where  # 3 rows of 5
    b = model._distances(where[None], where[None, 0])
    expected = torch.tensor([math.hypot(k // 5, k % 5) for k in range(15)])
    torch.testing.assert_close(b[0, :, 0], expected, atol=2e-3, rtol=0)
    for number, reach in enumerate((1.0, 2.0, 4.0), 1):
        torch.testing.assert_close(b[0, :, number], torch.exp(-((expected / reach) ** 2)))


def test_a_further_look_can_be_at_what_is_far_from_the_first() -> None:
    model = answerer().eval()
    x = inquiry([0, 1], [0, 0])
    one, two = model.looks
    with torch.no_grad():
        # the first at one corner; the second at nothing but distance
        for look in (one, two):
            for parameter in (look.query.weight, look.query.bias, look.striking):
                parameter.zero_()
        two.reach.weight.zero_()
        two.reach.bias.copy_(torch.tensor([9.0, 0, 0, 0]))
        one.key[0].weight.zero_()
        one.key[0].weight[0, -2:] = torch.tensor([1.0, 1.0])
        one.query.bias[0] = -200
        (far, _) = model(x).looks or ()
        two.reach.bias.copy_(torch.tensor([-9.0, 0, 0, 0]))
        (near, _) = model(x).looks or ()
    assert far.shape == (3, 5)
    assert int(far.argmax()) == 14
    assert int(near.argmax()) == 0


def test_a_question_that_is_alone_can_be_learnt_from() -> None:
    model = answerer().train()
    model(inquiry([2], [0])).scores.sum().backward()
    assert all(parameter.grad is not None for parameter in model.looks.parameters())


def test_numbers_are_brought_to_one_scale_over_all_places_of_a_batch() -> None:
    standard = Standard(3).train()
    y = standard(5 + 2 * torch.randn(4, 6, 3))
    torch.testing.assert_close(y.flatten(0, 1).mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.flatten(0, 1).std(0, unbiased=False), torch.ones(3), atol=1e-3, rtol=0)


def test_a_network_that_never_looks_is_refused() -> None:
    with pytest.raises(Fault, match="hops = 0 found, expected at least 1"):
        answerer(0)
