"""The likeliest transcripts of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator
from torch import Tensor

from recurra.data import Tokenizer
from recurra.decode import PrefixScores, Transcript, ctc_beam_search, ctc_greedy
from recurra.models import Transcriber
from recurra.ragged import Ragged
from recurra.tasks.base import Options
from recurra.tasks.language_model.scores import language_scores
from recurra.tasks.parts.contexts import device_of, evaluating


class TranscribeSearchOptions(Options):
    """How transcripts are searched for.

    Attributes:
        beam: prefixes kept alive; 1, without a language model, takes the likeliest symbol of each step
            (greedy).
        best: how many transcripts are given.
        language_model: a run folder of the task `language_model` whose tokens are the transcripts' symbols;
            a relative path starts from the working directory.
        weight: how much the language model's log probabilities count. bonus: what each symbol gets besides.
    """

    beam: int = Field(default=1, ge=1)
    best: int = Field(default=1, ge=1)
    language_model: str | None = None
    weight: float = Field(default=0.5, ge=0)
    bonus: float = 0.0

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.best > self.beam:
            raise ValueError(f"best = {self.best} transcripts need a beam at least as wide")
        return self


def log_probabilities(model: Transcriber, features: Sequence[Tensor]) -> list[Tensor]:
    """Of each recording's features `[T, bands]`: ln P `[T', symbols + 1]` of every symbol, and blank, at each
    step; on the CPU.
    """
    with evaluating(model):
        scores, _ = model(Ragged.from_list(list(features)).to(device_of(model)))
        return [row.cpu() for row in model.log_probabilities(scores).to_list()]


class Search:
    """Finds transcripts as options say; reads the language model once."""

    def __init__(self, options: TranscribeSearchOptions, symbols: Tokenizer) -> None:
        self.options, self.symbols = options, symbols
        self._scores: PrefixScores | None = None
        if options.language_model is not None:
            self._scores = language_scores(options.language_model, symbols, options.weight, options.bonus)

    def __call__(self, rows: Sequence[Tensor]) -> list[list[Transcript]]:
        """The best transcripts of each row of `log_probabilities`, best first."""
        options, blank = self.options, len(self.symbols)
        if options.beam == 1 and self._scores is None:
            return [[one] for one in ctc_greedy(rows, blank)]
        beams = ctc_beam_search(rows, blank, width=options.beam, scores=self._scores)
        return [beam[: options.best] for beam in beams]
