"""Answers from pairs of places."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.models.pair_classifier import RowEncoder
from recurra.models.pictures import PicturePlaces
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.models.questions.place_answerer import answer_layers, as_grids
from recurra.registry import MODULES, Configured


@MODULES.register("relation_network")
class RelationNetwork(Configured):
    """`answer = f(sum_ij g(x_i, x_j, q))` over all pairs of places (Santoro et al., 2017), g of three hidden
    layers. The first of them is a sum of what each of the three gives, so that it is computed for each place
    once.

    Args:
        places: pictures to places. question: a row of words to a vector. outputs: answers there are.
        hidden: width of all layers. dropout: share dropped before the answer's layers.
    """

    def __init__(
        self, places: PicturePlaces, question: RowEncoder, outputs: int, hidden: int, dropout: float = 0.0
    ) -> None:
        self.places, self.question = places, question
        self.first = nn.Linear(places.output_size, hidden, bias=False)
        self.second = nn.Linear(places.output_size, hidden, bias=False)
        self.asking = nn.Linear(question.output_size, hidden)
        self.relation = nn.Sequential(
            nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.answer = answer_layers(hidden, hidden, outputs, dropout)

    def forward(self, x: Inquiry) -> Reply:
        """Pictures `[P, 1, height, width, channels]`; `looks` `[rows, columns]`: the share of all pairs'
        numbers that pairs with this place have.
        """
        places = self.places(x.evidence)
        q = self.asking(self.question(x.question)[1])
        first, second = x.of_pictures(self.first(places)), x.of_pictures(self.second(places))
        pairs = first.unsqueeze(2) + (second + q.unsqueeze(1)).unsqueeze(1)
        g: Tensor = self.relation(pairs)
        scores: Tensor = self.answer(g.sum((1, 2)) / places.shape[1])
        if self.training:
            return Reply(scores)
        sizes = g.sum(-1)
        looks = sizes.sum(1) + sizes.sum(2)
        shares = looks / looks.sum(-1, keepdim=True).clamp_min(1e-20)
        return Reply(scores, as_grids(shares, self.places))
