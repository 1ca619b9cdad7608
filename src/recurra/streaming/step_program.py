"""A model's whole step as one program: from features or token ids to the outputs, through all its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from recurra.layers.inputs import Input, OneHot
from recurra.program import Program, Untraceable
from recurra.program.errors import LeavesMarks, Volatile
from recurra.program.tokens import Tokens
from recurra.tracing import trace
from recurra.tracing.isolation import apart
from recurra.tracing.memory import Memory
from recurra.tracing.side_effects import Attribute, refuse_hooks
from recurra.tracing.trace import fixed_leaves
from recurra.tracing.watch import Watch


@dataclass(frozen=True)
class StepProgram:
    """The step of a causal model, traced.

    Attributes:
        program: of its step, from features on; weights are called `model.` and their name, in `tokens` too.
        tokens: how ids become features; None: the step reads features.
    """

    program: Program
    tokens: Tokens | None


def step_program(model: nn.Module) -> StepProgram:
    """The step of a causal model as it is now, in evaluation; traced once and kept until a setting changes.

    Raises:
        Untraceable: with the reason in words.
    """
    step = _STEPS.get(model)
    if isinstance(step, str):
        raise Untraceable(step)
    return step


def still(model: nn.Module, step: StepProgram) -> bool:
    """Whether this is the step of the model as it is now; nothing is traced to say so."""
    return _STEPS.find(model) is step


def watch_of(model: nn.Module) -> Watch | None:
    """What watches the model, whose step as it is now was found; None: nothing does."""
    return _STEPS.watch(model)


def _make(model: nn.Module) -> tuple[StepProgram | str, frozenset[Attribute]]:
    """The step, or why it has no program, and the attributes that it was seen to change."""
    if any(part.training for part in model.modules()):
        model = apart(model).eval()
    try:
        return _trace(model), frozenset()
    except LeavesMarks as error:
        changes = frozenset((_inner(path), name) for path, name in error.attributes)
        return str(LeavesMarks(changes)), changes
    except Untraceable as error:
        return str(error), frozenset()


def _give_up(model: nn.Module, volatile: frozenset[Attribute]) -> StepProgram | str:
    return str(Volatile(volatile))


_STEPS: Memory[StepProgram | str] = Memory(_make, _give_up, training=False)


def _inner(path: str) -> str:
    """A path within `_Step` as one within the model."""
    return path.removeprefix("model").removeprefix(".")


def _trace(model: Any) -> StepProgram:
    refuse_hooks(model)
    state = model.initial_state(1)
    width = _features(model)
    if width is not None:
        return StepProgram(trace(_step_of(model, False), width, state), None)
    ids = torch.zeros(1, dtype=torch.int64)
    look_up = _LookUp(ids, None)
    try:
        with torch.no_grad(), look_up:
            model.step(ids, state)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"its step reads neither numbers nor token ids alone ({error})") from error
    if look_up.table is None:
        raise Untraceable("its step does not look up the token that it reads")
    table = look_up.table
    if isinstance(table, int):
        return StepProgram(trace(_step_of(model, True), table, state), Tokens(table, None))
    name = next((name for name, weight in fixed_leaves(model).items() if weight is table), None)
    if name is None:
        raise Untraceable("the table of its tokens is neither parameter nor buffer")
    return StepProgram(
        trace(_step_of(model, True), table.shape[1], state), Tokens(table.shape[0], f"model.{name}")
    )


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
    """A model's step from features on, in the form in which the tracer reads cells.

    Args:
        looks_up: the model reads token ids, and the features stand for what it looks up.
    """

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
    """A `_Step` whose class is called as the model's is, for messages."""
    return type(type(model).__name__, (_Step,), {})(model, looks_up)  # type: ignore[no-any-return]


class _LookUp(TorchFunctionMode):
    """Gives `features` wherever `ids` are looked up, and refuses anything else that is done with them.

    Args:
        ids: `[B]`; of any other tensor nothing is refused.
        features: `[B, width]`, what stands for the rows of the table; None: its own rows are given.

    Attributes:
        table: where they were looked up: `[count, width]`, or how many places a one can have; None: nowhere.
    """

    def __init__(self, ids: Tensor, features: Tensor | None) -> None:
        super().__init__()
        self.ids, self.features = ids, features
        self.table: Tensor | int | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        arguments: dict[Any, Any] = {**(kwargs or {}), **dict(enumerate(args))}
        if not any(argument is self.ids for argument in arguments.values()):
            return func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        if func is F.embedding:
            if arguments.get("max_norm", arguments.get(3)) is not None:
                raise Untraceable("its embedding renews vectors as they are read (max_norm)")
            self._note(arguments.get("weight", arguments.get(1)))
        elif func is F.one_hot:
            self._note(int(arguments.get("num_classes", arguments.get(1, -1))))
        elif name in ("__get__", "dim", "size", "__len__"):
            return func(*args, **(kwargs or {}))
        else:
            raise Untraceable(f"its step does more with a token than looking it up ({name})")
        return func(*args, **(kwargs or {})) if self.features is None else self.features

    def _note(self, table: Any) -> None:
        same = table == self.table if isinstance(table, int) else table is self.table
        if self.features is None and self.table is not None and not same:
            raise Untraceable("its step looks tokens up in more than one table")
        self.table = table
