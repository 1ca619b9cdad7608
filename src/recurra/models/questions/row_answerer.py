"""One answer from one row of words."""

from __future__ import annotations

from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.models.pair_classifier import RowEncoder
from recurra.models.questions.inquiry import Inquiry, Reply
from recurra.registry import MODULES, Configured


@MODULES.register("row_answerer")
class RowAnswerer(Configured):
    """Scores of answers from the vector of one row: the words of a story and its question, in order, as the
    LSTM of Weston et al. (2015) read them; or of the question alone.

    Args:
        encoder: a row of words to a vector. outputs: answers there are. dropout: share of the vector dropped.
    """

    def __init__(self, encoder: RowEncoder, outputs: int, dropout: float = 0.0) -> None:
        self.encoder = encoder
        self.output = LinearHead(encoder.output_size, outputs, dropout)

    @property
    def input(self) -> Input:
        """What reads the words."""
        return self.encoder.input

    def forward(self, x: Inquiry) -> Reply:
        """From `question`, which holds the story's words, too."""
        return Reply(self.output(self.encoder(x.question)[1]))
