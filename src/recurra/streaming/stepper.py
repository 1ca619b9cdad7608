"""A causal model compiled for streaming: one native call a step or block, NumPy in and out."""

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
from recurra.streaming.step_program import StepProgram, step_program
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
        weights: what the weights of products are kept in: `float32`, `bfloat16` (half the memory), `int8` (a
            quarter); see `precision`.

    Attributes:
        streams, weights: as above.
        tokens: how many token ids the model reads; None: it reads numbers.
        input_size: F, the numbers that a step reads, or those that a token is looked up as.
        output_size: K, the numbers that a step gives.
        source: the step that it runs.

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
        model.eval()
        self._pack(model, streams, weights)

    def _pack(self, model: nn.Module, streams: int, weights: str) -> None:
        self.streams = streams
        self.weights = weights
        self._name = type(model).__name__
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
                self.source = step = step_program(model)
                self._native = _native(step, leaves, streams, weights)
            except Untraceable as error:
                raise Uncompiled(f"{self._name} can't be compiled into a stepper: {error}") from error
            first = named_leaves(model.initial_state(1))  # type: ignore[operator]
            self._initial = {name: leaf.detach().numpy().copy() for name, leaf in first.items()}
        self._run = self._native.run
        self.tokens = None if step.tokens is None else step.tokens.count
        self.input_size = step.program.values[step.program.x].width
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
        items = _array(x, self._item)
        numbers = None if rows is None else _rows(rows)
        count = self.streams if numbers is None else len(numbers)
        tail = () if self.tokens is not None else (self.input_size,)
        alone = count == 1 and items.ndim == len(tail) + block
        if alone:
            items = items[None]
        steps = items.shape[1:2] if block else ()
        if items.shape != (count, *steps, *tail) or items.ndim != 1 + block + len(tail):
            raise Fault(f"x is {list(np.shape(x))}, expected {self._expected(count, block)}")
        y = np.empty((count, *steps, self.output_size), np.float32)
        try:
            if y.size:
                self._run(items, y) if numbers is None else self._run(items, y, numbers)
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
        arrays: Mapping[str, Floats] = self._native.states
        return arrays

    @property
    def state(self) -> dict[str, Floats]:
        """What is remembered, by dotted name: a copy, `[streams, ...]` each."""
        return {name: leaf.copy() for name, leaf in self._native.states.items()}

    def state_of(self, rows: Sequence[int]) -> dict[str, Floats]:
        """The states of some streams, `[len(rows), ...]` each, in that order; a Fault for one that is not."""
        places = self._places(rows)
        return {name: leaf[places] for name, leaf in self._native.states.items()}

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
        places = slice(None) if rows is None else self._places(rows)
        count = self.streams if rows is None else len(rows)
        arrays = {name: _array(leaf, np.float32) for name, leaf in leaves.items()}
        for name, leaf in arrays.items():
            if leaf.shape != (count, *own[name].shape[1:]):
                raise Fault(
                    f"state {name} is {list(leaf.shape)}, expected {[count, *own[name].shape[1:]]}: "
                    f"the rows of {count} streams"
                )
        for name, leaf in arrays.items():
            own[name][places] = leaf

    def reset(self, rows: Sequence[int] | None = None) -> None:
        """Every stream, or those in `rows`, forgets everything: its next step is its first.

        Raises:
            Fault: `rows` names a stream that is not.
        """
        places = slice(None) if rows is None else self._places(rows)
        for name, leaf in self._native.states.items():
            leaf[places] = self._initial[name]

    def _places(self, rows: Sequence[int]) -> NDArray[np.int64]:
        numbers = _rows(rows)
        wrong = next((int(r) for r in numbers if not 0 <= r < self.streams), None)
        if wrong is not None:
            raise Fault(f"rows: stream {wrong} is not one of the {self.streams} streams")
        return numbers

    def __reduce__(self) -> Any:
        raise Fault(
            "a Stepper can't be copied or pickled: make another one of the model, and give it the state by "
            "load_state(stepper.state)"
        )

    # in words

    @property
    def precision(self) -> str:
        """What the weights were rounded to, in words."""
        return PRECISION[self.weights]

    def explain(self) -> str:
        """How the model runs here, in one line."""
        megabytes = self._native.weight_bytes / 2**20
        tokens = ""
        if self.tokens is not None:
            rest = ", with all that depends on it alone" if self._native.tabulated else ""
            tokens = f"; a token's row is looked up{rest}"
        return (
            f"{self._name}: one native call a step or block, {self.streams} streams; {megabytes:.2f} MiB of "
            f"weights packed once; {self.precision}{tokens}"
        )


def stepper_of(model: nn.Module, streams: int) -> Stepper:
    """A stepper of the model in evaluation, in whatever mode it is: it stays in that."""
    stepper = object.__new__(Stepper)
    stepper._pack(model, streams, "float32")
    return stepper


def _require(model: Any) -> None:
    """Fault unless the model runs step by step."""
    name = type(model).__name__
    if not hasattr(model, "step") or not hasattr(model, "initial_state"):
        raise Fault(f"{name} has no step(x, state): only recurrent models can be streamed")
    if not getattr(model, "causal", isinstance(model, Cell)):
        raise Fault(
            f"{name} has no single step, it looks at later steps of the row: a stepper runs causal models"
        )


def _native(step: StepProgram, weights: dict[str, Tensor], streams: int, kind: str) -> NativeStepper:
    try:
        from recurra.engines.native.stepper import NativeStepper
    except ImportError as error:
        raise Untraceable(f"the native library is not installed ({error})") from error
    named = {f"model.{name}": tensor for name, tensor in weights.items()}
    return NativeStepper(step.program, named, streams, kind, torch.get_num_threads(), step.tokens)


def _odd(tensor: Tensor) -> bool:
    return tensor.dtype != torch.float32 or tensor.device.type != "cpu"


def _array(x: Any, kind: type) -> NDArray[Any]:
    """x as a contiguous array of a type that holds its numbers."""
    array = np.asarray(x)
    if kind is np.int64 and not np.issubdtype(array.dtype, np.integer):
        raise Fault(f"x is {array.dtype}, expected whole numbers: token ids")
    if kind is np.float32 and not np.issubdtype(array.dtype, np.number):
        raise Fault(f"x is {array.dtype}, expected numbers")
    return np.asarray(array, kind, order="C")


def _rows(rows: Sequence[int]) -> NDArray[np.int64]:
    """Numbers of streams, `[len(rows)]`."""
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or not (np.issubdtype(numbers.dtype, np.integer) or not numbers.size):
        raise Fault(f"rows is {rows!r}, expected a list of whole numbers: which streams")
    return np.asarray(numbers, np.int64, order="C")
