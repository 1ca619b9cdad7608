"""What a forward and a backward run have in common as the library knows them beforehand: which arrays there
are, and which large products go before and after the loop (`native/engine/call.h`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from recurra.engines.native._engine import CallF32, CallF64, CallPlan, GradientProduct, Product
from recurra.engines.native.encode import Encoded, encode
from recurra.lowering.graph import StepGraph

if TYPE_CHECKING:
    from recurra.engines.native._engine import _Call

Name = tuple[str, int]
"""An array of all rows and steps: `("input", k)` and `("output", k)` of the forward step; `("tape", node)`;
`("gradient", k)` of output k, which comes in; `("back", o)`: output o of the backward step; `("of_input",
k)`: the gradient of input k, where it is an array of its own."""
Array = tuple[Name, int]
"""With its width."""


class Calls(NamedTuple):
    """A run in float32 and in float64.

    Attributes:
        multiplied: multiply-adds of a row at one step: before the loop, in it, after it.
        encoded: the step.
    """

    single: CallF32
    double: CallF64
    multiplied: tuple[int, int, int]
    encoded: Encoded

    def of(self, dtype: torch.dtype) -> _Call:
        return self.double if dtype == torch.float64 else self.single


class Arrays:
    """Arrays of a run and their numbers: those that are tensors, then those in each buffer."""

    def __init__(self, tensors: Sequence[Array], *buffers: Sequence[Array]) -> None:
        self.widths = [[width for _, width in group] for group in (tensors, *buffers)]
        names = [name for group in (tensors, *buffers) for name, _ in group]
        self.numbers = {name: number for number, name in enumerate(names)}


class Products(NamedTuple):
    """The large products of a run, and arrays whose rows are summed: see `CallPlan`."""

    hoisted: Sequence[Product] = ()
    weight_gradients: Sequence[GradientProduct] = ()
    sums: Sequence[int] = ()
    input_gradients: Sequence[Product] = ()


def calls_of(
    step: StepGraph, arrays: Arrays, inputs: Sequence[Name], outputs: Sequence[Name], products: Products
) -> Calls:
    """A run of `step`, whose inputs and outputs are the arrays of these names."""
    encoded = encode(step)
    plan = CallPlan(
        tensors=arrays.widths[0],
        buffers=arrays.widths[1:],
        inputs=[arrays.numbers[name] for name in inputs],
        outputs=[arrays.numbers[name] for name in outputs],
        vectors=step.vectors,
        weights=step.weights,
        loop_weights=encoded.weights,
        hoisted=products.hoisted,
        weight_gradients=products.weight_gradients,
        sums=products.sums,
        input_gradients=products.input_gradients,
    )
    size = [math.prod(weight) for weight in step.weights]
    multiplied = (
        sum(size[product.weight] for product in products.hoisted),
        sum(size[weight] for weight, _ in encoded.weights),
        sum(size[product.weight] for product in products.weight_gradients)
        + sum(size[product.weight] for product in products.input_gradients),
    )
    return Calls(CallF32(encoded.program, plan), CallF64(encoded.program, plan), multiplied, encoded)
