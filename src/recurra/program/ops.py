"""The one table of operations: what each is, what it means in torch, and what the rooms above need to know.

Operations act on each row alone: `[rows, width]` in, `[rows, width]` out; width 1 broadcasts, and so does a
fixed value `[width]`. The first arguments are values, the rest constants of the node. The functions here are
the reference for every engine.

What is code of an upper room stands there, under the names of this table, and is held to it by
`require_complete`: the primitives of an operation in `recurra.lowering.lowerings.LOWERINGS`, its gradient in
`recurra.lowering.gradients.GRADIENTS`. How torch records it (`recurra.tracing.aten`) and the native library's
list (`native/engine/ops.h`) are held to it by `tests/laws/test_operations.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["product", "pointwise", "rowwise", "reduction", "parts", "structure", "source"]
"""`product`: rows times a weight. `pointwise`: number by number. `rowwise`: along the width, which stays.
`reduction`: along the width, to width 1. `parts`: to or from parts of a row, or by column.
`structure`: moves numbers about. `source`: rows out of nothing."""

Level = Literal["program", "primitive", "lowered", "derived"]
"""Where it is met. `program`: in programs alone; in a loop's body it is lowered to primitives.
`primitive`: in programs and in graphs of primitives. `lowered`: in graphs alone, where lowering makes it.
`derived`: in graphs of derivatives alone, where a gradient makes it; it has none itself."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation.

    Attributes:
        kind: see `Kind`.
        run: its meaning in torch: `run(*values, *constants)`, or `run(rows, width, like, *constants)` of a
            source, `like` being a tensor of the type and device that the rows shall have.
        operands: how many values it reads; None: not always as many.
        constants: names of the constants behind them.
        level: see `Level`.
        flat: whether its gradient is zero everywhere, or cut off.
        cost: of computing one number of a primitive again, where writing it to an array over all of time and
            reading it back costs 1 (about 0.6 ns).
    """

    kind: Kind
    run: Callable[..., Tensor]
    operands: int | None = 1
    constants: tuple[str, ...] = ()
    level: Level = "primitive"
    flat: bool = False
    cost: float = 0.12


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`[rows, in] @ [in, out] + [out]`."""
    if bias is None or bias.dim() != 1:
        return x @ weight if bias is None else x @ weight + bias
    return torch.addmm(bias, x, weight)


def _layer_norm(x: Tensor, *rest: Any) -> Tensor:
    """Arguments: optional weight, optional bias, then eps."""
    *affine, eps = rest
    # torch sums the weight's gradient in an order that depends on the number of threads
    normal = F.layer_norm(x, (x.shape[-1],), None, None, eps)
    if not affine:
        return normal
    scaled = normal * affine[0] if len(affine) == 1 else torch.addcmul(affine[1], normal, affine[0])
    return scaled.to(normal.dtype)  # as torch's own, under autocast too


def _clamp(x: Tensor, low: float | None, high: float | None) -> Tensor:
    return torch.clamp(x, low, high)


def _uniform(rows: int, width: int, like: Tensor) -> Tensor:
    return torch.rand(rows, width, dtype=like.dtype, device=like.device)


def _normal(rows: int, width: int, like: Tensor) -> Tensor:
    return torch.randn(rows, width, dtype=like.dtype, device=like.device)


def _bernoulli(rows: int, width: int, like: Tensor, p: float) -> Tensor:
    return torch.empty(rows, width, dtype=like.dtype, device=like.device).bernoulli_(p)


def _parted(x: Tensor, block: int, count: int) -> Tensor:
    return x.reshape(len(x), x.shape[1] // (block * count), count, block)


def _repeat(x: Tensor, block: int, count: int) -> Tensor:
    return _parted(x, block, 1).expand(-1, -1, count, -1).flatten(1)


def _along(name: str) -> Callable[..., Tensor]:
    def run(x: Tensor, block: int, count: int) -> Tensor:
        joined: Tensor = getattr(_parted(x, block, count), name)(2)
        return joined.flatten(1)

    return run


def _whole(x: Tensor, columns: Tensor) -> Tensor:
    return columns.to(device=x.device, dtype=torch.int64)


def _scatter_add(x: Tensor, columns: Tensor, width: int) -> Tensor:
    return x.new_zeros(len(x), width).index_add(1, _whole(x, columns), x)


def _matmul(one: Tensor, other: Tensor, n: int, k: int, m: int, turned: str) -> Tensor:
    rows = len(one)
    a = one.reshape(-1, k, n).mT if turned == "left" else one.reshape(-1, n, k)
    b = other.reshape(-1, m, k).mT if turned == "right" else other.reshape(-1, k, m)
    return torch.bmm(a, b).reshape(rows, one.shape[1] // (n * k) * n * m)


def _named(names: str, operands: int, **columns: Any) -> dict[str, Op]:
    """Pointwise operations that torch has under the same name."""
    return {name: Op("pointwise", getattr(torch, name), operands, **columns) for name in names.split()}


def _with_constant(names: str) -> dict[str, Op]:
    """`<name>_scalar`: a constant is the second operand."""
    columns: dict[str, Any] = {"constants": ("constant",), "level": "program"}
    return {f"{name}_scalar": Op("pointwise", getattr(torch, name), **columns) for name in names.split()}


def _composite(run: Callable[..., Tensor], *constants: str) -> Op:
    """Pointwise, of one operand, and written in primitives."""
    return Op("pointwise", run, constants=constants, level="program")


def _source(run: Callable[..., Tensor], *constants: str) -> Op:
    return Op("source", run, 0, constants, "program")


OPS: dict[str, Op] = {
    "product": Op("product", _product, None, cost=math.inf),
    # number by number
    **_named("neg relu abs", 1),
    **_named("sigmoid tanh exp log log1p expm1", 1, cost=0.55),
    **_named("sqrt rsqrt reciprocal", 1, cost=0.3),
    **_named("sin cos erf", 1, cost=20.0),
    **_named("sign floor logical_not", 1, flat=True),
    **_named("detach", 1, flat=True, cost=0.0),
    **_named("add sub mul maximum minimum", 2),
    **_named("div", 2, cost=0.3),
    **_named("gt ge lt le eq ne logical_and logical_or", 2, flat=True),
    **_named("pow", 2, cost=20.0, level="lowered"),
    **_named("where", 3),
    **_named("lerp", 3, level="program"),
    **_with_constant("add mul pow gt ge lt le eq ne"),
    "rsub_scalar": _composite(torch.rsub, "constant"),
    "rdiv_scalar": _composite(lambda x, constant: constant / x, "constant"),
    "clamp": _composite(_clamp, "low", "high"),
    "softplus": _composite(F.softplus, "beta", "threshold"),
    "gelu": _composite(lambda x, approximate: F.gelu(x, approximate=approximate), "approximate"),
    "silu": _composite(F.silu),
    "elu": _composite(torch.ops.aten.elu, "alpha", "scale", "input_scale"),
    "leaky_relu": _composite(F.leaky_relu, "slope"),
    "hardtanh": _composite(F.hardtanh, "low", "high"),
    "hardsigmoid": _composite(F.hardsigmoid),
    "logsigmoid": _composite(F.logsigmoid),
    "to_float": _composite(lambda x, dtype: x.to(dtype), "dtype"),
    # a gradient through y = sigmoid(..), through y = tanh(..)
    "sigmoid_slope": Op("pointwise", lambda grad, y: grad * (y * (1 - y)), 2, level="derived"),
    "tanh_slope": Op("pointwise", lambda grad, y: grad * (1 - y * y), 2, level="derived"),
    # along the width
    "sum": Op("reduction", lambda x: x.sum(-1, keepdim=True)),
    "amax": Op("reduction", lambda x: x.amax(-1, keepdim=True)),
    "amin": Op("reduction", lambda x: x.amin(-1, keepdim=True)),
    "norm": Op("reduction", lambda x: torch.linalg.vector_norm(x, dim=-1, keepdim=True), level="derived"),
    "mean": Op("reduction", lambda x: x.mean(-1, keepdim=True), level="program"),
    "softmax": Op("rowwise", lambda x: torch.softmax(x, -1), level="program"),
    "log_softmax": Op("rowwise", lambda x: torch.log_softmax(x, -1), level="program"),
    "cumsum": Op("rowwise", lambda x: x.cumsum(-1), level="program"),
    "layer_norm": Op("rowwise", _layer_norm, None, ("eps",), level="program"),
    # between rows [outer, count, block] and rows [outer, block]
    "repeat": Op("parts", _repeat, 1, ("block", "count"), cost=0.1),
    "sum_parts": Op("parts", _along("sum"), 1, ("block", "count")),
    "amax_parts": Op("parts", _along("amax"), 1, ("block", "count")),
    "amin_parts": Op("parts", _along("amin"), 1, ("block", "count")),
    # of each row's own matrices, [.., n, k] @ [.., k, m]; the one that is `turned` lies transposed
    "matmul": Op("parts", _matmul, 2, ("n", "k", "m", "turned"), level="program"),
    # by columns, a fixed vector of whole numbers
    "gather": Op("parts", lambda x, columns: x.index_select(1, _whole(x, columns)), 2, cost=0.3),
    "scatter_add": Op("parts", _scatter_add, 2, ("width",), level="derived", cost=0.5),
    # moving numbers about
    "slice": Op("structure", lambda x, start, stop: x[:, start:stop], 1, ("start", "stop"), cost=0.0),
    "cat": Op("structure", lambda *parts: torch.cat(parts, -1), None),
    "same": Op("structure", lambda x, number: x, 1, ("number",), level="lowered", cost=0.0),
    "broadcast": Op("structure", lambda x, width: x.expand(-1, width), 1, ("width",)),
    # rows out of nothing
    "fill": _source(lambda rows, width, like, value: like.new_full((rows, width), value), "value"),
    "uniform": _source(_uniform),
    "normal": _source(_normal),
    "bernoulli": _source(_bernoulli, "p"),
}

SOURCES = frozenset(name for name, op in OPS.items() if op.kind == "source")
TRACED = frozenset(name for name, op in OPS.items() if op.level in ("program", "primitive"))
"""What a traced step can be made of."""
PRIMITIVES = frozenset(name for name, op in OPS.items() if op.level != "program")
"""What graphs are made of, beside their leaves."""


def require_complete(entries: Iterable[str], operations: Iterable[str], column: str) -> None:
    """LookupError unless a column has an entry for each of some operations, and for nothing else."""
    have, need = set(entries), set(operations)
    if have != need:
        missing, extra = sorted(need - have), sorted(have - need)
        raise LookupError(f"{column}: missing {missing or 'nothing'}, not expected {extra or 'nothing'}")
