"""A forward run as the library knows it beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from recurra.engines.native._engine import Product
from recurra.engines.native.call import Array, Arrays, Calls, Products, calls_of
from recurra.lowering.graph import StepGraph


@dataclass(frozen=True)
class ForwardCall:
    """A forward run.

    Attributes:
        calls: its tensors are the loop's inputs, then its outputs; its buffers, the tape and the scratch.
        outputs: widths of the step's.
        nodes: forward nodes whose values the backward run will read.
        tape: the arrays of those, and of products of inputs that it will read too, in one buffer.
        scratch: width of the other buffer, which is of no use after the run.
    """

    calls: Calls
    outputs: tuple[int, ...]
    nodes: tuple[int, ...]
    tape: tuple[Array, ...]
    scratch: int

    @property
    def width(self) -> int:
        """Of the tape."""
        return sum(width for _, width in self.tape)

    @classmethod
    def of(cls, step: StepGraph, nodes: tuple[int, ...] = (), inputs: tuple[int, ...] = ()) -> ForwardCall:
        """Of a step.

        Args:
            nodes: what to keep of that which it computes.
            inputs: which products of inputs to keep.
        """
        width, first = step.graph.width, len(step.inputs) - len(step.hoisted)
        every: list[Array] = [(("input", k), columns) for k, columns in enumerate(step.inputs)]
        outputs: list[Array] = [(("output", k), width(node)) for k, node in enumerate(step.outputs)]
        on_tape: list[Array] = [(("tape", node), width(node)) for node in nodes]
        tape = on_tape + [every[k] for k in inputs]
        scratch = [array for array in every[first:] if array not in tape]
        arrays = Arrays([*every[:first], *outputs], tape, scratch)
        number = arrays.numbers
        hoisted = [
            Product(
                x=number["input", h.source],
                start=h.start,
                depth=h.stop - h.start,
                weight=h.weight,
                transposed=False,
                vector=-1 if h.vector is None else h.vector,
                out=number["input", h.into],
                out_start=0,
                add=False,
            )
            for h in step.hoisted
        ]
        calls = calls_of(
            replace(step, outputs=(*step.outputs, *nodes)),
            arrays,
            [name for name, _ in every],
            [name for name, _ in (*outputs, *on_tape)],
            Products(hoisted),
        )
        columns = sum(width for _, width in scratch)
        return cls(calls, tuple(width for _, width in outputs), nodes, tuple(tape), columns)
