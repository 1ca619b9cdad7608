"""Sizes of data and models in words, for `check`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from recurra.layers.inputs import Input
from recurra.layers.recurrent import Recurrent

_UNITS = ("B", "kB", "MB", "GB", "TB")


def lengths_line(what: str, lengths: Sequence[int], unit: str) -> str:
    """How many sequences there are and how long: "train: 10 examples, 95 tokens (3 to 20, median 9)"."""
    ordered = sorted(lengths)
    median = ordered[len(ordered) // 2]
    return (
        f"{what}: {len(lengths):,} examples, {sum(lengths):,} {unit} "
        f"({ordered[0]:,} to {ordered[-1]:,} each, median {median:,})"
    )


def parameters_line(model: nn.Module) -> str:
    """How many weights a model has, and what training them takes before any data: weights, gradients and
    Adam's two averages.
    """
    learnt = sum(p.numel() for p in model.parameters() if p.requires_grad)
    fixed = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    size = sum(p.numel() * p.element_size() * (4 if p.requires_grad else 1) for p in model.parameters())
    frozen = f" and {fixed:,} frozen" if fixed else ""
    return f"model: {learnt:,} parameters{frozen}, {bytes_text(size)} with gradients and Adam's averages"


def activations_line(model: nn.Module, steps: int, outputs: int = 0) -> str:
    """About what back-propagation keeps of a batch of `steps` steps in all: the features read, eight numbers
    for each unit of each layer over time, as an LSTM keeps, and three for each of `outputs` scores a step.
    """
    layers = [module for module in model.modules() if isinstance(module, Recurrent)]
    features = next((int(m.output_size) for m in model.modules() if isinstance(m, Input)), 0)
    numbers = steps * (2 * features + sum(8 * layer.output_size for layer in layers) + 3 * outputs)
    return f"memory: about {bytes_text(4 * numbers)} for a batch of {steps:,} steps"


def bytes_text(count: float) -> str:
    """As "1.5 MB"."""
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count /= 1000
        unit += 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"
