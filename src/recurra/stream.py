"""A model fed piece by piece. Any way of cutting the input gives the batch answer, within rounding."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.files import check_format, digest, read_tensors, weights_of, write_tensors
from recurra.registry import Configured, to_config
from recurra.state import named_leaves, replace_leaves
from recurra.stepper import Stepper as NativeStepper
from recurra.stepper import Uncompiled

FORMAT = 1


class Stream:
    """Rows that are still arriving, and what the model remembers of them.

    Args:
        model: a causal layer or model, or one with a stated `delay`; put into evaluation mode.
        batch: rows fed side by side.

    Attributes:
        path: what runs the steps, in words: one native call (see `recurra.stepper`), or torch, and why.

    Raises:
        Fault: the model needs whole rows.
    """

    def __init__(self, model: nn.Module, batch: int = 1) -> None:
        self.model = model.eval()
        self.batch = batch
        self._stepper: Stepper = stepper(model)
        try:
            self._stepper = _Native(model, batch)
            self.path = f"native: {self._stepper.explain()}"
        except Uncompiled as reason:
            self.path = f"torch, step by step: {reason}"
        self._identity: str | None = None
        self._state: Any = None
        self.reset()

    @property
    def delay(self) -> int:
        """How many steps an output can come after its input; 0 for a causal model."""
        return self._stepper.delay

    @property
    def state(self) -> dict[str, Tensor]:
        """What is remembered, by dotted name: a copy, `[batch, ...]` each."""
        return {name: leaf.clone() for name, leaf in named_leaves(self._state).items()}

    @state.setter
    def state(self, leaves: Mapping[str, Tensor]) -> None:
        """Takes over a state of the same names, as another stream of the same model gave it."""
        own = self.state
        for name in own.keys() & leaves.keys():
            if leaves[name].shape[:1] != (self.batch,):
                raise Fault(
                    f"state {name} is of {len(leaves[name])} rows, this stream has {self.batch}: open the "
                    f"stream with batch={len(leaves[name])}"
                )
        like = {n: leaf.to(own[n]) for n, leaf in leaves.items() if n in own}
        self._state = replace_leaves(self._state, {**leaves, **like})

    def reset(self) -> None:
        """Forgets everything: the next step is the first."""
        with torch.no_grad():
            self._state = self._stepper.initial_state(self.batch)

    @torch.no_grad()
    def feed(self, x: Tensor) -> Tensor:
        """The next piece of the input, of any number of steps.

        Args:
            x: numbers `[F]` (one step), `[T, F]`, or `[batch, T, F]`; or token ids, int64: `[]`, `[T]` or
                `[batch, T]`. The forms without the batch are for a batch of 1.

        Returns:
            the outputs that are certain by now, in x's form: `[F']`, `[T', F']` or `[batch, T', F']`. T' is
            T for a causal model; with a delay it may be less or more, and a single step gives `[T', F']`.

        Raises:
            Fault: x has another shape.
        """
        missing = (2 if x.dtype is torch.int64 else 3) - x.dim()
        if not 0 <= missing <= 2 or (missing and self.batch != 1) or (not missing and len(x) != self.batch):
            item = "" if x.dtype is torch.int64 else ", features"
            alone = " (the batch and time may be left out)" if self.batch == 1 else ""
            raise Fault(
                f"x is {x.dtype} {list(x.shape)}, expected [{self.batch}, time{item}]{alone}: a batch of "
                f"{self.batch}"
            )
        y, self._state = self._stepper.feed(x[(None,) * missing], self._state)
        if missing == 0:
            return y
        return y[0, 0] if missing == 2 and not self.delay else y[0]

    @torch.no_grad()
    def finish(self) -> Tensor | None:
        """The input is over: the outputs still held back, `[batch, T', F']`, or None; and a fresh start."""
        rest = self._stepper.finish(self._state)
        self.reset()
        return rest

    def save(self, path: str | Path) -> None:
        """Writes the state to one file; `load` carries on from it, in this process or another."""
        leaves = {name: leaf.detach().cpu().contiguous() for name, leaf in self.state.items()}
        about = {"format": FORMAT, "kind": "stream", "model": self._model_identity(), "batch": self.batch}
        write_tensors(Path(path), leaves, about)

    def load(self, path: str | Path) -> None:
        """Takes over the state of a file.

        Raises:
            Fault: the file is none, altered, of a newer format, of another model or another batch.
        """
        leaves, about = read_tensors(Path(path))
        if about.get("kind") != "stream":
            raise Fault(f"{path}: holds no state of a stream")
        check_format(about, FORMAT, str(path))
        if about.get("model") != self._model_identity():
            raise Fault(f"{path}: the state of another model, or of the same with other weights")
        if about.get("batch") != self.batch:
            raise Fault(
                f"{path}: a state of {about.get('batch')} rows, this stream has {self.batch}: open the "
                f"stream with batch={about.get('batch')}"
            )
        self.state = leaves

    def _model_identity(self) -> str:
        """How the model is built, and its weights: computed once, as streaming changes neither."""
        if self._identity is None:
            built = to_config(self.model) if isinstance(self.model, Configured) else type(self.model).__name__
            self._identity = f"{digest(weights_of(self.model))} {built}"
        return self._identity


class Stepper(Protocol):
    """How a stream runs its model: the seam at which a faster way takes the place of a plainer one."""

    delay: int

    def initial_state(self, batch: int) -> Any:
        """The state before the first step."""

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """`[B, T, ...]`, state -> outputs `[B, T', F']`, the next state."""

    def finish(self, state: Any) -> Tensor | None:
        """The outputs `[B, T', F']` still held back; None: none are."""


def stepper(model: Any) -> Stepper:
    """What runs this model piece by piece.

    Raises:
        Fault: it needs whole rows, or is no recurrent model.
    """
    if hasattr(model, "feed"):
        if model.delay is None:
            raise _refusal(model)
        return model  # type: ignore[no-any-return]
    if not hasattr(model, "step"):
        raise Fault(f"{type(model).__name__} has no step(x, state): only recurrent models can be streamed")
    if not model.causal:
        raise _refusal(model)
    return _StepByStep(model)


class _StepByStep:
    """Runs a model that has a step alone."""

    delay = 0

    def __init__(self, model: Any) -> None:
        self.model = model

    def initial_state(self, batch: int) -> Any:
        return self.model.initial_state(batch)

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not x.shape[1]:
            raise Fault("x has no step: expected at least one")
        outputs = []
        for step in x.unbind(1):
            y, state = self.model.step(step, state)
            outputs.append(y)
        return torch.stack(outputs, 1), state

    def finish(self, state: Any) -> Tensor | None:
        return None


class _Native:
    """Runs a causal model natively. Its state is a tree over the memory that the library steps in.

    Raises:
        Uncompiled: with the reason.
    """

    delay = 0

    def __init__(self, model: Any, batch: int) -> None:
        if os.environ.get("RECURRA_ENGINE") == "eager":
            raise Uncompiled("RECURRA_ENGINE is 'eager'")
        if getattr(model, "delay", 0) != 0:
            raise Uncompiled(f"{type(model).__name__} gives its outputs up to {model.delay} steps late")
        self.model = model
        self._tensors = [*model.parameters(), *model.buffers()]
        if not self._tensors:
            raise Uncompiled(
                f"{type(model).__name__} has no weights, which would say in what type it computes"
            )
        self._pack(batch)

    def _pack(self, batch: int) -> None:
        self._packed = self._marks()
        self._native = NativeStepper(self.model, batch)
        held = {name: torch.from_numpy(leaf) for name, leaf in self._native.memory.items()}
        self._tree = replace_leaves(self.model.initial_state(batch), held)

    def _marks(self) -> list[tuple[int, int]]:
        """Change when a weight does."""
        return [(tensor.data_ptr(), tensor._version) for tensor in self._tensors]

    def explain(self) -> str:
        return self._native.explain()

    def initial_state(self, batch: int) -> Any:
        if self._marks() != self._packed or batch != self._native.streams:
            self._pack(batch)
        self._native.reset()
        return self._tree

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        wanted = torch.float32 if self._native.tokens is None else torch.int64
        if x.dtype is not wanted or x.device.type != "cpu":
            raise Fault(f"x is {x.dtype} on {x.device}, the model reads {wanted} on cpu")
        if state is not self._tree or self._marks() != self._packed:
            leaves = {name: leaf.detach().numpy().copy() for name, leaf in named_leaves(state).items()}
            if self._marks() != self._packed:
                self._pack(self._native.streams)
            self._native.load_state(leaves)
        return torch.from_numpy(self._native.block(x.detach().numpy())), self._tree

    def finish(self, state: Any) -> Tensor | None:
        return None


def _refusal(model: Any) -> Fault:
    name = type(model).__name__
    return Fault(
        f"{name} needs the whole row before its first output, so it can't be streamed: build it of causal "
        f"layers, or of LatencyControlled ones with a stated look-ahead"
    )
