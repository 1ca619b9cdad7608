"""Pairs of texts, one symbol of the target for `ratio` of the source, as a recipe describes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recurra.data import Examples, Tokenizer, check_lengths
from recurra.errors import Fault
from recurra.tasks.seq2seq.pairs import Pairs, TwoTextOptions, pairs_of


class TransduceDataOptions(TwoTextOptions):
    """Pairs of texts, the source `ratio` times as long as the target.

    Attributes:
        unit: what both texts are cut into.
        ratio: source symbols for each target symbol.
    """

    unit: Literal["character", "word"] = "character"
    ratio: int = Field(default=1, ge=1)


def read_matched(
    examples: Examples, options: TransduceDataOptions, source: Tokenizer, target: Tokenizer
) -> tuple[Pairs, list[str]]:
    """The pairs of examples, and notes on those left out. Fault for a pair whose lengths do not fit."""
    pairs, notes = pairs_of(examples, options)
    check_ratio(pairs, options, source, target)
    return pairs, notes


def check_ratio(pairs: Pairs, options: TransduceDataOptions, source: Tokenizer, target: Tokenizer) -> None:
    """Fault for a pair whose lengths do not fit."""
    lengths = []
    for text, other, place in zip(*pairs, strict=True):
        length, answer = len(source.split(text)), len(target.split(other))
        if length != options.ratio * answer:
            raise Fault(
                f"{place}: a source of {length} symbols and a target of {answer}, expected "
                f"{options.ratio} to 1 (data.ratio)"
            )
        lengths.append(length)
    check_lengths(lengths, pairs.places, longest=options.max_length)
