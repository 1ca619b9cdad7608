"""Reporters by name: those that other packages offer, and modules with the interface of wandb."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from recurra.errors import Fault, nearest
from recurra.plugins import plugin, plugin_names
from recurra.train.callbacks import HOOKS, Callback, Training

LIKE_WANDB = ("trackio", "wandb")
"""Modules with `init`, `log` and `finish` as wandb has them."""


class LikeWandb(Callback):
    """Sends what the log has to a module with wandb's interface.

    The project is what the environment's WANDB_PROJECT or TRACKIO_PROJECT says, else "recurra"; a run is
    called as its folder.

    Args:
        name: of the module.

    Raises:
        Fault: it is not installed.
    """

    def __init__(self, name: str) -> None:
        try:
            self._module: Any = import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise Fault(
                f"train.reporters: {name!r} is not installed: pip install {name}, or leave it out"
            ) from None
        self._name = name

    def start(self, training: Training) -> None:
        self._module.init(
            project=os.environ.get(f"{self._name.upper()}_PROJECT", "recurra"),
            name=training.folder.resolve().name,
            config=dict(training.recipe),
            resume="allow" if training.step else "never",
        )

    def step(self, training: Training, numbers: Mapping[str, float]) -> None:
        if training.step % training.recipe["train"]["log_every"] == 0:
            numbers = {**numbers, "epoch": training.epoch}
            self._module.log({f"train/{name}": value for name, value in numbers.items()}, step=training.step)

    def validation(self, training: Training, metrics: Mapping[str, float], best: bool) -> None:
        self._module.log({f"validation/{name}": value for name, value in metrics.items()}, step=training.step)

    def end(self, training: Training) -> None:
        self._module.finish()


def reporters_of(names: Iterable[str]) -> dict[str, Callback]:
    """The reporters that a recipe names.

    Raises:
        Fault: there is none of a name, it is not installed, or it is no reporter.
    """
    return {name: _reporter(name) for name in names}


def _reporter(name: str) -> Callback:
    maker = plugin("reporters", name)
    if maker is None:
        if name not in LIKE_WANDB:
            names = [*LIKE_WANDB, *plugin_names("reporters")]
            raise Fault(f"train.reporters: no reporter is called {name!r}{nearest(name, names)}")
        return LikeWandb(name)
    reporter = maker.load()() if callable(maker.load()) else maker.load()
    if not all(callable(getattr(reporter, hook, None)) for hook in HOOKS):
        raise Fault(
            f"train.reporters: {name!r} of {maker.package} gives no reporter: expected an object with the "
            f"methods {', '.join(HOOKS)}"
        )
    return reporter  # type: ignore[no-any-return]
