"""Answers from places of a picture, by how far each is from what was looked at before."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.models.pair_classifier import RowEncoder
from recurra.models.pictures import PicturePlaces
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.models.questions.place_answerer import answer_layers, as_grids, weighted_mean
from recurra.registry import MODULES, Configured

_REACHES = (1.0, 2.0, 4.0)  # in places


@MODULES.register("distance_answerer")
class DistanceAnswerer(Configured):
    """Looks at all places of a picture several times, the question's vector `q` in mind, and from the second
    time on at how far each place is from where it looked before.

    A place x_i has a value `v_i = relu(V x_i)` and for each look a key `k_i = K x_i`. A look weighs it by
    `a = softmax(k_i . (Q c) / sqrt(D) + s |k_i|^2 / D + (R c) . b(d_i))` and comes upon `m = sum_i a_i [v_i;
    x; y]`, with the coordinates of the place (stacked attention: Yang et al., 2016). In the first look c is
    q, and nothing is known of distances; in a further one c = [q; m], of the look before. d_i is how far a
    place is from that m, in places, and b(d) = [d; exp(-(d / r)^2), r = 1, 2, 4], so that c says whether what
    is near, far, or there already is looked at. The answer comes of q, of each m, and of the mean v of all
    places, which can count, through one hidden layer.

    What depends on the question is a product for each place, no layer: a batch can have many questions about
    a picture. So that looks are at things from the start, and at other things for other questions, q, V x and
    K x are brought to mean 0 and deviation 1 in each number over a batch (Ioffe and Szegedy, 2015), Q and R
    start at a scale that keeps it, and s, how much a place that is unlike most is looked at, starts at 1. A
    training depends on how many processes share its batches.

    Args:
        places: pictures to places. question: a row of words to a vector. outputs: answers there are.
        hidden: D, the width of keys and values, and of the last layer. dropout: share dropped before the
            answer's layers. hops: how often it looks.
    """

    def __init__(
        self,
        places: PicturePlaces,
        question: RowEncoder,
        outputs: int,
        hidden: int,
        dropout: float = 0.0,
        hops: int = 2,
    ) -> None:
        if hops < 1:
            raise Fault(f"hops = {hops} found, expected at least 1")
        self.places, self.question = places, question
        size, question_size = places.output_size, question.output_size
        context = question_size + hidden + 2
        self.asking = Standard(question_size)
        self.value = nn.Sequential(nn.Linear(size, hidden, bias=False), Standard(hidden), nn.ReLU())
        self.looks = nn.ModuleList(
            Look(size, context if hop else question_size, hidden, 1 + len(_REACHES) if hop else 0)
            for hop in range(hops)
        )
        self.answer = answer_layers(question_size + hops * (hidden + 2) + hidden, hidden, outputs, dropout)

    def forward(self, x: Inquiry) -> Reply:
        """Pictures `[P, 1, height, width, channels]`; `looks` `[rows, columns]` of the last look."""
        places, q = self.places(x.evidence), self.asking(self.question(x.question)[1])
        where, values = places[..., -2:], self.value(places)
        contents = x.of_pictures(torch.cat([values, where], -1))
        context, parts = q, [q, x.of_pictures(values.mean(1))]
        weights = came_upon = q.new_empty(0)
        for hop, look in enumerate(self.looks):
            distances = self._distances(x.of_pictures(where), came_upon[:, -2:]) if hop else None
            weights = look(places, x, context, distances)
            came_upon = weighted_mean(weights, contents)
            parts.append(came_upon)
            context = torch.cat([q, came_upon], -1)
        scores: Tensor = self.answer(torch.cat(parts, -1))
        return Reply(scores, None if self.training else as_grids(weights, self.places))

    def _distances(self, where: Tensor, centre: Tensor) -> Tensor:
        """b(d), `[B, M, 1 + reaches]`, of places `[B, M, 2]` from centres `[B, 2]`."""
        convolution = self.places.convolution
        # coordinates are from -1 to 1
        unit = where.new_tensor([convolution.columns - 1, convolution.rows - 1]) / 2
        square = ((where - centre.unsqueeze(1)) * unit).square().sum(-1)
        near = [torch.exp(-square / reach**2) for reach in _REACHES]
        # the root has no gradient at 0
        return torch.stack([(square + 1e-6).sqrt(), *near], -1)


class Look(nn.Module):
    """Weights of places by products with what is in mind, by how unlike most a place is, and by distances:
    `softmax(k_i . (Q c) / sqrt(D) + s |k_i|^2 / D + (R c) . b_i)`.
    """

    def __init__(self, size: int, context: int, hidden: int, distances: int) -> None:
        super().__init__()
        self.key = nn.Sequential(nn.Linear(size, hidden, bias=False), Standard(hidden))
        self.query = _like_its_inputs(context, hidden)
        self.striking = nn.Parameter(torch.ones(()))
        self.reach = _like_its_inputs(context, distances) if distances else None

    def forward(self, places: Tensor, x: Inquiry, context: Tensor, distances: Tensor | None) -> Tensor:
        """Places of the pictures, `[P, M, size]`, `[B, context]`, b `[B, M, distances]` -> `[B, M]`."""
        keys: Tensor = self.key(places)
        striking = self.striking * keys.square().mean(-1)
        query = self.query(context).unsqueeze(-1)
        scores: Tensor = torch.bmm(x.of_pictures(keys), query).squeeze(-1) * keys.shape[-1] ** -0.5
        scores = scores + x.of_pictures(striking)
        if self.reach is not None:
            assert distances is not None
            scores = scores + torch.bmm(distances, self.reach(context).unsqueeze(-1)).squeeze(-1)
        return scores.softmax(-1)


class Standard(nn.BatchNorm1d):
    """Each number of `[..., size]` to mean 0 and deviation 1 over all others of its place; what is alone in
    its batch, by those of the batches before.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) > 1 or not self.training:
            y = super().forward(rows)
        else:
            y = F.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return y.reshape(x.shape)


def _like_its_inputs(size: int, outputs: int) -> nn.Linear:
    """A layer whose outputs start at the scale of its inputs."""
    layer = nn.Linear(size, outputs)
    nn.init.normal_(layer.weight, std=size**-0.5)
    return layer
