"""The network of pairs, as a recipe describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recurra.models import Input, PairClassifier, RowEncoder
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool
from recurra.tasks.parts.tree_network import TreeNetworkOptions, build_encoder
from recurra.tasks.readers.words import WordModelOptions

_OVER_TIME = sorted({*DirectedOptions.model_fields} - {*TreeNetworkOptions.model_fields, "dropout"})
_TREE_CELL, _CELL = "tree_lstm", "lstm"


class PairModelOptions(DirectedOptions, WordModelOptions):
    """The network.

    Attributes:
        kind: "tree" reads both sides as trees; "recurrent" reads their words in order, brackets too, by
            layers over time.
        cell: a tree cell, or a cell over time; without it "tree_lstm" or "lstm".
        pool: of "recurrent", how the outputs of all steps become one.
        head: width of the layer over both vectors; None: `hidden`.
    """

    kind: Literal["tree", "recurrent"] = "tree"
    cell: str | list[str] = ""
    hidden: int | list[int] = 150
    pool: Literal["last", "mean", "max", "attention"] = "last"
    head: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _nothing_over_time(self) -> Self:
        if self.kind == "tree":
            fields = type(self).model_fields
            for name in [*_OVER_TIME, "pool"]:
                if getattr(self, name) != fields[name].get_default(call_default_factory=True):
                    raise ValueError(f"kind = 'tree' has no layers over time: leave out {name}")
            if isinstance(self.cell, list) or isinstance(self.hidden, list):
                raise ValueError("kind = 'tree' is one layer: expected one cell and one width")
        return self

    @property
    def head_width(self) -> int:
        """Of the layer over both vectors."""
        width = self.hidden[-1] if isinstance(self.hidden, list) else self.hidden
        return width if self.head is None else self.head


def build_model(options: PairModelOptions, features: Input, outputs: int) -> PairClassifier:
    """The network, with fresh weights."""
    if options.kind == "tree":
        shared = {name: getattr(options, name) for name in TreeNetworkOptions.model_fields}
        shared["cell"] = options.cell or _TREE_CELL
        encoder = build_encoder(TreeNetworkOptions(**shared), features)
        return PairClassifier(encoder, options.head_width, outputs, options.dropout)
    body = build_body(options.model_copy(update={"cell": options.cell or _CELL}), features.output_size)
    rows = RowEncoder(features, body, build_pool(options.pool, body))
    return PairClassifier(rows, options.head_width, outputs, options.dropout)
