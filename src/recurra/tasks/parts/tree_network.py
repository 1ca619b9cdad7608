"""The encoder of trees that a recipe describes: one set of names for all tasks."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import Field

from recurra.cells import TREE_CELLS, TreeCell
from recurra.errors import Fault, nearest
from recurra.models import Input, TreeEncoder
from recurra.signatures import check_arguments
from recurra.tasks.base import Options


class TreeNetworkOptions(Options):
    """What reads trees.

    Attributes:
        cell: a registered tree cell. cell_options: further arguments of it.
        hidden: width of a node's vector.
        input_dropout: share of the words' features dropped.
        recurrent_dropout: share of what a cell reads of its children dropped.
    """

    cell: str = "tree_lstm"
    cell_options: dict[str, Any] = Field(default_factory=dict)
    hidden: int = Field(default=150, ge=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    recurrent_dropout: float = Field(default=0.0, ge=0, lt=1)


def build_encoder(options: TreeNetworkOptions, features: Input) -> TreeEncoder:
    """The encoder, with fresh weights.

    Raises:
        Fault: an unknown cell or argument of it.
    """
    cls = TREE_CELLS[options.cell]
    arguments = list(inspect.signature(cls).parameters)[2:]
    for key in options.cell_options:
        if key not in arguments:
            raise Fault(f"cell_options: {options.cell!r} has no argument {key!r}{nearest(key, arguments)}")
    own = {**options.cell_options}
    if options.recurrent_dropout:
        own["dropout"] = options.recurrent_dropout
    try:
        check_arguments(cls, own)
        cell: TreeCell = cls(features.output_size, options.hidden, **own)
    except Fault as fault:
        raise Fault(f"cell_options: {options.cell!r}: {fault}") from None
    except TypeError as error:
        raise Fault(f"cell_options: {options.cell!r} can't be built from {own}: {error}") from error
    return TreeEncoder(features, cell, options.input_dropout)
