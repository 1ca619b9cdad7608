"""From the graph that torch records of one step to numbered values.

Every handler takes the importer and one recorded call, and answers with the number of the value that it
makes (or a list of numbers where the call gives several tensors). A call with no handler makes the step
untraceable, by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from recurra.program.errors import RowsMixed, Untraceable
from recurra.program.ops import OPS
from recurra.program.value import Arg, Value

Result = int | list[int]
Call = Any
"""A recorded call, an `fx.Node`: its own types say too little of what a call's arguments are."""
Handler = Callable[["Importer", Call], Result]
HANDLERS: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    def add(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return add


class Importer:
    """Collects values.

    `batch` is the traced number of rows, a number that no weight has as a size; `dtype` the type of rows.
    """

    def __init__(self, batch: int, dtype: torch.dtype) -> None:
        self.batch = batch
        self.dtype = dtype
        self.values: list[Value] = []
        self.of_node: dict[fx.Node, Result] = {}

    # making values

    def add(self, op: str, *args: int, attrs: tuple[Any, ...] = (), shape: tuple[int, ...]) -> int:
        self.values.append(Value(op, args, attrs, shape))
        return len(self.values) - 1

    def leaf(self, kind: str, name: str, shape: tuple[int, ...]) -> int:
        self.values.append(Value(kind, (), (name,), shape, fixed=kind == "fixed"))
        return len(self.values) - 1

    def fixed(self, target: str, template: Any, args: tuple[int, ...], shape: tuple[int, ...]) -> int:
        self.values.append(Value("aten", args, (target, template), shape, fixed=True))
        return len(self.values) - 1

    # reading arguments

    def number(self, node: Any) -> int:
        found = self.of_node[node]
        if isinstance(found, list):
            raise Untraceable(f"{node} is several tensors where one was expected")
        return found

    def value(self, node: Any) -> Value:
        return self.values[self.number(node)]

    def is_row(self, node: Any) -> bool:
        if not isinstance(node, fx.Node):
            return False
        found = self.of_node[node]
        first = found if isinstance(found, int) else found[0]
        return not self.values[first].fixed

    def row_shape(self, node: Call) -> tuple[int, ...]:
        """The shape of one row of a recorded result; refuses what mixes rows."""
        shape = tuple(node.meta["val"].shape)
        if not shape or shape[0] != self.batch or self.batch in shape[1:]:
            shown = _shown(shape, self.batch)
            raise RowsMixed(f"{name_of(node)} does not keep rows apart (result of shape {shown})")
        return shape[1:]

    def operand(self, node: Call, shape: tuple[int, ...]) -> int:
        """A value that can stand beside rows of `shape`: a row of that shape or of width 1, or a fixed
        vector.
        """
        index = self.number(node)
        value = self.values[index]
        if not value.fixed:
            if value.shape == shape or value.width == 1:
                return index
            raise Untraceable(
                f"rows of shape {list(value.shape)} are spread over rows of shape {list(shape)}"
            )
        kind = node.meta["val"].dtype
        if kind not in (self.dtype, torch.bool):
            index = self.fixed("aten.to.dtype", ((Arg(0), self.dtype), {}), (index,), value.shape)
        if value.width == 1:
            return index if value.shape == (1,) else self.fixed("row_vector", ((1,),), (index,), (1,))
        if value.shape == shape and len(shape) == 1:
            return index
        return self.fixed("row_vector", (shape,), (index,), (math.prod(shape),))


def name_of(node: Call) -> str:
    """`aten.mul` of a recorded call."""
    target = node.target
    return str(target.overloadpacket) if isinstance(target, torch._ops.OpOverload) else str(target)


def _shown(shape: tuple[int, ...], batch: int) -> str:
    return "[" + ", ".join("batch" if size == batch else str(size) for size in shape) + "]"


# products


@handles("aten.mm", "aten.addmm")
def _product(of: Importer, node: Call) -> Result:
    *bias, x, weight = node.args
    if node.kwargs or of.is_row(weight) or not of.is_row(x):
        raise Untraceable(f"{name_of(node)}: only rows times a weight matrix is a product of a step")
    shape = of.row_shape(node)
    if bias and of.is_row(bias[0]):
        product = of.add("product", of.number(x), of.number(weight), shape=shape)
        return of.add("add", of.operand(bias[0], shape), product, shape=shape)
    added = [of.operand(held, shape) for held in bias]
    return of.add("product", of.number(x), of.number(weight), *added, shape=shape)


# pointwise


def _unary(op: str) -> Handler:
    def handle(of: Importer, node: Call) -> Result:
        return of.add(op, of.number(node.args[0]), shape=of.row_shape(node))

    return handle


for (
    _name
) in "neg sigmoid tanh relu exp log log1p expm1 sqrt rsqrt reciprocal abs sign sin cos erf floor".split():
    HANDLERS[f"aten.{_name}"] = _unary(_name)


@handles("aten.logical_not", "aten.bitwise_not")
def _not(of: Importer, node: Call) -> Result:
    if node.meta["val"].dtype != torch.bool:
        raise Untraceable(f"{name_of(node)} on whole numbers")
    return of.add("logical_not", of.number(node.args[0]), shape=of.row_shape(node))


HANDLERS["aten.detach"] = _unary("detach")


def _same(of: Importer, node: Call) -> Result:
    of.row_shape(node)
    return of.number(node.args[0])


for _name in ("clone", "alias", "contiguous", "lift_fresh_copy"):
    HANDLERS[f"aten.{_name}"] = _same


def _binary(op: str, swapped: str | None = None) -> Handler:
    """`swapped` names the operation with a constant as its first argument."""

    def handle(of: Importer, node: Call) -> Result:
        left, right = node.args[0], node.args[1]
        shape = of.row_shape(node)
        alpha = node.kwargs.get("alpha", 1)
        if node.kwargs.get("rounding_mode"):
            raise Untraceable("the step rounds a division")
        if op.startswith("logical") and node.meta["val"].dtype != torch.bool:
            raise Untraceable(f"{name_of(node)} on whole numbers")
        if isinstance(right, (int, float)):
            return _with_constant(of, op, of.number(left), right * alpha, shape)
        if isinstance(left, (int, float)):
            return _with_constant(of, swapped or op, of.number(right), left, shape)
        second = of.operand(right, shape)
        if alpha != 1:
            second = of.add("mul_scalar", second, attrs=(alpha,), shape=of.values[second].shape)
        if op == "add" and node.meta["val"].dtype == torch.bool:  # what torch means by a sum of flags
            return of.add("logical_or", of.operand(left, shape), second, shape=shape)
        return of.add(op, of.operand(left, shape), second, shape=shape)

    return handle


def _with_constant(of: Importer, op: str, index: int, constant: float, shape: tuple[int, ...]) -> int:
    if op == "sub":
        op, constant = "add", -constant
    if op == "div":
        op, constant = "mul", 1 / constant if constant else math.copysign(math.inf, constant)
    if f"{op}_scalar" not in OPS:
        raise Untraceable(f"aten.{op} with a constant")
    return of.add(f"{op}_scalar", index, attrs=(constant,), shape=shape)


for _name in "add sub mul div gt ge lt le eq ne".split():
    HANDLERS[f"aten.{_name}"] = _binary(_name, {"div": "rdiv", "sub": "rsub"}.get(_name))
for _name in "maximum minimum logical_and logical_or".split():
    HANDLERS[f"aten.{_name}"] = _binary(_name)
HANDLERS["aten.bitwise_and"], HANDLERS["aten.bitwise_or"] = _binary("logical_and"), _binary("logical_or")


@handles("aten.pow")
def _pow(of: Importer, node: Call) -> Result:
    base, exponent = node.args
    shape = of.row_shape(node)
    if isinstance(exponent, (int, float)):
        return of.add("pow_scalar", of.number(base), attrs=(exponent,), shape=shape)
    if isinstance(base, (int, float)) and base > 0:
        scaled = of.add("mul_scalar", of.number(exponent), attrs=(math.log(base),), shape=shape)
        return of.add("exp", scaled, shape=shape)
    raise Untraceable("a power whose exponent is a tensor")


@handles("aten.masked_fill")
def _masked_fill(of: Importer, node: Call) -> Result:
    x, mask, constant = node.args
    if not isinstance(constant, (int, float)):
        raise Untraceable("a masked fill with a tensor")
    shape = of.row_shape(node)
    filling = of.add("fill", attrs=(float(constant),), shape=(1,))
    return of.add("where", of.operand(mask, shape), filling, of.operand(x, shape), shape=shape)


@handles("aten.rsub")
def _rsub(of: Importer, node: Call) -> Result:
    x, other = node.args[:2]
    shape = of.row_shape(node)
    if node.kwargs.get("alpha", 1) != 1:
        raise Untraceable("aten.rsub with alpha")
    if isinstance(other, (int, float)):
        return of.add("rsub_scalar", of.number(x), attrs=(other,), shape=shape)
    return of.add("sub", of.operand(other, shape), of.operand(x, shape), shape=shape)


@handles("aten.where", "aten.lerp")
def _three(of: Importer, node: Call) -> Result:
    shape = of.row_shape(node)
    op = name_of(node).removeprefix("aten.")
    operands = []
    for held in node.args:
        if isinstance(held, (int, float)):
            operands.append(of.add("fill", attrs=(float(held),), shape=(1,)))
        else:
            operands.append(of.operand(held, shape))
    return of.add(op, *operands, shape=shape)


@handles("aten.addcmul")
def _addcmul(of: Importer, node: Call) -> Result:
    shape = of.row_shape(node)
    start, left, right = (of.operand(held, shape) for held in node.args)
    product = of.add("mul", left, right, shape=shape)
    scaled = of.add("mul_scalar", product, attrs=(node.kwargs.get("value", 1),), shape=shape)
    return of.add("add", start, scaled, shape=shape)


def _with_attrs(op: str, defaults: tuple[Any, ...]) -> Handler:
    """Pointwise with constants after the tensor, `defaults` for those left out; read from kwargs by no
    one.
    """

    def handle(of: Importer, node: Call) -> Result:
        given = node.args[1:]
        attrs = (*given, *defaults[len(given) :])
        if any(isinstance(held, fx.Node) for held in attrs):
            raise Untraceable(f"{name_of(node)} with a tensor as its constant")
        return of.add(op, of.number(node.args[0]), attrs=attrs, shape=of.row_shape(node))

    return handle


HANDLERS["aten.softplus"] = _with_attrs("softplus", (1.0, 20.0))
HANDLERS["aten.silu"] = _with_attrs("silu", ())
HANDLERS["aten.elu"] = _with_attrs("elu", (1.0, 1.0, 1.0))
HANDLERS["aten.leaky_relu"] = _with_attrs("leaky_relu", (0.01,))
HANDLERS["aten.hardtanh"] = _with_attrs("hardtanh", (-1.0, 1.0))
HANDLERS["aten.hardsigmoid"] = _with_attrs("hardsigmoid", ())
HANDLERS["aten.clamp"] = _with_attrs("clamp", (None, None))


@handles("aten.gelu")
def _gelu(of: Importer, node: Call) -> Result:
    approximate = node.kwargs.get("approximate", "none")
    return of.add("gelu", of.number(node.args[0]), attrs=(approximate,), shape=of.row_shape(node))


@handles("aten.clamp_min")
def _clamp_min(of: Importer, node: Call) -> Result:
    return of.add("clamp", of.number(node.args[0]), attrs=(node.args[1], None), shape=of.row_shape(node))


@handles("aten.clamp_max")
def _clamp_max(of: Importer, node: Call) -> Result:
    return of.add("clamp", of.number(node.args[0]), attrs=(None, node.args[1]), shape=of.row_shape(node))


@handles("aten.log_sigmoid_forward")
def _logsigmoid(of: Importer, node: Call) -> Result:
    return [of.add("logsigmoid", of.number(node.args[0]), shape=of.value(node.args[0]).shape)]


@handles("aten._to_copy")
def _cast(of: Importer, node: Call) -> Result:
    dtype = node.kwargs.get("dtype")
    if dtype == torch.bool:
        return of.add("ne_scalar", of.number(node.args[0]), attrs=(0,), shape=of.row_shape(node))
    real = node.args[0].meta["val"].is_floating_point()
    if dtype is None or not dtype.is_floating_point or (real and dtype != of.dtype):
        raise Untraceable(f"the step casts rows to {dtype or 'another device or layout'}")
    return of.add("to_float", of.number(node.args[0]), attrs=(of.dtype,), shape=of.row_shape(node))


# along the width


def _reduction(op: str) -> Handler:
    def handle(of: Importer, node: Call) -> Result:
        x = of.value(node.args[0])
        dims = node.args[1] if len(node.args) > 1 else None
        if node.kwargs.get("dtype") not in (None, of.dtype):
            raise Untraceable(f"{name_of(node)} in another type than the weights'")
        wanted = list(range(1, len(x.shape) + 1))
        given = (
            sorted(d % (len(x.shape) + 1) for d in dims) if isinstance(dims, (list, tuple)) and dims else None
        )
        if given != wanted:
            raise Untraceable(f"{name_of(node)} over other dimensions than a whole row's")
        return of.add(op, of.number(node.args[0]), shape=of.row_shape(node))

    return handle


for _name in "sum mean amax amin".split():
    HANDLERS[f"aten.{_name}"] = _reduction(_name)


@handles("aten.linalg_vector_norm")
def _norm(of: Importer, node: Call) -> Result:
    x, order, dims = (*node.args[:3], None, None)[:3]
    shape = of.value(x).shape
    if order not in (None, 2, 2.0) or dims not in ([1], [-1]) or len(shape) != 1:
        raise Untraceable("a norm other than the Euclidean one of a whole row")
    square = of.add("mul", of.number(x), of.number(x), shape=shape)
    total = of.add("sum", square, shape=(1,))
    # at zero torch's norm has the derivative zero, a bare square root none
    positive = of.add("gt_scalar", total, attrs=(0,), shape=(1,))
    one, zero = (of.add("fill", attrs=(constant,), shape=(1,)) for constant in (1.0, 0.0))
    root = of.add("sqrt", of.add("where", positive, total, one, shape=(1,)), shape=(1,))
    return of.add("where", positive, root, zero, shape=of.row_shape(node))


@handles("aten.var")
def _var(of: Importer, node: Call) -> Result:
    x, dims = node.args[:2]
    shape = of.value(x).shape
    if dims not in ([1], [-1]) or len(shape) != 1:
        raise Untraceable("a variance over other dimensions than a whole row's")
    mean = of.add("mean", of.number(x), shape=(1,))
    centred = of.add("sub", of.number(x), mean, shape=shape)
    square = of.add("mul", centred, centred, shape=shape)
    total = of.add("sum", square, shape=(1,))
    correction = node.kwargs.get("correction", 1)
    return of.add("mul_scalar", total, attrs=(1 / (shape[0] - correction),), shape=of.row_shape(node))


@handles("aten._softmax", "aten._log_softmax")
def _softmax(of: Importer, node: Call) -> Result:
    x = of.value(node.args[0])
    if len(x.shape) != 1 or node.args[1] not in (1, -1):
        raise Untraceable("a softmax over another dimension than a whole row")
    op = "softmax" if "log" not in name_of(node) else "log_softmax"
    return of.add(op, of.number(node.args[0]), shape=of.row_shape(node))


@handles("aten.native_layer_norm")
def _layer_norm(of: Importer, node: Call) -> Result:
    x, normalised, weight, bias, eps = node.args
    shape = of.value(x).shape
    if tuple(normalised) != shape or len(shape) != 1 or (weight is None) != (bias is None):
        if not (tuple(normalised) == shape and len(shape) == 1 and bias is None):
            raise Untraceable("a layer norm over other dimensions than a whole row")
    affine = [of.operand(held, shape) for held in (weight, bias) if held is not None]
    return [of.add("layer_norm", of.number(x), *affine, attrs=(eps,), shape=shape)]


# moving numbers about


@handles("aten.slice")
def _slice(of: Importer, node: Call) -> Result:
    given: list[Any] = list(node.args)
    x, dim, start, stop, step = given + [0, None, None, 1][len(given) - 1 :]
    value = of.value(x)
    size = value.shape[dim - 1] if dim > 0 else value.shape[dim] if dim < 0 else 0
    if dim == 0 and start in (None, 0) and (stop is None or stop >= of.batch):
        return of.number(x)
    if len(value.shape) != 1 or dim not in (1, -1) or step != 1:
        raise Untraceable("a slice that does not take neighbouring numbers of a row")
    first, last, _ = slice(start, stop).indices(size)
    return _cut(of, of.number(x), first, last)


def _cut(of: Importer, index: int, first: int, last: int, shape: tuple[int, ...] | None = None) -> int:
    return of.add("slice", index, attrs=(first, last), shape=(last - first,) if shape is None else shape)


@handles("aten.split", "aten.split_with_sizes")
def _split(of: Importer, node: Call) -> Result:
    x, sizes, dim = (*node.args, 0)[:3]
    value = of.value(x)
    if len(value.shape) != 1 or dim not in (1, -1):
        raise Untraceable("a split of another dimension than a row's")
    width = value.shape[0]
    if isinstance(sizes, int):
        sizes = [min(sizes, width - first) for first in range(0, width, sizes)]
    firsts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [_cut(of, of.number(x), first, first + size) for first, size in zip(firsts, sizes, strict=True)]


@handles("aten.select", "aten.unbind")
def _select(of: Importer, node: Call) -> Result:
    value = of.value(node.args[0])
    dim = node.args[1] if len(node.args) > 1 else 0
    if not value.shape or dim not in (1, -len(value.shape)):
        raise Untraceable(f"{name_of(node)} of another dimension than a row's first")
    rest = math.prod(value.shape[1:])

    def part(k: int) -> int:
        return _cut(of, of.number(node.args[0]), k * rest, (k + 1) * rest, value.shape[1:])

    if "unbind" in name_of(node):
        return [part(k) for k in range(value.shape[0])]
    return part(node.args[2] % value.shape[0])


@handles("aten.cat")
def _cat(of: Importer, node: Call) -> Result:
    parts, dim = (*node.args, 0)[:2]
    if dim not in (1, -1):
        raise Untraceable("a concatenation along another dimension than a row's")
    shape = of.row_shape(node)
    indices = []
    for part in parts:
        value = of.value(part)
        if value.fixed:
            raise Untraceable("a concatenation of rows with a weight")
        if len(value.shape) != 1:
            raise Untraceable("a concatenation of rows with more than one dimension")
        indices.append(of.number(part))
    return of.add("cat", *indices, shape=shape)


@handles("aten.stack")
def _stack(of: Importer, node: Call) -> Result:
    parts, dim = (*node.args, 0)[:2]
    if dim != 1 or not all(of.is_row(part) for part in parts):
        raise Untraceable("a stack along another dimension than a row's first")
    return of.add("cat", *(of.number(part) for part in parts), shape=of.row_shape(node))


@handles("aten.view", "aten._unsafe_view", "aten.reshape", "aten.unsqueeze", "aten.squeeze")
def _reshape(of: Importer, node: Call) -> Result:
    index = of.number(node.args[0])
    shape = of.row_shape(node)
    if shape == of.values[index].shape:
        return index
    return _cut(of, index, 0, math.prod(shape), shape)


@handles("aten.expand")
def _expand(of: Importer, node: Call) -> Result:
    index = of.number(node.args[0])
    shape = of.row_shape(node)
    value = of.values[index]
    if value.fixed:
        return of.operand(node.args[0], shape)
    if value.shape == shape:
        return index
    if value.width != 1:
        raise Untraceable(f"rows of shape {list(value.shape)} are spread over rows of shape {list(shape)}")
    return of.add("broadcast", index, attrs=(math.prod(shape),), shape=shape)


# rows out of nothing


def _drawn_as_weights(of: Importer, node: Call) -> None:
    if node.meta["val"].dtype != of.dtype:
        raise Untraceable(f"{name_of(node)} in another type than the weights'")


@handles("aten.rand", "aten.rand_like")
def _uniform(of: Importer, node: Call) -> Result:
    _drawn_as_weights(of, node)
    return of.add("uniform", shape=of.row_shape(node))


@handles("aten.randn", "aten.randn_like")
def _normal(of: Importer, node: Call) -> Result:
    _drawn_as_weights(of, node)
    return of.add("normal", shape=of.row_shape(node))


@handles("aten.bernoulli")
def _bernoulli(of: Importer, node: Call) -> Result:
    _drawn_as_weights(of, node)
    shape = of.row_shape(node)
    if len(node.args) > 1 and isinstance(node.args[1], float):
        return of.add("bernoulli", attrs=(node.args[1],), shape=shape)
    drawn = of.add("uniform", shape=shape)
    hit = of.add("lt", drawn, of.operand(node.args[0], shape), shape=shape)
    return of.add("to_float", hit, attrs=(node.meta["val"].dtype,), shape=shape)


_FILLS: dict[str, Callable[[Call], float]] = {
    "zeros": lambda node: 0.0,
    "zeros_like": lambda node: 0.0,
    "new_zeros": lambda node: 0.0,
    "empty": lambda node: 0.0,
    "empty_like": lambda node: 0.0,
    "ones": lambda node: 1.0,
    "ones_like": lambda node: 1.0,
    "new_ones": lambda node: 1.0,
    "full": lambda node: float(node.args[1]),
    "full_like": lambda node: float(node.args[1]),
    "new_full": lambda node: float(node.args[2]),
}


@handles(*(f"aten.{name}" for name in _FILLS))
def _fill(of: Importer, node: Call) -> Result:
    constant = _FILLS[name_of(node).removeprefix("aten.")](node)
    return of.add("fill", attrs=(constant,), shape=of.row_shape(node))
