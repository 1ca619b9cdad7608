"""One label for each step."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.crf import CRF
from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.models.stepwise import Stepwise
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("tagger")
class Tagger(Stepwise):
    """Scores of every label at each step, each step for itself or weighed along the row by a CRF (Huang et
    al., 2015).

    Args:
        input: reads the steps.
        body: any layer.
        labels: how many labels there are.
        crf: scores whole rows of labels; None chooses each step's label alone.
        dropout: share of the body's output dropped before the head, in training.
    """

    def __init__(
        self, input: Input, body: Layer, labels: int, crf: CRF | None = None, dropout: float = 0.0
    ) -> None:
        self.input, self.body, self.crf = input, body, crf
        self.output = LinearHead(body.output_size, labels, dropout)

    def loss(self, scores: Ragged, labels: Ragged, weights: Tensor | None = None) -> Tensor:
        """The negative log-likelihood of labels `[N]` int64 given scores `[N, K]`, summed over all rows.

        Args:
            weights: `[K]`, what each label's part is multiplied by. Fault with a CRF, where it has no part.
        """
        if self.crf is None:
            weights = None if weights is None else weights.to(scores.data)
            return F.cross_entropy(scores.data, labels.data, weights, reduction="sum")
        if weights is not None:
            raise Fault("a CRF weighs whole rows of labels: no label by itself has a weight")
        likelihood: Tensor = self.crf(scores, labels)
        return -likelihood.sum()

    def probabilities(self, scores: Ragged) -> Ragged:
        """How probable each label is at each step, `[N, K]`; with a CRF over all rows of labels."""
        if self.crf is not None:
            return self.crf.marginals(scores)
        return scores.map(lambda data: data.float().softmax(-1))

    def decode(self, scores: Ragged) -> Ragged:
        """The likeliest labels `[N]` int64."""
        return scores.map(lambda data: data.argmax(-1)) if self.crf is None else self.crf.decode(scores)
