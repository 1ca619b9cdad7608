"""What runs a model piece by piece: one native call a piece where its step has a program, else torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from recurra.engines import required_engine
from recurra.errors import Fault
from recurra.state import named_leaves, replace_leaves
from recurra.streaming.present import Present
from recurra.streaming.stepper import Uncompiled, stepper_of
from recurra.streaming.weights import Weights


class Runner(Protocol):
    """Runs a model piece by piece.

    Attributes:
        delay: how many steps an output can come after its input.
        path: what runs the steps, in words.
    """

    @property
    def delay(self) -> int: ...

    @property
    def path(self) -> str: ...

    def initial_state(self, batch: int) -> Any:
        """The state before the first step."""

    def feed(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """Runs some steps.

        Args:
            x: what the model reads, `[B, T, ...]`.
            state: must not be used again.

        Returns:
            outputs `[B, T', F']`, and the next state.
        """

    def finish(self, state: Any) -> Tensor | None:
        """The outputs `[B, T', F']` still held back; None: none are."""


def runner(model: nn.Module, batch: int) -> Runner:
    """The fastest there is for this many rows, of the model as it is at each piece. It is put into evaluation
    mode.

    Raises:
        Fault: the model needs whole rows, or is no recurrent model; `RECURRA_ENGINE` names no engine.
    """
    model.eval()
    _require_pieces(model)
    return _Present(model, batch)


def streaming(model: nn.Module) -> str:
    """How a model streams, in words, or why it doesn't. The model stays in its mode."""
    training = model.training
    try:
        return runner(model, 1).path
    except Fault as reason:
        return f"not at all: {reason}"
    finally:
        model.train(training)


def one_step(run: Runner) -> Callable[[Any, Any], tuple[Tensor, Any]]:
    """`step(x [B, ...], state) -> y [B, F'], the next state` of what runs a causal model."""

    def step(x: Any, state: Any) -> tuple[Tensor, Any]:
        y, next_state = run.feed(x[:, None], state)
        return y[:, 0], next_state

    return step


class _Present:
    """What runs a model as it is now: chosen anew where the model has changed."""

    def __init__(self, model: Any, batch: int) -> None:
        self.model, self.batch = model, batch
        self._way = _way(model, batch)

    @property
    def delay(self) -> int:
        return self._way.delay

    @property
    def path(self) -> str:
        return self._way.path

    def initial_state(self, batch: int) -> Any:
        if batch != self.batch or not self._way.holds(None):
            self.batch = batch
            self._way = _way(self.model, batch)
        return self._way.initial_state(batch)

    def feed(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        if not self._way.holds(_steps(x)):
            self._way = _way(self.model, self.batch)
        return self._way.feed(x, state)

    def finish(self, state: Any) -> Tensor | None:
        return self._way.finish(state)


def _steps(x: Any) -> int:
    return x.shape[1] if isinstance(x, Tensor) and x.dim() > 1 else 1


def _way(model: Any, batch: int) -> _Native | _Torch:
    try:
        return _compiled(model, batch)
    except Uncompiled as reason:
        return _Torch(model, str(reason))


class _Torch:
    """The model itself, as it is now."""

    def __init__(self, model: Any, why: str) -> None:
        self.model = model
        self.delay: int = getattr(model, "delay", 0) or 0
        self.path = f"torch, step by step: {why}"

    def holds(self, steps: int | None) -> bool:
        """Whether nothing is faster: what keeps it from that is asked for at the start of rows alone."""
        return steps is not None

    def initial_state(self, batch: int) -> Any:
        return self.model.initial_state(batch)

    def feed(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        if hasattr(self.model, "feed"):
            return self.model.feed(x, state)  # type: ignore[no-any-return]
        outputs = []
        for step in x.unbind(1):
            y, state = self.model.step(step, state)
            outputs.append(y)
        if not outputs:
            raise Fault("x has no step: expected at least one")
        return torch.stack(outputs, 1), state

    def finish(self, state: Any) -> Tensor | None:
        return self.model.finish(state) if hasattr(self.model, "finish") else None


class _AfterInput(nn.Module):
    """A model that reads the features which its input would have made of a step."""

    causal = True

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.input_size: int = model.input.output_size

    def initial_state(self, batch: int) -> Any:
        return self.model.initial_state(batch)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.model.step_features(x, state)  # type: ignore[no-any-return]


def _compiled(model: Any, batch: int) -> _Native:
    if required_engine() == "eager":
        raise Uncompiled("RECURRA_ENGINE is 'eager'")
    if getattr(model, "delay", 0) != 0:
        raise Uncompiled(f"{type(model).__name__} gives its outputs up to {model.delay} steps late")
    if not [*model.parameters(), *model.buffers()]:
        raise Uncompiled(f"{type(model).__name__} has no weights, which would say in what type it computes")
    try:
        return _Native(model, batch)
    except Uncompiled as reason:
        if not hasattr(model, "step_features"):
            raise
        try:
            return _Native(_AfterInput(model), batch, model.input, str(reason))
        except Uncompiled:
            raise reason from None


class _Native:
    """Runs a causal model natively. Its state is a tree over the memory that the library steps in.

    Args:
        model: what is compiled.
        batch: rows.
        input: from what the pieces hold to what `model` reads; None: the same.
        why: `input` is not compiled.

    Raises:
        Uncompiled: with the reason.
    """

    delay = 0

    def __init__(self, model: Any, batch: int, input: nn.Module | None = None, why: str = "") -> None:
        self.model, self.input = model, input
        weights = Weights(model)  # before they are packed: another thread may change them
        self._native = stepper_of(model, batch)
        self._present = Present(model, self._native.source, weights)
        leaves = {name: torch.from_numpy(leaf) for name, leaf in self._native.memory.items()}
        self._tree = replace_leaves(model.initial_state(batch), leaves)
        self.path = f"native: {self._native.explain()}"
        if input is not None:
            self.path += f"; what {type(input).__name__} makes of a piece, by torch: {why}"

    def holds(self, steps: int | None) -> bool:
        """Whether the model is as it was packed; see `Present.holds`."""
        return self._present.holds(steps)

    def initial_state(self, batch: int) -> Any:
        self._native.reset()
        return self._tree

    def feed(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        if self.input is not None:
            with torch.no_grad():
                x = self.input(x)
        dtype = torch.float32 if self._native.tokens is None else torch.int64
        if x.dtype is not dtype or x.device.type != "cpu":
            raise Fault(f"x is {x.dtype} on {x.device}, the model reads {dtype} on cpu")
        if state is not self._tree:
            leaves = {name: leaf.detach().numpy().copy() for name, leaf in named_leaves(state).items()}
            self._native.load_state(leaves)
        return torch.from_numpy(self._native.block(x.detach().numpy())), self._tree

    def finish(self, state: Any) -> Tensor | None:
        return None


def _require_pieces(model: Any) -> None:
    name = type(model).__name__
    if hasattr(model, "feed"):
        whole = model.delay is None
    elif hasattr(model, "step") and hasattr(model, "causal"):
        whole = not model.causal
    else:
        raise Fault(f"{name} has no step(x, state) that takes a row as it comes, so it can't be streamed")
    if whole:
        raise Fault(
            f"{name} needs the whole row before its first output, so it can't be streamed: build it of "
            f"causal layers, or of LatencyControlled ones with a stated look-ahead"
        )
