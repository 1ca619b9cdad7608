"""Who looks on while a model is trained: callbacks of the caller's own, and reporters by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recurra.errors import Fault, quoted
from recurra.tasks.base import Task

HOOKS = ("start", "step", "validation", "end")


@dataclass
class Training:
    """What a callback sees of a training. In process 0 alone, the one to speak.

    Attributes:
        folder: the run. recipe: every setting, as `recipe.toml` has it. task: with its `model`.
        planned: steps of the whole training.
        step, epoch: steps and epochs so far.
        stopped: whether a callback asked for the end; see `stop`.
    """

    folder: Path
    recipe: Mapping[str, Any]
    task: Task
    planned: int = 0
    step: int = 0
    epoch: int = 0
    stopped: bool = False

    def stop(self) -> None:
        """Ends the training after the step that comes next, with a validation, as if it were the last one."""
        self.stopped = True


class Callback:
    """Hooks of a training, each called after the loop's own work; those that are not of interest stay as they
    are. An error in one ends the training, which can be resumed from its last checkpoint.
    """

    def start(self, training: Training) -> None:
        """Before the first step, and where a run goes on."""

    def step(self, training: Training, numbers: Mapping[str, float]) -> None:
        """After each step: `loss` (the mean over its items), `gradient_norm` and `learning_rate`."""

    def validation(self, training: Training, metrics: Mapping[str, float], best: bool) -> None:
        """After each validation; `best`: whether these weights were kept."""

    def end(self, training: Training) -> None:
        """At the end, whatever came: all was trained, it was interrupted, or an error came."""


class Callbacks:
    """Several callbacks, and reporters, as one.

    A reporter that fails while the training goes on is told of and left out from then on.

    Args:
        callbacks: objects with some of the four hooks.
        reporters: those that a recipe names, by name.
        say: takes a line for the person who waits.

    Raises:
        Fault: something that has none of the hooks.
    """

    def __init__(
        self,
        training: Training,
        callbacks: Iterable[Any] = (),
        reporters: Mapping[str, Callback] | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self.training, self.say = training, say
        self._own: list[Any] = list(callbacks)
        self._reporters = dict(reporters or {})
        for each in self._own:
            if isinstance(each, type) or not any(callable(getattr(each, hook, None)) for hook in HOOKS):
                raise Fault(
                    f"callbacks: {quoted(each)} found, expected an object with some of the methods "
                    f"{', '.join(HOOKS)}; see recurra.train.Callback"
                )

    def call(self, hook: str, *values: Any) -> None:
        """Calls a hook of all."""
        for each in self._own:
            function = getattr(each, hook, None)
            if function is not None:
                function(self.training, *values)
        for name, reporter in list(self._reporters.items()):
            try:
                getattr(reporter, hook)(self.training, *values)
            except Exception as error:
                why = f"train.reporters: {name!r} fails ({type(error).__name__}: {error})"
                if hook == "start":
                    raise Fault(why) from error
                del self._reporters[name]
                self.say(f"{Fault(why)}; it is left out from now on")
