"""Answers from places of a picture, each seen with the question in mind."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.models.pair_classifier import RowEncoder
from recurra.models.pictures import PicturePlaces
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.registry import MODULES, Configured


@MODULES.register("place_answerer")
class PlaceAnswerer(Configured):
    """Every place of a picture beside the question's vector, `f_i = relu(V relu(U [x_i; q]))`, and of all a
    mean by weights `softmax(w . f)` (as in Yang et al., 2016) beside the largest of each number; both, with
    q, to the answer through one hidden layer.

    Args:
        places: pictures to places. question: a row of words to a vector. outputs: answers there are.
        hidden: width of f and of the last layer. dropout: share of both dropped before the answer.
    """

    def __init__(
        self, places: PicturePlaces, question: RowEncoder, outputs: int, hidden: int, dropout: float = 0.0
    ) -> None:
        self.places, self.question = places, question
        self.fusion = nn.Sequential(
            nn.Linear(places.output_size + question.output_size, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.score = nn.Linear(hidden, 1, bias=False)
        self.answer = answer_layers(2 * hidden + question.output_size, hidden, outputs, dropout)

    def forward(self, x: Inquiry) -> Reply:
        """Pictures `[P, 1, height, width, channels]`; `looks` `[rows, columns]` of places."""
        q = self.question(x.question)[1]
        size = self.places.output_size
        first, *others = self.fusion
        # what a place gives to the first layer is the same for all questions about its picture
        seen = F.linear(self.places(x.evidence), first.weight[:, :size])
        asked = F.linear(q, first.weight[:, size:], first.bias)
        f = x.of_pictures(seen) + asked.unsqueeze(1)
        for layer in others:
            f = layer(f)
        weights = self.score(f).squeeze(-1).softmax(-1)
        mean = torch.bmm(weights.unsqueeze(1), f).squeeze(1)
        scores: Tensor = self.answer(torch.cat([mean, f.amax(1), q], -1))
        return Reply(scores, None if self.training else as_grids(weights, self.places))


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
