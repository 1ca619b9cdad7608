"""The layers over time that a recipe describes: one set of names for all tasks."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import Field, field_validator

from recurra.cells import CELLS, Cell, VariationalDropout, Zoneout
from recurra.errors import Fault, nearest
from recurra.layers.base import Layer
from recurra.layers.bidirectional import Bidirectional
from recurra.layers.latency_controlled import LatencyControlled
from recurra.layers.locked_dropout import LockedDropout
from recurra.layers.pooling import AttentionPool, EndsPool, LastPool, MaxPool, MeanPool, Pool
from recurra.layers.recurrent import Recurrent
from recurra.layers.residual import Residual
from recurra.layers.stack import Stack
from recurra.signatures import check_arguments
from recurra.tasks.base import Options

POOLS = ("last", "mean", "max", "attention")


class BodyOptions(Options):
    """The layers over time.

    Attributes:
        cell: a registered cell, or one for each layer.
        cell_options: further arguments of the cell (`order = 2` of `elman`, say).
        hidden: width of each layer (and direction), or one for each layer.
        layers: how many layers there are.
        dropout: share dropped between layers and before the head, drawn for each number.
        input_dropout: share of the input's features dropped, the same ones at every step of a row.
        recurrent_dropout: share of what a cell reads of its hidden state dropped, the same at every step.
        zoneout: share of the state that keeps its old value at a step.
        residual: adds each layer's input to its output, from the second layer on, where widths agree.
        recompute_every: training keeps the state every so many steps of a row and computes the rest again
            (less memory on long rows); None: it keeps all.
    """

    cell: str | list[str] = "lstm"
    cell_options: dict[str, Any] = Field(default_factory=dict)
    hidden: int | list[int] = Field(default=256)
    layers: int = Field(default=1, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    recurrent_dropout: float = Field(default=0.0, ge=0, lt=1)
    zoneout: float = Field(default=0.0, ge=0, lt=1)
    residual: bool = False
    recompute_every: int | None = Field(default=None, ge=1)

    @field_validator("hidden")
    @classmethod
    def _positive(cls, hidden: int | list[int]) -> int | list[int]:
        if any(width < 1 for width in (hidden if isinstance(hidden, list) else [hidden])):
            raise ValueError("expected widths of at least 1")
        return hidden


class DirectedOptions(BodyOptions):
    """The layers over time, where the whole row may be read.

    Attributes:
        bidirectional: each layer reads from both ends, outputs side by side.
        lookahead: a bidirectional layer sees so many steps ahead and no more, so that it can stream; None:
            the whole row.
        chunk: steps whose outputs come together then.
    """

    bidirectional: bool = False
    lookahead: int | None = Field(default=None, ge=0)
    chunk: int = Field(default=8, ge=1)


def build_body(options: BodyOptions, input_size: int) -> Layer:
    """The body of a model: a stack of layers over inputs of this width.

    Raises:
        Fault: an unknown cell or argument of it, or as many cells or widths as there are not layers.
    """
    names = _each(options.cell, options.layers, "cell")
    widths = _each(options.hidden, options.layers, "hidden")
    parts: list[Layer] = []
    if options.input_dropout:
        parts.append(LockedDropout(input_size, options.input_dropout))
    width = input_size
    for number, (name, hidden) in enumerate(zip(names, widths, strict=True)):
        layer = _layer(options, name, width, hidden)
        joined = options.residual and number > 0 and layer.output_size == width
        parts.append(Residual(layer) if joined else layer)
        width = layer.output_size
    if options.input_dropout:
        # dropout between layers must not follow the input's own
        return Stack(parts[0], Stack(*parts[1:], dropout=options.dropout))
    return Stack(*parts, dropout=options.dropout)


def build_pool(name: str, body: Layer) -> Pool:
    """A pool of `POOLS` over what a body gives; "last" of two directions takes the end of each.

    Raises:
        Fault: no pool of this name.
    """
    width = body.output_size
    if name == "last":
        return LastPool(width) if body.delay is not None else EndsPool(width, width // 2)
    if name not in POOLS:
        raise Fault(f"no pool is called {name!r}{nearest(name, POOLS)}")
    return {"mean": MeanPool, "max": MaxPool, "attention": AttentionPool}[name](width)


def _layer(options: BodyOptions, name: str, width: int, hidden: int) -> Layer:
    every = options.recompute_every
    forward = Recurrent(_cell(options, name, width, hidden), checkpoint_every=every)
    if not isinstance(options, DirectedOptions) or not options.bidirectional:
        return forward
    backward = Recurrent(_cell(options, name, width, hidden), reverse=True, checkpoint_every=every)
    if options.lookahead is None:
        return Bidirectional(forward, backward)
    return LatencyControlled(forward, backward, options.chunk, options.lookahead)


def _cell(options: BodyOptions, name: str, width: int, hidden: int) -> Cell:
    cls = CELLS[name]
    parameters = inspect.signature(cls).parameters
    if list(parameters)[:2] != ["input_size", "hidden_size"]:
        raise Fault(
            f"cell = {name!r}: it is built around another cell; set cell to that one, and dropout or "
            f"zoneout by their own options"
        )
    arguments = list(parameters)[2:]
    for key in options.cell_options:
        if key not in arguments:
            raise Fault(f"cell_options: {name!r} has no argument {key!r}{nearest(key, arguments)}")
    try:
        check_arguments(cls, options.cell_options)
        cell: Cell = cls(width, hidden, **options.cell_options)
    except Fault as fault:
        raise Fault(f"cell_options: {name!r}: {fault}") from None
    except TypeError as error:
        raise Fault(f"cell_options: {name!r} can't be built from {options.cell_options}: {error}") from error
    if options.zoneout:
        cell = Zoneout(cell, options.zoneout)
    if options.recurrent_dropout:
        cell = VariationalDropout(cell, recurrent=options.recurrent_dropout)
    return cell


def _each(value: Any, count: int, what: str) -> list[Any]:
    if not isinstance(value, list):
        return [value] * count
    if len(value) != count:
        raise Fault(f"{what} names {len(value)} layers, expected layers = {count} of them")
    return value
