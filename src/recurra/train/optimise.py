"""Optimisers and schedules of torch by name, with their arguments checked before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer, lr_scheduler

from recurra.errors import Fault, nearest
from recurra.signatures import check_arguments
from recurra.tasks.base import Score
from recurra.train.groups import Groups
from recurra.train.options import Named, TrainOptions

OPTIMISERS: dict[str, type[Optimizer]] = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, Optimizer) and name not in ("Optimizer", "LBFGS")
}
"""Every optimiser of torch but LBFGS, which needs a closure."""

SCHEDULES: dict[str, type[Any]] = {
    name: cls
    for name, cls in vars(lr_scheduler).items()
    if isinstance(cls, type)
    and issubclass(cls, lr_scheduler.LRScheduler)
    and not name.startswith("_")
    and name not in ("LRScheduler", "LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")
}
"""Every schedule of torch that is described by plain values."""

_LENGTH = ("T_max", "total_steps")
_RATES = ("max_lr", "base_lr")


def optimiser_of(options: TrainOptions, groups: Groups) -> Optimizer:
    """The optimiser over a model's trainable weights."""
    choice = options.optimiser
    if choice.name in OPTIMISERS:
        for number, group in enumerate(options.groups):
            for name in group.rates():
                if name not in inspect.signature(OPTIMISERS[choice.name]).parameters:
                    raise Fault(f"train.groups[{number}].{name}: {choice.name} has no argument {name!r}")
    optimiser = _build(OPTIMISERS, choice, "optimiser", groups.settings(), {})
    assert isinstance(optimiser, Optimizer)
    return optimiser


def schedule_of(options: TrainOptions, optimiser: Optimizer, score: Score, length: int) -> Any:
    """The schedule over an optimiser, or None; `length` is how often it will be stepped."""
    if options.schedule is None:
        return None
    for name in _RATES:
        rate, count = options.schedule.arguments.get(name), len(optimiser.param_groups)
        if any(group.lr is not None for group in options.groups) and isinstance(rate, int | float):
            raise Fault(
                f"train.schedule.{name} = {rate}: {options.schedule.name} would set the learning rate of all "
                f"groups to it: expected a list of {count}, that of the rest first, then one for each group"
            )
    cls = SCHEDULES.get(options.schedule.name)
    filled: dict[str, Any] = {}
    if cls is not None:
        parameters = inspect.signature(cls).parameters
        filled = {name: max(1, length) for name in _LENGTH if name in parameters}
        if "mode" in parameters and cls is lr_scheduler.ReduceLROnPlateau:
            filled["mode"] = "max" if score.larger_is_better else "min"
    return _build(SCHEDULES, options.schedule, "schedule", optimiser, filled)


def _build(
    classes: Mapping[str, type[Any]], choice: Named, what: str, over: Any, filled: Mapping[str, Any]
) -> Any:
    if choice.name not in classes:
        raise Fault(
            f"train.{what}: no {what} of torch is called {choice.name!r}{nearest(choice.name, classes)}"
        )
    cls = classes[choice.name]
    parameters = list(inspect.signature(cls).parameters)[1:]
    for name in choice.arguments:
        if name not in parameters:
            raise Fault(f"train.{what}: {choice.name} has no argument {name!r}{nearest(name, parameters)}")
    try:
        check_arguments(cls, choice.arguments)
        return cls(over, **{**filled, **choice.arguments})
    except Fault as fault:
        raise Fault(f"train.{what}: {choice.name}: {fault}") from None
    except Exception as error:  # whatever torch says to numbers that can't be
        raise Fault(f"train.{what}: {choice.name} refuses its arguments: {error}") from None
