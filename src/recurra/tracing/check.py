"""A program against the step it was read from: in double, on the same numbers, before anyone uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from recurra.program.autograd import gradients_of
from recurra.program.errors import Untraceable
from recurra.program.interpret import flat_rows, run_step
from recurra.program.program import Program
from recurra.state import named_leaves, replace_leaves
from recurra.tracing.draws import own_random_numbers
from recurra.tracing.parametrized import once_a_run
from recurra.tracing.side_effects import StepOf

_ROWS = 3


def check(
    program: Program, module: nn.Module, weights: Mapping[str, Tensor], input_size: int, state: Any
) -> None:
    """Compares values and gradients, from states of random numbers and from the one that a run starts with.

    Args:
        program: of `module.step`, its weights named as in `weights`.
        input_size: width of x.
        state: the one that a run starts with, of any number of rows.

    Raises:
        Untraceable: they differ.
    """
    generator = torch.Generator("cpu").manual_seed(0)

    def random(rows: int, *shape: int) -> Tensor:
        return torch.randn(rows, *shape, dtype=torch.float64, device="cpu", generator=generator)

    x = random(2 * _ROWS, input_size)
    leaves = {
        name: torch.cat([random(_ROWS, *leaf.shape[1:]), *[leaf[:1].detach().cpu().double()] * _ROWS])
        for name, leaf in named_leaves(state).items()
    }
    with torch.enable_grad(), torch.device("cpu"):
        trained = dict(module.named_parameters())
        doubles = {name: _double(tensor, name in trained) for name, tensor in weights.items()}
        for leaf in (x, *leaves.values()):
            leaf.requires_grad_()
        by_path = {f"module.{name}": tensor for name, tensor in doubles.items()}
        with once_a_run(module), own_random_numbers(1):
            arguments = (x, replace_leaves(state, leaves))
            y, next_state = torch.func.functional_call(StepOf(module), by_path, arguments)
        expected = [y, *map(flat_rows, named_leaves(next_state).values())]
        with own_random_numbers(1):
            outputs = run_step(program, doubles, x, {name: flat_rows(leaf) for name, leaf in leaves.items()})
        inputs = [t for t in (x, *leaves.values(), *doubles.values()) if t.requires_grad]
        generator = torch.Generator("cpu").manual_seed(2)
        cotangents = [torch.empty_like(out).normal_(generator=generator) for out in expected]
        gradients = [_gradients(results, cotangents, inputs) for results in (expected, outputs)]
    pairs = {"values": [expected, outputs], "gradients": gradients}
    for what, (of_step, of_program) in pairs.items():
        for one, other in zip(of_step, of_program, strict=True):
            if not torch.allclose(one.double(), other.double(), rtol=1e-5, atol=1e-6, equal_nan=True):
                raise Untraceable(
                    f"the recorded step gives other {what} than the step itself: it keeps something in "
                    f"Python, draws numbers in its own way, cuts gradients, or defines its own derivative"
                )


def _double(tensor: Tensor, trained: bool) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().cpu().clone()
    return tensor.detach().to("cpu", torch.float64, copy=True).requires_grad_(trained)


def _gradients(outputs: list[Tensor], cotangents: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Zeros where none reaches an input."""
    shares = gradients_of(outputs, cotangents, inputs)
    return [torch.zeros_like(t) if share is None else share for share, t in zip(shares, inputs, strict=True)]
