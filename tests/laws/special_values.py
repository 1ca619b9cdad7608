"""What operations do where numbers are special: NaN, infinities, zeros of either sign, subnormals, huge ones.

    python -m tests.laws.special_values

says where the native library's instructions differ from torch's functions, on the level that
`RECURRA_LEVEL` names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra import scan
from recurra.cells import Cell
from recurra.lowering.lowerings import LOWERINGS
from recurra.program import Loop, Value
from recurra.program.ops import OPS

Function = Callable[[Tensor, Tensor], Tensor]

UNARY: dict[str, Function] = {
    **{
        name: lambda a, b, name=name: getattr(torch, name)(a)
        for name in (
            *"neg relu abs sigmoid tanh exp log log1p expm1 sqrt rsqrt reciprocal sin cos erf".split(),
            *"sign floor square ceil trunc round frac tan sinh cosh asin acos atan erfc".split(),
            *"log2 log10 exp2 logit nan_to_num".split(),
        )
    },
    **{
        name: lambda a, b, name=name: getattr(F, name)(a)
        for name in (
            *"silu elu selu celu softplus leaky_relu hardtanh hardsigmoid hardswish relu6".split(),
            *"logsigmoid mish softsign tanhshrink softshrink hardshrink".split(),
        )
    },
    "gelu": lambda a, b: F.gelu(a.clamp(max=1e5)),  # torch's own is infinity or NaN at infinity, by the lane
    "gelu of tanh": lambda a, b: F.gelu(a, approximate="tanh"),
    "softplus of 2": lambda a, b: F.softplus(a, 2.0, 1.0),
    "elu of 1.3": lambda a, b: F.elu(a, 1.3),
    "leaky_relu of -0.5": lambda a, b: F.leaky_relu(a, -0.5),
    "hardtanh of bounds": lambda a, b: F.hardtanh(a, 0.0, 1.0),
    **{f"power {p}": lambda a, b, p=p: a**p for p in (0, 1, 2, 3, 4, -1, -2, 0.5, -0.5, 1.5, 2.5, 1 / 3)},
    "2 to the power": lambda a, b: 2.0**a,
    **{f"plus {c}": lambda a, b, c=c: a + c for c in (0.0, -0.0, 1.5, math.inf, math.nan)},
    **{f"times {c}": lambda a, b, c=c: a * c for c in (0.0, 1.0, -1.0, 1.5, math.inf, math.nan)},
    **{f"minus {c}": lambda a, b, c=c: a - c for c in (0.0, 1.5)},
    **{f"over {c}": lambda a, b, c=c: a / c for c in (0.0, 3.0, math.inf)},
    "less from 1": lambda a, b: 1 - a,
    "less from 0": lambda a, b: 0.0 - a,
    "one over": lambda a, b: 1 / a,
    "quotient of a number": lambda a, b: torch.div(0.7, a),  # type: ignore[call-overload]
    "zero over": lambda a, b: 0.0 / a,
    "clamp": lambda a, b: a.clamp(-1, 2.5),
    "clamp from 0": lambda a, b: a.clamp(min=0.0),
    "clamp to 0": lambda a, b: a.clamp(max=0.0),
    "clamp turned": lambda a, b: a.clamp(2.0, -1.0),
    "clamp of nan": lambda a, b: a.clamp(min=math.nan),
    "not": lambda a, b: torch.logical_not(a > 0).to(a.dtype),
    "as flags": lambda a, b: (a != 0).to(a.dtype) * a,
    "is nan": lambda a, b: torch.where(a == a, a, 0.5),
    "masked": lambda a, b: a.masked_fill(a > 1, 0.25),
    "masked away": lambda a, b: a.masked_fill(~(a < 1), -math.inf),
    "detached": lambda a, b: a.detach() * a,
    "guarded log": lambda a, b: torch.where(a > 0, a.log(), 0.0),
    "guarded root": lambda a, b: torch.where(a > 0, a.sqrt(), a),
    "guarded quotient": lambda a, b: torch.where(a != 0, 1 / a, a),
    **{
        f"{name} {c}": lambda a, b, name=name, c=c: getattr(torch, name)(a, c).to(a.dtype)
        for name in ("gt", "ge", "lt", "le", "eq", "ne")
        for c in (0.0, math.inf, math.nan)
    },
}
BINARY: dict[str, Function] = {
    **{
        name: lambda a, b, name=name: getattr(torch, name)(a, b)
        for name in (
            *"add sub mul div maximum minimum fmax fmin pow".split(),
            *"atan2 hypot copysign logaddexp xlogy".split(),
        )
    },
    **{
        name: lambda a, b, name=name: getattr(torch, name)(a, b).to(a.dtype)
        for name in "gt ge lt le eq ne logical_and logical_or".split()
    },
    "both": lambda a, b: ((a > 0) & (b > 0)).to(a.dtype),
    "either": lambda a, b: ((a > 0) | ~(b > 0)).to(a.dtype),
    "where": lambda a, b: torch.where(a > b, a, b),
    "where of branches": lambda a, b: torch.where(a > 0, b, 1 / a),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "lerp by rows": lambda a, b: torch.lerp(a, b, b),
    "addcmul": lambda a, b: torch.addcmul(a, a, b, value=0.5),
    "addcdiv": lambda a, b: torch.addcdiv(a, a, b, value=0.5),
    "gate": lambda a, b: b.sigmoid() * a + (1 - b.sigmoid()) * b,
    "muladd": lambda a, b: a * b + b,
    "by one number": lambda a, b: a * b[:, :1] + b[:, -1:],
    "maximum of one number": lambda a, b: torch.maximum(a, b[:, :1]),
    "minimum of one number": lambda a, b: torch.minimum(b[:, :1], a),
    "over one number": lambda a, b: b[:, :1] / a,
}
WHOLE: dict[str, Function] = {
    "sum": lambda a, b: a.sum(-1, keepdim=True),
    "mean": lambda a, b: a.mean(-1, keepdim=True),
    "amax": lambda a, b: a.amax(-1, keepdim=True),
    "amin": lambda a, b: a.amin(-1, keepdim=True),
    "max": lambda a, b: a.max(-1, keepdim=True).values,
    "min": lambda a, b: a.min(-1, keepdim=True).values,
    "softmax": lambda a, b: torch.softmax(a, -1),
    "softmin": lambda a, b: F.softmin(a, -1),
    "log_softmax": lambda a, b: torch.log_softmax(a, -1),
    "logsumexp": lambda a, b: torch.logsumexp(a, -1, keepdim=True),
    "layer_norm": lambda a, b: F.layer_norm(a, a.shape[-1:], eps=0.1),
    "norm": lambda a, b: a.norm(dim=-1, keepdim=True),
    "norm of order 1": lambda a, b: a.norm(p=1, dim=-1, keepdim=True),
    "norm of order inf": lambda a, b: a.norm(p=math.inf, dim=-1, keepdim=True),
    "normalize": lambda a, b: F.normalize(a, dim=-1),
    "var": lambda a, b: a.var(-1, keepdim=True, correction=0),
    "std": lambda a, b: a.std(-1, keepdim=True, correction=0),
    "prod": lambda a, b: a.prod(-1, keepdim=True),
    "cumsum": lambda a, b: a.cumsum(-1),
    "argmax": lambda a, b: (a == a.amax(-1, keepdim=True)).to(a.dtype),
    "cosine": lambda a, b: F.cosine_similarity(a, b, dim=-1)[:, None],
    "attention": lambda a, b: torch.softmax(a.masked_fill(~(b > 0), -math.inf), -1) * b,
    "sum of parts": lambda a, b: torch.cat([a[:, :4].reshape(-1, 2, 2).sum(-1), b[:, :3]], 1),
    "amax of parts": lambda a, b: torch.cat([a[:, :4].reshape(-1, 2, 2).amax(-1), b[:, :3]], 1),
    "amin of parts": lambda a, b: torch.cat([a[:, :4].reshape(-1, 2, 2).amin(-1), b[:, :3]], 1),
    "repeated": lambda a, b: (a.unsqueeze(2) * b.unsqueeze(1)).sum(-1),
    "columns": lambda a, b: a[:, [4, 0, 0, 2, 1]] * b,
    "rms": lambda a, b: a * torch.rsqrt(a.square().mean(-1, keepdim=True) + 1e-6),
}
FUNCTIONS = {**UNARY, **BINARY, **WHOLE}


class Applied(Cell):
    """One function of two states, which becomes the first of them."""

    class State(NamedTuple):
        a: Tensor
        b: Tensor

    def __init__(self, function: Function, width: int) -> None:
        self.function, self.width = function, width
        self.input_size = 1
        self.unit = nn.Parameter(torch.ones(()))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"a": (self.width,), "b": (self.width,)}

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        a = self.function(state.a, state.b)
        return a, self.State(a.expand(-1, self.width), state.b)


class Tolerance(NamedTuple):
    """How far from torch's number one may be: times that number, and beside it."""

    relative: float
    absolute: float


ROUNDED = {"gelu", "gelu of tanh", "tanhshrink", "softsign"}
"""Pointwise functions that are differences of nearly equal numbers: the difference is a rounding of those."""
RELATIVE = {"2 to the power": 512}
"""Units in the last place for what is written as the exponential of a number that is rounded."""
ELSEWHERE = {
    ("power -0.5", "gradient of a"),
    ("var", "gradient of a"),
    ("hardsigmoid", "gradient of a"),
    ("mish", "gradient of a"),
    ("hardshrink", "gradient of a"),
    ("addcdiv", "gradient of a"),
    ("addcdiv", "gradient of b"),
    ("cosine", "gradient of a"),
    ("cosine", "gradient of b"),
    ("celu", "gradient of a"),
    ("hardswish", "gradient of a"),
}
"""Torch has a gradient of what is NaN: zero for the root of -infinity, infinity for the variance of rows
with an infinity, zero for `hardshrink`. Here that is NaN too. A sixth is one of float32 to torch,
whatever the type; the gradient of its `mish` is lost where the exponential is subnormal; its `addcdiv`
divides first and so meets infinities of its own, and its cosine has NaN for rows of length 0, where here
it is 0. `celu` and `hardswish` are torch's decompositions: their gradients differ where the exponential
overflows, and on the bounds."""
UNSIGNED = {"softshrink"}
"""Of zero, torch's decomposition keeps the sign, its own kernel does not."""


def special(dtype: torch.dtype, smallest: float = 0.0, largest: float = math.inf) -> list[float]:
    """Numbers at which something happens; of the finite ones those between two sizes, and zero."""
    of = torch.finfo(dtype)
    sizes = [
        0.0,
        of.smallest_normal / 1024,
        of.smallest_normal,
        of.eps / 4,
        1e-20,
        0.5,
        1.0,
        2.5,
        3.0,
        6.0,
        20.0,
    ]
    sizes += [88.8, 104.0, 710.0, 1e5, 1e15, of.max**0.5 * 2, of.max / 2]
    sizes = [*(size for size in sizes if smallest <= size <= largest or not size), math.inf]
    return [math.nan, *(sign * size for size in sizes for sign in (1.0, -1.0))]


def rows_of(name: str, width: int, dtype: torch.dtype) -> list[Tensor]:
    """Two arguments: every pair of special numbers, and rows of ordinary ones with few special among them.

    Where numbers are added up or multiplied by each other none is so large that the order would matter; their
    squares are numbers too.
    """
    between = (0.0, math.inf) if name in UNARY else (0.0, 1e15) if name in BINARY else (1e-10, 20.0)
    values = torch.tensor(special(dtype, *between), dtype=dtype)
    count = len(values)
    pairs = [_rows(values.repeat_interleave(count), width), _rows(values.repeat(count), width)]
    mixed = [torch.randn(2 * count, width, dtype=dtype) for _ in range(2)]
    for k, value in enumerate(values):
        mixed[0][k, k % width] = value
        mixed[0][count + k] = value  # nothing but ties
        mixed[1][k, (7 * k) % width] = value
    return [torch.cat(rows) for rows in zip(pairs, mixed, strict=True)]


def _rows(numbers: Tensor, width: int) -> Tensor:
    """`[rows, width]` of all the numbers, the first of them again in the end."""
    return torch.cat([numbers, numbers[: -len(numbers) % width]]).reshape(-1, width)


def differences(name: str, cell: Cell, width: int, dtype: torch.dtype) -> Iterator[str]:
    """Where a run of `Applied` is not what torch's function is, in values and gradients."""
    torch.manual_seed(width)
    a, b = (rows.requires_grad_() for rows in rows_of(name, width, dtype))
    _, final = scan(cell, torch.zeros(len(a), 1, 1, dtype=dtype), cell.State(a, b))
    expected = FUNCTIONS[name](a, b).expand(-1, width)
    of = torch.finfo(dtype)
    relative, rounding = RELATIVE.get(name, 50) * of.eps, 64 * of.eps if name in ROUNDED else 0.0
    value = Tolerance(relative, max(rounding, 8 * of.smallest_normal * of.eps))
    gradient = Tolerance(relative, max(rounding, 4 * of.smallest_normal))
    if name not in UNARY:
        value, gradient = (tolerance._replace(absolute=500 * of.eps) for tolerance in (value, gradient))
    yield from _differing(
        "value", final.a, expected, value, a, b, signs=name not in WHOLE and name not in UNSIGNED
    )
    weigh = torch.randn_like(a)
    weigh[torch.rand_like(a) < 0.2] = 0.0  # beside what is infinite it makes NaN
    shares = [_gradients(result, (a, b), weigh) for result in (final.a, expected)]
    for part, found, right in zip("ab", *shares, strict=True):
        what = f"gradient of {part}"
        if (name, what) not in ELSEWHERE:
            yield from _differing(what, found, right, gradient, a, b)


def _gradients(result: Tensor, inputs: tuple[Tensor, ...], weigh: Tensor) -> list[Tensor]:
    if not result.requires_grad:
        return [torch.zeros_like(tensor) for tensor in inputs]
    return list(torch.autograd.grad(result, inputs, weigh, allow_unused=True, materialize_grads=True))


def _differing(
    what: str, one: Tensor, other: Tensor, tolerance: Tolerance, *arguments: Tensor, signs: bool = False
) -> Iterator[str]:
    """In words, the first places where two arrays differ.

    Args:
        other: torch's.
        signs: whether those of zeros count.
    """
    bad = ~torch.isclose(one, other, *tolerance, equal_nan=True)
    if signs:
        bad |= (one == 0) & (other == 0) & (one.signbit() != other.signbit())
    for place in bad.nonzero()[:3]:
        row, column = place.tolist()
        at = column if arguments and arguments[0].shape[1] > column else 0
        numbers = ", ".join(f"{argument[row, at].item():.6g}" for argument in arguments)
        found, right = one[row, column].item(), other[row, column].item()
        yield f"{what} of {numbers} in column {column} of {one.shape[1]}: {found:.9g}, torch has {right:.9g}"


# the native library's instructions, one by one


def instruction_differences(op: str, width: int, dtype: torch.dtype) -> Iterator[str]:
    """Where an instruction, of rows of this width, is not what torch's function is."""
    from recurra.engines.native.engine import NativeEngine

    entry = OPS[op]
    result = 1 if entry.kind == "reduction" else width
    operands = [Value("state", (), (f"s{k}",), (width,)) for k in range(entry.operands or 1)]
    count = len(operands)
    numbers = tuple(range(count))
    values = (*operands, Value(op, numbers, (), (result,)))
    loop = Loop(values, (), (), numbers, (count,), numbers, (count,))
    arguments = _arguments(entry.kind == "reduction", count, width, dtype)
    found = NativeEngine().run(loop, [], [], arguments, [len(arguments[0])], False).outputs[0]
    torchs = [arguments[0] != 0, *arguments[1:]] if op == "where" else arguments
    right = entry.run(*torchs).to(dtype)
    of = torch.finfo(dtype)
    absolute = 500 * of.eps if entry.kind == "reduction" else 8 * of.smallest_normal * of.eps
    signs = entry.kind == "pointwise"
    yield from _differing(op, found, right, Tolerance(50 * of.eps, absolute), *arguments, signs=signs)


def _arguments(reduced: bool, count: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    if reduced:
        return rows_of("sum", width, dtype)[:1]
    values = torch.tensor(special(dtype, 0.0, 1e15 if count > 1 else math.inf), dtype=dtype)
    grid = torch.meshgrid(*[values] * min(count, 2), indexing="ij")
    columns = [_rows(axis.reshape(-1), width) for axis in grid]
    return [*columns, columns[0].flip(0)][:count]


WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 19, 31, 32, 33, 65)
"""Whole vectors of every level, and what remains."""


def main() -> None:
    from recurra.engines.native import _engine

    print(_engine.level())
    for op in sorted(LOWERINGS.keys() & _engine.OPS.keys()):
        if OPS[op].kind == "parts":  # they have constants, and the laws of operations to themselves
            continue
        for dtype in (torch.float32, torch.float64):
            for width in WIDTHS:
                for text in instruction_differences(op, width, dtype):
                    print(f"{op}: {text}")


if __name__ == "__main__":
    main()
