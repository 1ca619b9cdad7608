"""The network of problems, as a recipe describes it."""

from __future__ import annotations

from typing import Any

from torch import nn

from recurra.cells import NTM
from recurra.layers.inputs import Vectors
from recurra.layers.recurrent import Recurrent
from recurra.models.step_answers import StepAnswers
from recurra.tasks.parts.network import BodyOptions, build_body


class AlgorithmModelOptions(BodyOptions):
    """The network; a cell with a memory (`ntm`, `dnc`) takes slots, width and heads by `cell_options`."""

    cell: str | list[str] = "ntm"
    hidden: int | list[int] = 100


def build_model(options: AlgorithmModelOptions, inputs: int, outputs: int) -> StepAnswers:
    """The network, with fresh weights."""
    return StepAnswers(Vectors(inputs), build_body(options, inputs), outputs, options.dropout)


def slots_of(model: nn.Module) -> int | None:
    """Of the model's largest memory; None where it has none."""
    cells = (layer.cell for layer in model.modules() if isinstance(layer, Recurrent))
    sizes = [getattr(cell, "slots", None) for cell in cells]
    return max((size for size in sizes if isinstance(size, int)), default=None)


def machine(model: nn.Module) -> NTM | None:
    """The Neural Turing Machine of a model that is nothing else, to be looked into."""
    layers = [layer for layer in model.modules() if isinstance(layer, Recurrent)]
    cell: Any = layers[0].cell if len(layers) == 1 else None
    return cell if isinstance(cell, NTM) else None
