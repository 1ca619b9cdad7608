"""Weights that are trained otherwise than the rest: other rates, or frozen for a while or for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from torch import nn

from recurra.errors import Fault, quoted
from recurra.train.options import WeightGroup

_SHOWN = 5


class Groups:
    """The weights of a model by the first table of `[[train.groups]]` that fits their name; a tied weight is
    fitted by any of its names.

    Args:
        choices: the tables.

    Attributes:
        weights: of each table those that it is the first to fit; the rest under None, and first. A group
            without weights is left out.

    Raises:
        Fault: a table fits no weight, or none that is trained; or no weight would be trained at the start.
    """

    def __init__(self, choices: Sequence[WeightGroup], model: nn.Module) -> None:
        names: dict[nn.Parameter, list[str]] = {}
        for name, weight in model.named_parameters(remove_duplicate=False):
            names.setdefault(weight, []).append(name)
        groups: list[list[nn.Parameter]] = [[] for _ in choices]
        rest: list[nn.Parameter] = []
        for weight, own in names.items():
            numbers = [number for number, each in enumerate(choices) if each.fits(own)]
            if weight.requires_grad:
                (groups[numbers[0]] if numbers else rest).append(weight)
        for number, (choice, weights) in enumerate(zip(choices, groups, strict=True)):
            if not weights:
                raise Fault(f"train.groups[{number}]: {_nothing(choice, names)}")
        self.weights: dict[WeightGroup | None, list[nn.Parameter]] = {None: rest} if rest else {}
        for choice, weights in zip(choices, groups, strict=True):
            self.weights.setdefault(choice, []).extend(weights)
        self.thaw(0, 0)
        if not any(weight.requires_grad for weight in names):
            start = " at the start" if self.weights else ""
            raise Fault(f"the model has no trainable weights{start}: nothing would be learnt")

    def settings(self) -> list[dict[str, Any]]:
        """What an optimiser takes of them."""
        return [
            {"params": weights, **({} if choice is None else choice.rates())}
            for choice, weights in self.weights.items()
        ]

    def thaw(self, step: int, epoch: int) -> None:
        """After so many steps and epochs: freezes each weight that is not to be trained, thaws the others."""
        for choice, weights in self.weights.items():
            for weight in weights:
                weight.requires_grad_(choice is None or not choice.is_frozen(step, epoch))


def _nothing(choice: WeightGroup, names: Mapping[nn.Parameter, Sequence[str]]) -> str:
    """Why a table has no weights."""
    fitted = [weight for weight, own in names.items() if choice.fits(own)]
    if any(weight.requires_grad for weight in fitted):
        return f"weights = {quoted(choice.weights)}: every weight that it fits is in a group before it"
    if fitted:
        return f"weights = {quoted(choice.weights)}: what it fits is not trained in this model"
    every = [name for own in names.values() for name in own]
    plain = choice.patterns[0].replace("*", "").strip(".")
    heads = {name.rpartition(".")[0]: None for name in every}
    close = get_close_matches(plain, [*every, *heads], n=_SHOWN, cutoff=0.5)
    holding = [name for name in every if plain and plain in name]
    nearby = list(dict.fromkeys([*close, *holding]))[:_SHOWN]
    listed = ", ".join(nearby or every[:_SHOWN])
    more = "" if nearby or len(every) <= _SHOWN else f" and {len(every) - _SHOWN} more"
    what = "near" if nearby else "there are"
    return f"weights = {quoted(choice.weights)} fits no weight: {what} {listed}{more}"
