"""A causal model compiled for streaming: one native call a step, NumPy in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.program import Untraceable
from recurra.state import named_leaves
from recurra.streaming.step_program import WholeStep, whole_step
from recurra.tracing.trace import fixed_leaves

if TYPE_CHECKING:
    from recurra.engines.native.stepper import NativeStepper

Floats = NDArray[np.float32]
# looked up at every step: a module's attribute would take as long as the call itself
_empty, _float32 = np.empty, np.float32

PRECISION = {
    "float32": "float32",
    "bfloat16": "weights of products rounded to bfloat16, all else and every sum float32",
    "int8": "weights of products rounded to int8 with one scale an output, what they multiply to 16 bits "
    "with one scale a row; all else float32",
}


class Uncompiled(Fault):
    """A model that streams, but not natively."""


class Stepper:
    """Rows that are still arriving, and what the model remembers of each: `streams` of them, side by side.

    The model is put into evaluation mode, and its weights are read once: later changes of it are not seen.
    One thread at a time may use a stepper.

    Args:
        model: a causal layer, model or cell, in float32 on the CPU.
        streams: rows with a state of their own.
        weights: what the weights of products are held in: `float32`, `bfloat16` (half the memory), `int8` (a
            quarter); see `precision`.

    Raises:
        Uncompiled (a Fault): the step can't be compiled, with the reason.
        Fault: the model needs whole rows, or an argument is none of the above.
    """

    def __init__(self, model: nn.Module, streams: int = 1, weights: str = "float32") -> None:
        _require(model)
        if weights not in PRECISION:
            raise Fault(f"weights are {weights!r}, expected one of {', '.join(PRECISION)}")
        if streams < 1:
            raise Fault(f"streams is {streams}, expected at least 1")
        self.streams = streams
        self.weights = weights
        self._name = type(model).__name__
        model.eval()
        leaves = fixed_leaves(model)
        odd = next(
            (tensor for tensor in leaves.values() if tensor.is_floating_point() and _odd(tensor)), None
        )
        with torch.no_grad():
            try:
                if odd is not None:
                    raise Untraceable(
                        f"it computes in float32 on the CPU, the weights are {odd.dtype} on {odd.device}"
                    )
                whole = whole_step(model)
                self._native = _native(whole, leaves, streams, weights)
            except Untraceable as error:
                raise Uncompiled(f"{self._name} can't be compiled into a stepper: {error}") from error
            first = named_leaves(model.initial_state(1))  # type: ignore[operator]
            self._initial = {name: leaf.detach().numpy().copy() for name, leaf in first.items()}
        self._run = self._native.run
        self.tokens = None if whole.tokens is None else whole.tokens.count
        self.input_size = whole.program.values[whole.program.x].width
        self.output_size = self._native.output_size
        self._item = np.int64 if self.tokens is not None else np.float32
        x: tuple[int, ...] = () if self.tokens is not None else (self.input_size,)
        self._steps: dict[tuple[int, ...], tuple[int, ...]] = {(streams, *x): (streams, self.output_size)}
        if streams == 1:
            self._steps[x] = (self.output_size,)
        self.reset()

    # running

    def step(self, x: Any, rows: Sequence[int] | None = None) -> Floats:
        """The next step of every stream, or of those in `rows`.

        Args:
            x: float32 numbers `[streams, F]`, or int64 token ids `[streams]`; without the first dimension for
                one stream.
            rows: streams, each once; x then is of `len(rows)` streams, in that order.

        Returns:
            the outputs, `[streams, K]` or `[K]`.

        Raises:
            Fault: x or rows do not fit; no state has changed.
        """
        if rows is None:
            try:
                y = _empty(self._steps[x.shape], _float32)
                self._run(x, y)
                return y
            except (AttributeError, KeyError, TypeError):
                pass  # no array, or of another shape, type or layout
            except IndexError as error:
                raise Fault(f"x: {error}") from None
        return self._slowly(x, rows, False)

    def block(self, x: Any, rows: Sequence[int] | None = None) -> Floats:
        """Several steps at once: x is `[streams, T, F]` or `[streams, T]` ids (`[T, F]` or `[T]` for one
        stream), the outputs `[streams, T, K]` or `[T, K]`. Else as `step`, whose answers it gives.
        """
        return self._slowly(x, rows, True)

    def _slowly(self, x: Any, rows: Sequence[int] | None, block: bool) -> Floats:
        given = _array(x, self._item)
        chosen = None if rows is None else _rows(rows)
        count = self.streams if chosen is None else len(chosen)
        tail = () if self.tokens is not None else (self.input_size,)
        wanted = (count, *given.shape[1:2], *tail) if block and given.ndim > 1 else (count, *tail)
        alone = count == 1 and given.ndim == len(tail) + block
        if alone:
            given = given[None]
            wanted = (1, *given.shape[1:2], *tail) if block else wanted
        if given.ndim != 1 + block + len(tail) or given.shape != wanted:
            raise Fault(f"x is {list(np.shape(x))}, expected {self._expected(count, block)}")
        y = np.empty((*given.shape[: 1 + block], self.output_size), np.float32)
        try:
            if y.size:
                self._run(given, y) if chosen is None else self._run(given, y, chosen)
        except IndexError as error:
            raise Fault(f"x: {error}" if "token" in str(error) else f"rows: {error}") from None
        return y[0] if alone else y

    def _expected(self, count: int, block: bool) -> str:
        steps = ["steps"] if block else []
        tail = [] if self.tokens is not None else [str(self.input_size)]
        what = "token ids " if self.tokens is not None else "numbers "
        full = f"{what}[{', '.join([str(count), *steps, *tail])}]"
        return f"{full} or [{', '.join([*steps, *tail])}]" if count == 1 else full

    # states

    @property
    def memory(self) -> Mapping[str, Floats]:
        """The very arrays `[streams, ...]` that steps read and write."""
        held: Mapping[str, Floats] = self._native.states
        return held

    @property
    def state(self) -> dict[str, Floats]:
        """What is remembered, by dotted name: a copy, `[streams, ...]` each."""
        return {name: held.copy() for name, held in self._native.states.items()}

    def state_of(self, rows: Sequence[int]) -> dict[str, Floats]:
        """The states of some streams, `[len(rows), ...]` each, in that order."""
        chosen = self._known(rows)
        return {name: held[chosen] for name, held in self._native.states.items()}

    def load_state(self, leaves: Mapping[str, Any], rows: Sequence[int] | None = None) -> None:
        """Takes over states of the same names, as `state` or `state_of` gave them, here or elsewhere.

        Args:
            leaves: `[streams, ...]` each, or `[len(rows), ...]`.
            rows: the streams that take them; None: all.

        Raises:
            Fault: a name is missing or unknown, or a shape does not fit; no state has changed.
        """
        own = self._native.states
        if own.keys() != leaves.keys():
            missing, extra = sorted(own.keys() - leaves.keys()), sorted(leaves.keys() - own.keys())
            raise Fault(
                f"state does not fit: missing {missing or 'nothing'}, not expected {extra or 'nothing'}"
            )
        chosen = slice(None) if rows is None else self._known(rows)
        count = self.streams if rows is None else len(rows)
        taken = {name: _array(leaf, np.float32) for name, leaf in leaves.items()}
        for name, leaf in taken.items():
            if leaf.shape != (count, own[name].shape[1]):
                raise Fault(
                    f"state {name} is {list(leaf.shape)}, expected {[count, own[name].shape[1]]}: "
                    f"the rows of {count} streams"
                )
        for name, leaf in taken.items():
            own[name][chosen] = leaf

    def reset(self, rows: Sequence[int] | None = None) -> None:
        """Every stream, or those in `rows`, forgets everything: its next step is its first."""
        chosen = slice(None) if rows is None else self._known(rows)
        for name, held in self._native.states.items():
            held[chosen] = self._initial[name]

    def _known(self, rows: Sequence[int]) -> NDArray[np.int64]:
        chosen = _rows(rows)
        wrong = next((int(r) for r in chosen if not 0 <= r < self.streams), None)
        if wrong is not None:
            raise Fault(f"rows: stream {wrong} is not one of the {self.streams} streams")
        return chosen

    # telling

    @property
    def precision(self) -> str:
        """What the weights were rounded to, in words."""
        return PRECISION[self.weights]

    def explain(self) -> str:
        """How the model runs here, in one line."""
        megabytes = self._native.weight_bytes / 2**20
        tokens = ""
        if self.tokens is not None:
            done = ", with all that depends on it alone" if self._native.tabulated else ""
            tokens = f"; a token's row is looked up{done}"
        return (
            f"{self._name}: one native call a step or block, {self.streams} streams; {megabytes:.2f} MiB of "
            f"weights packed once; {self.precision}{tokens}"
        )


def _require(model: Any) -> None:
    """Fault unless the model runs step by step."""
    name = type(model).__name__
    if not hasattr(model, "step") or not hasattr(model, "initial_state"):
        raise Fault(f"{name} has no step(x, state): only recurrent models can be streamed")
    if not getattr(model, "causal", isinstance(model, Cell)):
        raise Fault(
            f"{name} has no single step, it looks at later steps of the row: a stepper runs causal models"
        )


def _native(whole: WholeStep, weights: dict[str, Tensor], streams: int, kind: str) -> NativeStepper:
    try:
        from recurra.engines.native.stepper import NativeStepper
    except ImportError as error:
        raise Untraceable(f"the native library is not installed ({error})") from error
    named = {f"model.{name}": tensor for name, tensor in weights.items()}
    return NativeStepper(whole.program, named, streams, kind, torch.get_num_threads(), whole.tokens)


def _odd(tensor: Tensor) -> bool:
    return tensor.dtype != torch.float32 or tensor.device.type != "cpu"


def _array(x: Any, kind: type) -> NDArray[Any]:
    """x as a contiguous array of a type that holds its numbers."""
    given = np.asarray(x)
    if kind is np.int64 and not np.issubdtype(given.dtype, np.integer):
        raise Fault(f"x is {given.dtype}, expected whole numbers: token ids")
    if kind is np.float32 and not np.issubdtype(given.dtype, np.number):
        raise Fault(f"x is {given.dtype}, expected numbers")
    return np.asarray(given, kind, order="C")


def _rows(rows: Sequence[int]) -> NDArray[np.int64]:
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or not (np.issubdtype(chosen.dtype, np.integer) or not chosen.size):
        raise Fault(f"rows is {rows!r}, expected a list of whole numbers: which streams")
    return np.asarray(chosen, np.int64, order="C")
