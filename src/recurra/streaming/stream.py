"""A model fed piece by piece. Any way of cutting the input gives the batch answer, within rounding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.fx.experimental.proxy_tensor import get_proxy_mode

from recurra.engines import is_wrapper, transformed
from recurra.errors import Fault
from recurra.registry import Configured, to_config
from recurra.state import named_leaves, replace_leaves
from recurra.storage.files import check_format
from recurra.storage.models import weights_of
from recurra.storage.tensors import digest, read_tensors, write_tensors
from recurra.streaming.runner import runner

FORMAT = 1


def _plain(x: Tensor) -> Tensor:
    """x as numbers in memory; a Fault where torch records or transforms what is done with it."""
    if torch.compiler.is_dynamo_compiling():
        return x
    if isinstance(x, Proxy) or get_proxy_mode() is not None or is_wrapper(x) or transformed():
        raise Fault(
            "a stream's state is not part of what torch traces, exports or transforms: give torch the model "
            "itself, whose step takes the state and returns the next one"
        )
    return x.resolve_neg()


class Stream:
    """Rows that are still arriving, and what the model remembers of them.

    The model is run as it is at each piece: other weights, settings, parts or hooks take effect at the next
    one, those that are changed through `.data` at most 16 steps later or at `reset`. A copy, and what is
    pickled, goes on by itself from the same state.

    Args:
        model: a causal layer or model, or one with a stated `delay`; put into evaluation mode.
        batch: rows fed side by side.

    Raises:
        Fault: the model needs whole rows.
    """

    def __init__(self, model: nn.Module, batch: int = 1) -> None:
        self.model = model
        self.batch = batch
        self._runner = runner(model, batch)
        self._state: Any = None
        self.reset()

    @property
    def path(self) -> str:
        """What runs the steps, in words: one native call a piece (as a Stepper), or torch, and why."""
        return self._runner.path

    @property
    def delay(self) -> int:
        """How many steps an output can come after its input; 0 for a causal model."""
        return self._runner.delay

    @property
    def state(self) -> dict[str, Tensor]:
        """What is remembered, by dotted name: a copy, `[batch, ...]` each."""
        return {name: leaf.clone() for name, leaf in named_leaves(self._state).items()}

    @state.setter
    def state(self, leaves: Mapping[str, Tensor]) -> None:
        """Takes over a state of the same names, as another stream of the same model gave it."""
        own = self.state
        for name in own.keys() & leaves.keys():
            if leaves[name].dim() != own[name].dim():  # how many steps are remembered may differ
                raise Fault(
                    f"state {name} has shape {list(leaves[name].shape)}, expected {list(own[name].shape)}"
                )
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
            self._state = self._runner.initial_state(self.batch)

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
            Fault: x has another shape, or is no tensor of numbers (torch traces or transforms it).
        """
        x = _plain(x)
        missing = (2 if x.dtype is torch.int64 else 3) - x.dim()
        if not 0 <= missing <= 2 or (missing and self.batch != 1) or (not missing and len(x) != self.batch):
            item = "" if x.dtype is torch.int64 else ", features"
            alone = " (the batch and time may be left out)" if self.batch == 1 else ""
            raise Fault(
                f"x is {x.dtype} {list(x.shape)}, expected [{self.batch}, time{item}]{alone}: a batch of "
                f"{self.batch}"
            )
        y, self._state = self._runner.feed(x[(None,) * missing], self._state)
        if missing == 0:
            return y
        return y[0, 0] if missing == 2 and not self.delay else y[0]

    @torch.no_grad()
    def finish(self) -> Tensor | None:
        """The input is over: the outputs still held back, `[batch, T', F']`, or None; and a fresh start."""
        rest = self._runner.finish(self._state)
        self.reset()
        return rest

    def save(self, path: str | Path) -> None:
        """Writes the state to one file; `load` carries on from it, in this process or another.

        Raises:
            Fault: the model's class, or an argument of it, can't be named in a file; the disk is full.
        """
        leaves = {name: leaf.detach().cpu().contiguous() for name, leaf in self.state.items()}
        header = {"format": FORMAT, "kind": "stream", "model": self._model_identity(), "batch": self.batch}
        write_tensors(Path(path), leaves, {**header, "sha256": digest(leaves)})

    def load(self, path: str | Path) -> None:
        """Takes over the state of a file.

        Raises:
            Fault: the file is none, altered, of a newer format, of another model or another batch.
        """
        leaves, header = read_tensors(Path(path))
        if header.get("kind") != "stream":
            raise Fault(f"{path}: holds no state of a stream")
        check_format(header, FORMAT, str(path))
        if header.get("model") != self._model_identity():
            raise Fault(f"{path}: the state of another model, or of the same with other weights")
        if header.get("batch") != self.batch:
            raise Fault(
                f"{path}: a state of {header.get('batch')} rows, this stream has {self.batch}: open the "
                f"stream with batch={header.get('batch')}"
            )
        # version 0.1 wrote no digest
        if header.get("sha256", digest(leaves)) != digest(leaves):
            raise Fault(
                f"{path}: its content does not match its digest: it is damaged or from another version"
            )
        self.state = leaves

    def _model_identity(self) -> str:
        """How the model is built, and its weights."""
        config = to_config(self.model) if isinstance(self.model, Configured) else type(self.model).__name__
        return f"{digest(weights_of(self.model))} {config}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (type(self), self.model, self.batch, self.state)


def _opened(kind: type[Stream], model: nn.Module, batch: int, state: dict[str, Tensor]) -> Stream:
    stream = kind(model, batch)
    stream.state = state
    return stream
