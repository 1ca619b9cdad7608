"""The network of one answer a row, as a recipe describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from recurra.models import Bag, ManyToOne
from recurra.tasks.parts.label_weights import LabelWeights
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool
from recurra.tasks.readers.base import RowReader
from recurra.tasks.readers.words import WordModelOptions

_LAYER_OPTIONS = set(DirectedOptions.model_fields) - {"hidden", "layers", "dropout"}


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


class ClassifyModelOptions(ManyToOneOptions):
    """The network.

    Attributes:
        label_weights: how much each label weighs in the loss: "balanced" makes rare ones as heavy together as
            frequent ones, a table names weights (`{ rare = 5.0 }`); None: every example weighs the same.
    """

    label_weights: LabelWeights | None = None


def build_model(options: ManyToOneOptions, reader: RowReader, outputs: int) -> ManyToOne | Bag:
    """The network, with fresh weights."""
    rows = reader.input()
    if options.kind == "feed_forward":
        widths = options.hidden if isinstance(options.hidden, list) else [options.hidden] * options.layers
        return Bag(rows, widths, outputs, options.dropout)
    body = build_body(options, rows.output_size)
    return ManyToOne(rows, body, build_pool(options.pool, body), outputs, options.dropout)
