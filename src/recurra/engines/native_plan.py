"""A loop made ready for the native library: encoded forward, and encoded derivatives as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from recurra.engines.native_encode import encode
from recurra.program import Loop
from recurra.program.derivative import Derivative, Wanted, differentiate
from recurra.program.graph import StepGraph
from recurra.program.lower import lower


@dataclass(frozen=True)
class Ready:
    """An encoded step with its library objects, one for each floating type.

    Attributes:
        weights: `(weight, transposed)` in the order of the library's weights.
        widths: of the outputs.
    """

    drivers: tuple[Any, Any]
    weights: tuple[tuple[int, bool], ...]
    widths: tuple[int, ...]
    totals: tuple[int, ...]

    @classmethod
    def of(cls, step: StepGraph) -> Ready:
        made = encode(step)
        drivers = made.driver(False), made.driver(True)
        return cls(drivers, tuple(made.weights), tuple(made.outputs), tuple(made.totals))


@dataclass(frozen=True)
class Taped:
    """A forward run that saves what one set of gradients needs.

    Attributes:
        tape: forward nodes saved after the loop's own outputs, in order.
    """

    forward: Ready
    tape: tuple[int, ...]


class NativePlan:
    """Everything made from one loop, each made once.

    Attributes:
        matrices, vectors: positions in `loop.fixed` of the step's weights and vectors.
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.step = lower(loop)
        kinds = [len(loop.values[number].shape) == 2 for number in loop.fixed]
        self.matrices = [k for k, matrix in enumerate(kinds) if matrix]
        self.vectors = [k for k, matrix in enumerate(kinds) if not matrix]
        self.plain = Taped(Ready.of(self.step), ())
        self._taped: dict[Wanted, Taped] = {}
        self._backward: dict[Wanted, tuple[Derivative, Ready]] = {}

    def taped(self, wanted: Wanted) -> Taped:
        """The forward run for some gradients; `wanted.outputs` must be all outputs."""
        if wanted not in self._taped:
            tape = self._differentiated(wanted)[0].tape
            tape = tuple(node for node in tape if node not in self.step.outputs)
            step = replace(self.step, outputs=(*self.step.outputs, *tape))
            self._taped[wanted] = Taped(Ready.of(step), tape)
        return self._taped[wanted]

    def backward(self, wanted: Wanted) -> tuple[Derivative, Ready]:
        """The backward run when gradients come in at `wanted.outputs`."""
        return self._differentiated(wanted)

    def _differentiated(self, wanted: Wanted) -> tuple[Derivative, Ready]:
        if wanted not in self._backward:
            made = differentiate(self.step, wanted)
            self._backward[wanted] = (made, Ready.of(made.backward))
        return self._backward[wanted]
