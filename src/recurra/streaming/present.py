"""Whether a model that is streamed is as it was when its step was made ready: asked at every piece."""

from __future__ import annotations

from typing import Any

from torch import nn

from recurra.streaming.step_program import StepProgram, still, watch_of
from recurra.streaming.weights import Weights

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_PARTS = ("_modules", "_parameters", "_buffers")


class Present:
    """A model as it is now.

    It keeps the model, and so may compare whole dictionaries with copies of them, which is quickest. Where
    one differs, `still` says whether the step could read it.

    Args:
        weights: as they were when its step was made ready.
    """

    def __init__(self, model: nn.Module, step: StepProgram, weights: Weights) -> None:
        self._model, self._step, self._weights = model, step, weights
        self._copy()

    def _copy(self) -> None:
        self._watch = watch_of(self._model)
        self._parts = list(self._model.modules())
        self._kinds = [type(part) for part in self._parts]
        own = [part.__dict__ for part in self._parts]
        hooks = [attributes[name] for attributes in own for name in _HOOKS]
        inner: list[dict[str, Any]] = [attributes[name] for attributes in own for name in _PARTS]
        self._dictionaries = [*own, *inner]
        self._copies = [dictionary.copy() for dictionary in self._dictionaries]
        self._hooks = hooks

    def holds(self, steps: int | None) -> bool:
        """Whether it is as it was; see `Weights.same`."""
        try:
            unchanged = (
                self._watch is not None
                and [*map(type, self._parts)] == self._kinds
                and self._dictionaries == self._copies
                and not any(self._hooks)
                and self._watch.surroundings_hold()
                and self._weights.in_place()
            )
        except Exception:  # attributes that can't be compared are not the same
            unchanged = False
        if unchanged and steps is not None:
            return self._weights.compared(steps)
        if not still(self._model, self._step) or not self._weights.same(steps):
            return False
        self._copy()
        return True
