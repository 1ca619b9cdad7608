"""The likeliest targets of sources, and where each of their tokens looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from recurra.data import Tokenizer
from recurra.data.text.tokenizers import WordTokenizer
from recurra.decode import Hypothesis, beam_search
from recurra.models import EncoderDecoder
from recurra.ragged import Ragged
from recurra.tasks.base import Options
from recurra.tasks.parts.contexts import device_of, evaluating


class BeamOptions(Options):
    """How answers are searched for; a subclass says how long they may be.

    Attributes:
        beam: hypotheses kept alive; 1 takes the likeliest token each time (greedy).
        best: how many answers are given.
        length_penalty: see `recurra.decode.beam_search`; larger values favour longer answers.
    """

    beam: int = Field(default=5, ge=1)
    best: int = Field(default=1, ge=1)
    length_penalty: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.best > self.beam:
            raise ValueError(f"best = {self.best} answers need a beam at least as wide")
        return self

    def limit(self, length: int) -> int:
        """Tokens of an answer at most, for a source of `length` steps."""
        raise NotImplementedError(f"{type(self).__name__} has no limit(length)")


class SearchOptions(BeamOptions):
    """How targets of texts are searched for.

    Attributes:
        max_ratio: tokens of an answer for each token of the source, and 10 more, at most.
        copy_unknown: an unknown token of the answer is replaced by the source token that it looked at most;
            where there is attention.
    """

    max_ratio: float = Field(default=2.0, gt=0)
    copy_unknown: bool = True

    def limit(self, length: int) -> int:
        """See the class."""
        return int(self.max_ratio * length) + 10


class Answer(NamedTuple):
    """One hypothesis, and its alignment `[T, M]` to the source's steps; None without attention."""

    hypothesis: Hypothesis
    weights: Tensor | None


def search(
    model: EncoderDecoder, sources: Sequence[Tensor], end: int, options: BeamOptions
) -> list[list[Answer]]:
    """The best answers to each source (a row of what the model reads), best first."""
    device = device_of(model)
    with evaluating(model):
        first = torch.full((len(sources),), end, device=device)
        logits, state = model.step(first, model.begin(Ragged.from_list(sources).to(device)))
        beams = beam_search(
            model.step,
            logits,
            state,
            width=options.beam,
            length=[options.limit(len(source)) for source in sources],
            end=end,
            length_penalty=options.length_penalty,
        )
        best = [beam[: options.best] for beam in beams]
        flat = [(source, one) for source, row in zip(sources, best, strict=True) for one in row]
        weights = iter(align(model, [s for s, _ in flat], [one.ids for _, one in flat], end))
    return [[Answer(one, next(weights)) for one in row] for row in best]


def align(
    model: EncoderDecoder, sources: Sequence[Tensor], targets: Sequence[Sequence[int]], end: int
) -> list[Tensor | None]:
    """For each pair, where each target token looked when it was chosen: `[T, M]`; None without attention."""
    inputs = Ragged.from_list(
        [torch.tensor([end, *ids[:-1]][: len(ids)], dtype=torch.int64) for ids in targets]
    )
    device = device_of(model)
    with evaluating(model):
        weights = model(Ragged.from_list(list(sources)).to(device), inputs.to(device)).weights
    if weights is None:
        return [None] * len(targets)
    return [
        row[:, : model.places * len(source)].cpu()
        for row, source in zip(weights.to_list(), sources, strict=True)
    ]


def answer_table(hypothesis: Hypothesis, text: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """A hypothesis, JSON-ready, with its text: `text`, `score` (log-probability over the length penalty),
    `log_probability` and `tokens`.
    """
    return {
        "text": text,
        "score": hypothesis.score,
        "log_probability": hypothesis.log_probability,
        "tokens": [tokenizer.token(index) for index in hypothesis.ids],
    }


def hard_alignment(weights: Tensor) -> list[int]:
    """For each target token the source token with the largest weight, the source's end token left out; -1
    where there is no other.
    """
    inner = weights[:, :-1]
    return inner.argmax(-1).tolist() if inner.shape[1] else [-1] * len(weights)


def words_of(
    ids: Sequence[int], tokenizer: Tokenizer, pieces: Sequence[str], places: Sequence[int] | None
) -> str:
    """The text of ids, unknown ones replaced by the piece of the source that they looked at."""
    if places is None or tokenizer.unknown is None or tokenizer.unknown not in ids:
        return tokenizer.decode(ids)
    copied = [
        pieces[place] if index == tokenizer.unknown and place >= 0 else _piece(tokenizer, index)
        for index, place in zip(ids, places, strict=True)
    ]
    return tokenizer.join(copied) if isinstance(tokenizer, WordTokenizer) else "".join(copied)


def _piece(tokenizer: Tokenizer, index: int) -> str:
    """A word as it stands in the vocabulary; what other tokens write."""
    return tokenizer.token(index) if isinstance(tokenizer, WordTokenizer) else tokenizer.decode([index])
