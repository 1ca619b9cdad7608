"""A whole model's step as one program: from features or token ids to the answer, states in between."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from recurra.layers.inputs import Input, OneHot
from recurra.program import Program, Untraceable
from recurra.program.errors import LeavesMarks
from recurra.tracing import trace
from recurra.tracing.fingerprint import settings_of
from recurra.tracing.side_effects import refuse_hooks
from recurra.tracing.trace import fixed_leaves


@dataclass(frozen=True)
class Tokens:
    """Rows that the step reads by id.

    Attributes:
        count: how many ids there are.
        name: of the table `[count, width]` among the weights; None: a one in the place of the id.
    """

    count: int
    name: str | None


@dataclass(frozen=True)
class WholeStep:
    """What was read of a model.

    Attributes:
        program: of its step, from features on; fixed leaves are called `model.` and their name.
        tokens: how ids become features; None: the step reads features.
    """

    program: Program
    tokens: Tokens | None


_KNOWN: weakref.WeakKeyDictionary[nn.Module, tuple[Hashable, WholeStep | str]] = weakref.WeakKeyDictionary()


def whole_step(model: nn.Module) -> WholeStep:
    """The step of a causal model as it is now; read once and kept until a setting of the model changes.

    Raises:
        Untraceable: with the reason in words.
    """
    key = tuple(settings_of(model).items())
    known = _KNOWN.get(model)
    if known is None or known[0] != key:
        try:
            found: WholeStep | str = _read(model)
        except LeavesMarks as error:
            found = str(LeavesMarks(frozenset((_inner(path), name) for path, name in error.attributes)))
        except Untraceable as error:
            found = str(error)
        _KNOWN[model] = known = (tuple(settings_of(model).items()), found)
    if isinstance(known[1], str):
        raise Untraceable(known[1])
    return known[1]


def _inner(path: str) -> str:
    """A path within `_Step` as one within the model."""
    return path.removeprefix("model").removeprefix(".")


def _read(model: Any) -> WholeStep:
    refuse_hooks(model)
    state = model.initial_state(1)
    width = _features(model)
    if width is not None:
        return WholeStep(trace(_step_of(model, False), width, state), None)
    ids = torch.zeros(1, dtype=torch.int64)
    looked_up = _LookUp(ids, None)
    try:
        with torch.no_grad(), looked_up:
            model.step(ids, state)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"its step reads neither numbers nor token ids alone ({error})") from error
    if looked_up.found is None:
        raise Untraceable("its step does not look up the token that it reads")
    table = looked_up.found
    if isinstance(table, int):
        return WholeStep(trace(_step_of(model, True), table, state), Tokens(table, None))
    name = next((name for name, held in fixed_leaves(model).items() if held is table), None)
    if name is None:
        raise Untraceable("the table of its tokens is neither parameter nor buffer")
    return WholeStep(trace(_step_of(model, True), table.shape[1], state), Tokens(table.shape[0], name))


def _features(model: Any) -> int | None:
    """How many numbers a step reads; None: token ids."""
    width = getattr(model, "input_size", None)
    if isinstance(width, int):
        return width
    if any(isinstance(part, (nn.Embedding, OneHot)) for part in model.modules()):
        return None
    first = next((part for part in model.modules() if isinstance(part, Input)), None)
    if first is None:
        raise Untraceable("it has no input_size, and no part that says what a step reads")
    return first.output_size


class _Step(nn.Module):
    """A model's step from features on, as the tracer reads cells."""

    def __init__(self, model: Any, looks_up: bool) -> None:
        super().__init__()
        self.model = model
        self.looks_up = looks_up

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not self.looks_up:
            return self.model.step(x, state)  # type: ignore[no-any-return]
        ids = torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
        with _LookUp(ids, x):
            return self.model.step(ids, state)  # type: ignore[no-any-return]


def _step_of(model: Any, looks_up: bool) -> _Step:
    """Called as the model is, for messages."""
    return type(type(model).__name__, (_Step,), {})(model, looks_up)  # type: ignore[no-any-return]


class _LookUp(TorchFunctionMode):
    """Gives `features` wherever `ids` are looked up, and refuses anything else that is done with them.

    Attributes:
        found: the table, or how many places a one can have.
    """

    def __init__(self, ids: Tensor, features: Tensor | None) -> None:
        super().__init__()
        self.ids, self.features = ids, features
        self.found: Tensor | int | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given: dict[Any, Any] = {**(kwargs or {}), **dict(enumerate(args))}
        if not any(held is self.ids for held in given.values()):
            return func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        if func is F.embedding:
            if given.get("max_norm", given.get(3)) is not None:
                raise Untraceable("its embedding renews vectors as they are read (max_norm)")
            self._see(given.get("weight", given.get(1)))
        elif func is F.one_hot:
            self._see(int(given.get("num_classes", given.get(1, -1))))
        elif name in ("__get__", "dim", "size", "__len__"):
            return func(*args, **(kwargs or {}))
        else:
            raise Untraceable(f"its step does more with a token than looking it up ({name})")
        return func(*args, **(kwargs or {})) if self.features is None else self.features

    def _see(self, found: Any) -> None:
        same = found == self.found if isinstance(found, int) else found is self.found
        if self.features is None and self.found is not None and not same:
            raise Untraceable("its step looks tokens up in more than one table")
        self.found = found
