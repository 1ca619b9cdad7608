"""Answers from places of a picture, each seen with the question in mind."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.models.pair_classifier import RowEncoder
from recurra.models.pictures import PicturePlaces
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.registry import MODULES, Configured


@MODULES.register("place_answerer")
class PlaceAnswerer(Configured):
    """Every place of a picture beside the question's vector, `f_i = relu(V relu(U [x_i; q]))`, and of all a
    mean by weights `a = softmax(w . f)` beside the largest of each number; both, with q, to the answer
    through one hidden layer.

    A further look sees each place beside what the look before it came upon, `r = sum_i a_i [x_i; f_i]`, too:
    how a place relates to another that the question speaks of is told by that (stacked attention: Yang et
    al., 2016). It gives the answer its weighted mean, its largest numbers, and its plain mean, which can
    count.

    Args:
        places: pictures to places. question: a row of words to a vector. outputs: answers there are.
        hidden: width of f and of the last layer. dropout: share of all looks dropped before the answer.
        hops: how often it looks.
        modulation: whether the question scales what is seen of a place, too, `f_i = relu(V relu((1 + S q) *
            U x_i + W q))` (Perez et al., 2018), and likewise in further looks: whether a place has what is
            asked for is a matter of products.
    """

    def __init__(
        self,
        places: PicturePlaces,
        question: RowEncoder,
        outputs: int,
        hidden: int,
        dropout: float = 0.0,
        hops: int = 1,
        modulation: bool = False,
    ) -> None:
        if hops < 1:
            raise Fault(f"hops = {hops} found, expected at least 1")
        self.places, self.question = places, question
        self.fusion = nn.Sequential(
            nn.Linear(places.output_size + question.output_size, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.scale = nn.Linear(question.output_size, hidden) if modulation else None
        self.score = nn.Linear(hidden, 1, bias=False)
        size, context = 2 * hidden + question.output_size, hidden + question.output_size + places.output_size
        self.further = nn.ModuleList(
            FurtherLook(places.output_size, context, hidden, modulation) for _ in range(hops - 1)
        )
        self.answer = answer_layers(size + 3 * hidden * (hops - 1), hidden, outputs, dropout)

    def forward(self, x: Inquiry) -> Reply:
        """Pictures `[P, 1, height, width, channels]`; `looks` `[rows, columns]` of the last look."""
        places, q = self.places(x.evidence), self.question(x.question)[1]
        size = self.places.output_size
        first, *others = self.fusion
        assert isinstance(first, nn.Linear)
        # what a place gives to the first layer is the same for all questions about its picture
        f = x.of_pictures(F.linear(places, first.weight[:, :size]))
        if self.scale is not None:
            f = f * (1 + self.scale(q).unsqueeze(1))
        f = f + F.linear(q, first.weight[:, size:], first.bias).unsqueeze(1)
        for layer in others:
            f = layer(f)
        weights = self.score(f).squeeze(-1).softmax(-1)
        mean = weighted_mean(weights, f)
        summary = [mean, f.amax(1)]
        for look in self.further:
            assert isinstance(look, FurtherLook)
            came_upon = torch.cat([q, weighted_mean(weights, x.of_pictures(places)), mean], -1)
            f = look(x.of_pictures(look.place(places)), came_upon)
            weights = look.score(f).squeeze(-1).softmax(-1)
            mean = weighted_mean(weights, f)
            summary += [mean, f.amax(1), f.mean(1)]
        scores: Tensor = self.answer(torch.cat([*summary, q], -1))
        return Reply(scores, None if self.training else as_grids(weights, self.places))


class FurtherLook(nn.Module):
    """Places again, beside what an earlier look came upon: `relu(V relu(U x_i + W c))`, or with modulation
    `relu(V relu((1 + S c) * U x_i + W c))`.
    """

    def __init__(self, size: int, context: int, hidden: int, modulation: bool) -> None:
        super().__init__()
        self.place = nn.Linear(size, hidden, bias=False)
        self.context = nn.Linear(context, hidden)
        self.scale = nn.Linear(context, hidden) if modulation else None
        self.last = nn.Linear(hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, places: Tensor, context: Tensor) -> Tensor:
        """`[B, M, hidden]` of `place`, `[B, context]` -> `[B, M, hidden]`."""
        if self.scale is not None:
            places = places * (1 + self.scale(context).unsqueeze(1))
        f: Tensor = self.last((places + self.context(context).unsqueeze(1)).relu()).relu()
        return f


def weighted_mean(weights: Tensor, values: Tensor) -> Tensor:
    """`[B, M]`, `[B, M, D]` -> `[B, D]`."""
    return torch.bmm(weights.unsqueeze(1), values).squeeze(1)


def as_grids(weights: Tensor, places: PicturePlaces) -> list[Tensor]:
    """`[B, places]` -> for each picture `[rows, columns]`."""
    return list(weights.reshape(-1, places.convolution.rows, places.convolution.columns))


def answer_layers(size: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """Two layers to the scores."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(size, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    )
