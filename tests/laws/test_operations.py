"""The table of operations: each is traced, runs on every engine, and means what its primitives mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells import Cell
from recurra.loop.plan import plan_of
from recurra.lowering.derivative import GradientRequest, differentiate
from recurra.lowering.graph import StepGraph
from recurra.lowering.lower import lower
from recurra.program import Loop, Program
from recurra.program.interpret import run_fixed, run_rows
from recurra.program.ops import OPS, PRIMITIVES, SOURCES, TRACED, require_complete
from tests.laws.loops import assert_same, by_hand, by_scan, random_state
from tests.laws.table import features

ROWS = 5
OPS_H = Path(__file__).resolve().parents[2] / "native" / "engine" / "ops.h"
OF_THE_LIBRARY = {"copy": 1, "muladd": 3, "total": 1, "dot": 2, "weigh": 2}
"""Instruction of the library alone -> operands: to move rows, to do two operations in one, to add up over all
rows and steps."""
INSTRUCTIONS = {op for op in PRIMITIVES if OPS[op].kind in ("pointwise", "reduction", "parts")} - {"detach"}
"""What the library computes; a gradient ends at `detach`, and nothing is computed."""
RANDOM = SOURCES - {"fill"}

STEPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "product": lambda a, b: a @ b.new_ones(4, 4).triu(),
    "logical_not": lambda a, b: torch.logical_not(a > b),
    "logical_and": lambda a, b: torch.logical_and(a > b, a > 0.4),
    "logical_or": lambda a, b: torch.logical_or(a > b, a > 0.4),
    "where": lambda a, b: torch.where(a > b, a * a, b),
    "lerp": lambda a, b: torch.lerp(a, b, a * b),
    "rdiv_scalar": lambda a, b: torch.div(0.7, a),  # type: ignore[call-overload]
    "clamp": lambda a, b: a.clamp(0.3, 0.6),
    "softplus": lambda a, b: F.softplus(a, 2.0, 1.0),
    "gelu": lambda a, b: F.gelu(a, approximate="tanh"),
    "elu": lambda a, b: F.elu(a - 0.5, 1.3),
    "leaky_relu": lambda a, b: F.leaky_relu(a - 0.5, 0.2),
    "hardtanh": lambda a, b: F.hardtanh(a, 0.3, 0.6),
    "to_float": lambda a, b: (a > b).to(a.dtype),
    "layer_norm": lambda a, b: F.layer_norm(a, (4,), eps=0.1),
    "cumsum": lambda a, b: a.cumsum(-1),
    "repeat": lambda a, b: a[:, :2].exp().unsqueeze(1).expand(-1, 2, -1).flatten(1),
    "matmul": lambda a, b: (a.view(-1, 2, 2) @ b.view(-1, 2, 2)).flatten(1),
    "sum_parts": lambda a, b: a.view(-1, 2, 2).sum(1).repeat(1, 2),
    "amax_parts": lambda a, b: a.view(-1, 2, 2).amax(1).repeat(1, 2),
    "amin_parts": lambda a, b: a.view(-1, 2, 2).amin(2).repeat(1, 2),
    "gather": lambda a, b: a[:, [3, 0, 2, 0, 1, 3, 1, 2]].view(-1, 2, 4).sum(1),
    "slice": lambda a, b: a[:, 1:2],
    "cat": lambda a, b: torch.cat([b[:, 2:], a[:, :2]], -1),
    "broadcast": lambda a, b: a.sum(-1, keepdim=True).expand(-1, 4),
    "fill": lambda a, b: torch.full_like(a, 0.7),
    "uniform": lambda a, b: torch.rand_like(a),
    "normal": lambda a, b: torch.randn_like(a),
    "bernoulli": lambda a, b: torch.bernoulli(torch.zeros_like(a), 0.5),
}
"""What a step says for an operation; for any other `Op.run`, of as many operands, and 0.7 for a constant."""


class Hidden(NamedTuple):
    h: Tensor


class One(Cell):
    """A step with one operation on rows `[rows, 4]` of numbers between 0 and 1."""

    State = Hidden

    def __init__(self, op: str) -> None:
        self.op = op
        self.input_size, self.hidden_size = 3, 4
        self.input, self.hidden = nn.Linear(3, 4), nn.Linear(4, 4)

    def step(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        a, b = (self.input(x) + state.h).sigmoid(), self.hidden(state.h).sigmoid()
        h = 0.3 * a + 0.5 * self.applied(a, b)
        return h, Hidden(h)

    def applied(self, a: Tensor, b: Tensor) -> Tensor:
        if self.op in STEPS:
            return STEPS[self.op](a, b)
        op = OPS[self.op]
        return op.run(*(a, b)[: op.operands], *(0.7 for _ in op.constants))


@cache
def program_of(op: str) -> Program:
    plan = plan_of(One(op).double())
    assert plan.program is not None, plan.reason
    return plan.program


@pytest.mark.parametrize("op", sorted(TRACED))
def test_each_is_found_in_a_step(op: str) -> None:
    assert op in {value.op for value in program_of(op).values}


@pytest.mark.parametrize("op", sorted(TRACED - RANDOM))
def test_each_runs_as_the_plain_loop(op: str, engine: str) -> None:
    cell = One(op).double()
    rows = [row.requires_grad_() for row in features(3, 0, 2)]
    state = random_state(cell, len(rows))
    inputs = [*rows, state.h, *cell.parameters()]
    assert_same(by_scan(cell, rows, state), by_hand(cell, rows, state), inputs)


class Arguments(NamedTuple):
    """Of a graph's leaves, by their numbers."""

    inputs: Sequence[Tensor]
    states: Sequence[Tensor]
    vectors: Sequence[Tensor]
    weights: Sequence[Tensor]


def computed(step: StepGraph, arguments: Arguments) -> list[Tensor]:
    """`[ROWS, width]` of every node of a graph. Masks are numbers."""
    graph, leaves = step.graph, arguments._asdict()
    nodes: list[Tensor] = []
    for number, node in enumerate(graph.nodes):
        args = [nodes[arg] for arg in node.args]
        if node.op == "const":
            result = torch.tensor([graph.value_of(number)], dtype=torch.float64)
        elif node.is_leaf:
            result = leaves[f"{node.op}s"][node.attrs[0]]
        elif node.op == "broadcast":
            result = args[0]
        elif node.op == "product":
            weight, transposed = node.attrs
            matrix = arguments.weights[weight]
            result = OPS["product"].run(args[0], matrix.t() if transposed else matrix, *args[1:])
        else:
            args = [args[0] != 0, *args[1:]] if node.op == "where" else args
            if node.op in ("gather", "scatter_add"):  # columns are the same for every row
                args = [args[0], args[1][0]]
            result = OPS[node.op].run(*args, *node.attrs).double()
        nodes.append(result.expand(ROWS, node.width))
    return nodes


def arguments_of(loop: Loop, step: StepGraph, tensors: Mapping[int, Tensor]) -> Arguments:
    """What the graph of a loop reads, from what the loop reads: each a leaf for autograd."""
    fixed = [tensors[n] for n in loop.fixed]
    weights, vectors = [t for t in fixed if t.dim() == 2], [t for t in fixed if t.dim() != 2]
    inputs = [tensors[n] for n in loop.inputs]
    for h in step.hoisted:
        vector = () if h.vector is None else (vectors[h.vector],)
        inputs.append(OPS["product"].run(inputs[h.source][:, h.start : h.stop], weights[h.weight], *vector))
    groups = (inputs, [tensors[n] for n in loop.states], vectors, weights)
    return Arguments(*([t.detach().clone().requires_grad_() for t in group] for group in groups))


@pytest.mark.parametrize("op", sorted(TRACED - SOURCES))
def test_primitives_mean_the_operation_and_its_gradient(op: str) -> None:
    """One step as a program, as primitives, and the derivative of these against torch's."""
    program = program_of(op)
    loop, step = program.merged, lower(program.merged)
    shapes = {n: v.shape if v.fixed else (ROWS, *v.shape) for n, v in enumerate(program.values) if v.is_leaf}
    tensors: dict[int, Any] = {n: torch.randn(shape, dtype=torch.float64) for n, shape in shapes.items()}
    run_fixed(program.values, program.of_part("once"), tensors)
    run_rows(program.values, (*program.prelude(loop), *loop.body), tensors, ROWS, tensors[program.x])
    forward = arguments_of(loop, step, tensors)
    nodes = computed(step, forward)
    results = [nodes[n] for n in (*step.outputs, *step.next_states)]
    for number, result in zip((*loop.outputs, *loop.next_states), results, strict=True):
        torch.testing.assert_close(result, tensors[number])

    incoming = [torch.randn_like(t) for t in results]
    leaves = [t for group in forward for t in group]
    expected = torch.autograd.grad(results, leaves, incoming, allow_unused=True, materialize_grads=True)
    every = [frozenset(range(len(group))) for group in (step.inputs, step.vectors, step.weights, step.states)]
    derivative = differentiate(step, GradientRequest(*every, frozenset(range(len(step.outputs)))))
    origins: dict[str, Sequence[Tensor]] = {
        "gradient": incoming,
        "tape": nodes,
        "input": forward.inputs,
        "output": results,
    }
    saved = [origins[kind][k].detach() for kind, k in derivative.sources]
    backward = derivative.backward
    back = computed(backward, forward._replace(inputs=saved, states=incoming[len(step.outputs) :]))
    outputs = [back[n] for n in backward.outputs]
    zero = torch.zeros((), dtype=torch.float64)
    weights = [zero] * len(step.weights)
    for share in derivative.weights:
        weights[share.weight] = weights[share.weight] + nodes[share.rows].t() @ outputs[share.output]
    vectors = [zero] * len(step.vectors)
    for k, total in derivative.vectors.items():
        vectors[k] = vectors[k] + back[backward.totals[total]].sum(0)
    for k, places in derivative.bias.items():
        vectors[k] = vectors[k] + sum(outputs[place].sum(0) for place in places)
    gradients = [
        *(outputs[derivative.inputs[k]] if k in derivative.inputs else zero for k in range(len(step.inputs))),
        *(back[n] for n in backward.next_states),
        *vectors,
        *weights,
    ]
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient.expand_as(other), other)


def test_the_library_has_the_same_instructions() -> None:
    """`ops.h`: names and numbers of operands."""
    instructions = {name: int(n) for name, n in re.findall(r"R\((\w+), (\d)\)", OPS_H.read_text())}
    assert instructions == {**{op: OPS[op].operands for op in INSTRUCTIONS}, **OF_THE_LIBRARY}


def test_the_built_library_has_them_too() -> None:
    engine = pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")
    assert engine.OPS.keys() == {*INSTRUCTIONS, *OF_THE_LIBRARY}
    assert sorted(engine.OPS.values()) == list(range(len(engine.OPS)))


def test_an_entry_left_out_is_an_error() -> None:
    require_complete({"add": 1}, ["add"], "gradients")
    with pytest.raises(LookupError, match=r"gradients: missing \['mul'\], not expected \['sub'\]"):
        require_complete({"add": 1, "sub": 2}, ["add", "mul"], "gradients")
