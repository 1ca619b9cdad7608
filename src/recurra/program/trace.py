"""A step in plain PyTorch -> a program, checked against the step before anyone uses it."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx

from recurra.errors import Fault
from recurra.program.aten import HANDLERS, Importer, name_of
from recurra.program.errors import Untraceable
from recurra.program.node import Arg
from recurra.program.program import Program
from recurra.program.run import run_fixed, run_rows
from recurra.state import named_leaves, replace_leaves, require_same_shapes

_BATCHES = (7919, 6007, 4001)
"""Rows to trace with: primes, one of which no weight has as a size, so that a size tells what it is."""


def trace(module: nn.Module, input_size: int, state: Any) -> Program:
    """The program of `module.step(x, state)`.

    Args:
        module: has `step`; its parameters and buffers become the program's weights.
        input_size: width of x.
        state: a state of any number of rows, for its shapes and types.

    Raises:
        Untraceable: with the reason in words.
    """
    weights = fixed_leaves(module)
    leaves = named_leaves(state)
    like = example(module, leaves)
    sizes = {size for tensor in weights.values() for size in tensor.shape} | {input_size}
    batch = next(prime for prime in _BATCHES if prime not in sizes)
    for name, leaf in leaves.items():
        if leaf.dim() != 2:
            raise Untraceable(f"state {name} has {leaf.dim() - 1} dimensions a row, a program's has one")
    x = torch.zeros(batch, input_size, dtype=like.dtype, device=like.device)
    expanded = {name: leaf[:1].expand(batch, -1) for name, leaf in leaves.items()}
    names = list(leaves)

    def step(fixed: dict[str, Tensor], x: Tensor, *held: Tensor) -> tuple[Tensor, ...]:
        given = replace_leaves(state, dict(zip(names, held, strict=True)))
        y, after = torch.func.functional_call(
            _Step(module), {f"module.{k}": v for k, v in fixed.items()}, (x, given)
        )
        require_same_shapes(given, after, type(module).__name__)
        found = named_leaves(after)
        return (y, *found.values())

    functional = torch.func.functionalize(step, remove="mutations")
    try:
        with torch.no_grad():
            recorded = make_fx(functional, tracing_mode="fake")(weights, x, *expanded.values())
    except Fault:
        raise
    except Exception as error:  # torch raises many kinds here; each is a reason, never swallowed
        raise Untraceable(_reason(error)) from error
    program = _import(recorded, batch, list(weights), names)
    _check(program, module, input_size, state)
    return program


def fixed_leaves(module: nn.Module) -> dict[str, Tensor]:
    """Name -> parameter or buffer, in a stable order."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def example(module: nn.Module, leaves: dict[str, Tensor]) -> Tensor:
    """A tensor whose type and device rows made by the step have."""
    floating = [t for t in (*module.parameters(), *leaves.values()) if t.is_floating_point()]
    return floating[0] if floating else torch.empty(0)


class _Step(nn.Module):
    """`functional_call` runs `forward`; a cell's method is `step`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, state: Any) -> Any:
        return self.module.step(x, state)  # type: ignore[operator]


def _import(recorded: fx.GraphModule, batch: int, weights: list[str], states: list[str]) -> Program:
    of = Importer(batch)
    leaves = iter([*(("fixed", name) for name in weights), ("x", "x"), *(("state", name) for name in states)])
    numbers: dict[tuple[str, str], int] = {}
    outputs: list[fx.Node] = []
    for node in recorded.graph.nodes:
        if node.op == "placeholder":
            kind, name = next(leaves)
            shape = tuple(node.meta["val"].shape)
            numbers[kind, name] = of.leaf(kind, name, shape if kind == "fixed" else shape[1:])
            of.of_node[node] = numbers[kind, name]
        elif node.op == "output":
            outputs = list(node.args[0])
        elif node.op == "get_attr":
            raise Untraceable(
                "the step uses a tensor that is neither parameter nor buffer: register it as a buffer"
            )
        elif node.target is operator.getitem:
            parts = of.of_node[node.args[0]]
            if isinstance(parts, list):
                # a result that no program can hold (the second output of a norm) fails only where it is used
                if node.args[1] < len(parts):
                    of.of_node[node] = parts[node.args[1]]
            else:
                of.of_node[node] = of.fixed("getitem", node.args[1], (parts,), tuple(node.meta["val"].shape))
        elif "copy_" in name_of(node):
            raise Untraceable("the step changes its input or a weight in place")
        else:
            of.of_node[node] = _call(of, node)
    y, *after = outputs
    for name, node in zip(["y", *states], outputs, strict=True):
        if not of.is_row(node):
            raise Untraceable(f"{name} is the same for every row")
    if len(of.row_shape(y)) != 1:
        raise Untraceable("the step's output has more than one dimension a row")
    return Program(
        tuple(of.values),
        numbers["x", "x"],
        {name: numbers["state", name] for name in states},
        {name: of.number(node) for name, node in zip(states, after, strict=True)},
        of.number(y),
    )


def _call(of: Importer, node: fx.Node) -> Any:
    tensors = list(node.all_input_nodes)
    missing = next((held for held in tensors if held not in of.of_node), None)
    if missing is not None:
        raise Untraceable(f"{name_of(missing)} is used in a way that a program can't hold")
    value = node.meta.get("val")
    makes_rows = isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == of.batch
    if (any(of.is_row(held) for held in tensors) and not _shape_only(node)) or makes_rows:
        handler = HANDLERS.get(name_of(node))
        if handler is None:
            raise Untraceable(f"{name_of(node)} is no operation on rows that a program knows")
        return handler(of, node)
    # work on weights alone is left to torch as it is
    args = tuple(of.number(held) for held in tensors)
    shape = tuple(value.shape) if isinstance(value, Tensor) else ()
    if _shape_only(node):
        kind = {"dtype": value.dtype, "device": value.device}
        return of.fixed("aten.full.default", ((list(shape), _FILLS[name_of(node)](node)), kind), (), shape)
    places = {held: Arg(k) for k, held in enumerate(tensors)}
    template = fx.map_arg((tuple(node.args), dict(node.kwargs)), lambda held: places[held])
    return of.fixed(str(node.target), template, args, shape)


_FILLS = {
    "aten.new_ones": lambda node: 1.0,
    "aten.new_zeros": lambda node: 0.0,
    "aten.new_full": lambda node: float(node.args[2]),
}


def _shape_only(node: fx.Node) -> bool:
    """Whether the call takes only type and device from its tensor."""
    return name_of(node) in _FILLS


def _reason(error: Exception) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if "data-dependent" in first.lower() or "DataDependent" in type(error).__name__:
        return "the step's Python depends on the numbers in its tensors (an `if`, `.item()` or the like)"
    if "FakeTensor" in first:
        return "the step uses a tensor that is neither parameter nor buffer: register it as a buffer"
    return f"torch could not record the step: {first}"


def _check(program: Program, module: nn.Module, input_size: int, state: Any) -> None:
    """Runs step and program on the same numbers, in double, and compares values and gradients."""
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        weights = {name: _double(tensor) for name, tensor in fixed_leaves(module).items()}
        leaves = named_leaves(state)
        torch.manual_seed(0)
        x = torch.randn(3, input_size, dtype=torch.float64, requires_grad=True)
        held = {
            n: torch.randn(3, leaf.shape[1], dtype=torch.float64, requires_grad=True)
            for n, leaf in leaves.items()
        }
        given = replace_leaves(state, held)
        torch.manual_seed(1)
        y, after = torch.func.functional_call(
            _Step(module), {f"module.{k}": v for k, v in weights.items()}, (x, given)
        )
        expected = [y, *named_leaves(after).values()]
        torch.manual_seed(1)
        found = run_step(program, weights, x, held)
        inputs = [t for t in (x, *held.values(), *weights.values()) if t.requires_grad]
        cotangents = [torch.randn_like(out) for out in expected]
        gradients = [_gradients(outs, inputs, cotangents) for outs in (expected, found)]
    for what, wanted, got in (("values", expected, found), ("gradients", *gradients)):
        for one, other in zip(wanted, got, strict=True):
            if not torch.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True):
                raise Untraceable(
                    f"the recorded step gives other {what} than the step itself: it keeps something in "
                    f"Python, draws numbers in its own way, or defines its own derivative"
                )


def run_step(
    program: Program, weights: dict[str, Tensor], x: Tensor, state: dict[str, Tensor]
) -> list[Tensor]:
    """One step through the program: `[y, *next states]`."""
    held: dict[int, Any] = {program.x: x}
    held.update({number: state[name] for name, number in program.states.items()})
    for number, value in enumerate(program.values):
        if value.op == "fixed":
            held[number] = weights[value.attrs[0]]
    run_fixed(program.values, program.of_part("once"), held)
    for part in ("before", "inside", "after"):
        numbers = [n for n in program.of_part(part) if not program.values[n].is_leaf]
        run_rows(program.values, numbers, held, len(x), x)
    return [held[program.y], *(held[number] for number in program.next_states.values())]


def _double(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().cpu().clone()
    return tensor.detach().to("cpu", torch.float64, copy=True).requires_grad_()


def _gradients(outputs: list[Tensor], inputs: list[Tensor], cotangents: list[Tensor]) -> list[Tensor]:
    reached = [(out, c) for out, c in zip(outputs, cotangents, strict=True) if out.requires_grad]
    if not reached or not inputs:
        return []
    outs, given = zip(*reached, strict=True)
    found = torch.autograd.grad(outs, inputs, given, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, inputs, strict=True)]
