"""What a recipe says about one answer a row."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from recurra.tasks.parts.batches import RowOptions
from recurra.tasks.parts.network import DirectedOptions
from recurra.tasks.readers.words import WordModelOptions, WordOptions

_LAYER_OPTIONS = set(DirectedOptions.model_fields) - {"hidden", "layers", "dropout"}


class ManyToOneDataOptions(RowOptions, WordOptions):
    """Rows with an answer each; exactly one of `tokens` and `vectors` names the column of the rows.

    Attributes:
        tokens: the column of texts, or of lists of words. vectors: the column of rows of numbers.
        distinct: training examples that say the same are taken once.
    """

    tokens: str | None = None
    vectors: str | None = None
    distinct: bool = False

    @model_validator(mode="after")
    def _one_kind_of_row(self) -> Self:
        if (self.tokens is None) == (self.vectors is None):
            raise ValueError("expected either tokens or vectors, the column that holds the rows")
        if self.distinct and self.tokens is None:
            raise ValueError("distinct = true compares tokens, not vectors")
        return self


class ManyToOneOptions(DirectedOptions, WordModelOptions):
    """The network.

    Attributes:
        kind: "recurrent", or "feed_forward": the mean of a row's features through `layers` layers of width
            `hidden`, the baseline without order or memory.
        pool: how the outputs of all steps become one.
    """

    kind: Literal["recurrent", "feed_forward"] = "recurrent"
    pool: Literal["last", "mean", "max", "attention"] = "last"

    @model_validator(mode="after")
    def _nothing_over_time(self) -> Self:
        if self.kind == "feed_forward":
            fields = type(self).model_fields
            for name in sorted({*_LAYER_OPTIONS, "pool"}):
                if getattr(self, name) != fields[name].get_default(call_default_factory=True):
                    raise ValueError(f"kind = 'feed_forward' has no layers over time: leave out {name}")
        return self
