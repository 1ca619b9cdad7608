"""Calls that work number by number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from recurra.program.errors import Untraceable
from recurra.program.ops import OPS, TRACED
from recurra.tracing.aten.importer import HANDLERS, Call, Handler, Importer, Result, handles, name_of

# one kind of handler for each number of operands


def _unary(op: str) -> Handler:
    def handle(of: Importer, node: Call) -> Result:
        _require_flags(op, node)
        return of.add(op, of.number(node.args[0]), shape=of.row_shape(node))

    return handle


def _binary(op: str) -> Handler:
    # a constant is the second operand, or the first of these alone
    swapped = {"div": "rdiv", "sub": "rsub"}.get(op, op)

    def handle(of: Importer, node: Call) -> Result:
        left, right = node.args[0], node.args[1]
        shape = of.row_shape(node)
        alpha = node.kwargs.get("alpha", 1)
        if node.kwargs.get("rounding_mode"):
            raise Untraceable("the step rounds a division")
        _require_flags(op, node)
        if isinstance(right, (int, float)):
            return _with_constant(of, op, of.number(left), right * alpha, shape)
        if isinstance(left, (int, float)):
            return _with_constant(of, swapped, of.number(right), left, shape)
        second = of.operand(right, node)
        if alpha != 1:
            second = of.add("mul_scalar", second, attrs=(alpha,), shape=of.values[second].shape)
        if op == "add" and node.meta["val"].dtype == torch.bool:  # what torch means by a sum of flags
            return of.add("logical_or", of.operand(left, node), second, shape=shape)
        return of.add(op, of.operand(left, node), second, shape=shape)

    return handle


def _ternary(op: str) -> Handler:
    def handle(of: Importer, node: Call) -> Result:
        shape = of.row_shape(node)
        operands = []
        for operand in node.args:
            if isinstance(operand, (int, float)):
                operands.append(of.add("fill", attrs=(float(operand),), shape=(1,)))
            else:
                operands.append(of.operand(operand, node))
        return of.add(op, *operands, shape=shape)

    return handle


def _require_flags(op: str, node: Call) -> None:
    if op.startswith("logical") and node.meta["val"].dtype != torch.bool:
        raise Untraceable(f"{name_of(node)} on whole numbers")


def _with_constant(of: Importer, op: str, index: int, constant: float, shape: tuple[int, ...]) -> int:
    if op == "sub":
        op, constant = "add", -constant
    if op == "div":
        op, constant = "mul", 1 / constant if constant else math.copysign(math.inf, constant)
    if f"{op}_scalar" not in OPS:
        raise Untraceable(f"aten.{op} with a constant")
    return of.add(f"{op}_scalar", index, attrs=(constant,), shape=shape)


_BY_OPERANDS: dict[int | None, Callable[[str], Handler]] = {1: _unary, 2: _binary, 3: _ternary}
for _name in TRACED:
    _op = OPS[_name]
    if _op.kind == "pointwise" and not _op.constants:
        HANDLERS[f"aten.{_name}"] = _BY_OPERANDS[_op.operands](_name)
for _kind, _name in (("not", "logical_not"), ("and", "logical_and"), ("or", "logical_or")):
    HANDLERS[f"aten.bitwise_{_kind}"] = HANDLERS[f"aten.{_name}"]


# operations with constants

_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "softplus": (1.0, 20.0),
    "elu": (1.0, 1.0, 1.0),
    "leaky_relu": (0.01,),
    "hardtanh": (-1.0, 1.0),
    "clamp": (None, None),
}
"""Name of a call with constants behind its tensor -> what torch means by those that are left out."""


def _bounded(of: Importer, node: Call, x: Call, bound: Call, beyond: str) -> int:
    """By a tensor, which what lies beyond it gives way to."""
    shape = of.row_shape(node)
    value, limit = of.operand(x, node), of.operand(bound, node)
    hit = of.add(beyond, value, limit, shape=shape)
    return of.add("where", hit, limit, value, shape=shape)


@handles(*_DEFAULTS)
def _constants(of: Importer, node: Call) -> Result:
    op = name_of(node).removeprefix("aten.")
    constants = node.args[1:]
    attrs = (*constants, *_DEFAULTS[op][len(constants) :])
    if op == "clamp" and isinstance(attrs[0], fx.Node) and attrs[1] is None:
        return _bounded(of, node, node.args[0], attrs[0], "lt")
    if any(isinstance(constant, fx.Node) for constant in attrs):
        raise Untraceable(f"{name_of(node)} with a tensor as its constant")
    return of.add(op, of.number(node.args[0]), attrs=attrs, shape=of.row_shape(node))


@handles("gelu")
def _gelu(of: Importer, node: Call) -> Result:
    approximate = node.kwargs.get("approximate", "none")
    return of.add("gelu", of.number(node.args[0]), attrs=(approximate,), shape=of.row_shape(node))


@handles("clamp_min")
def _clamp_min(of: Importer, node: Call) -> Result:
    if isinstance(node.args[1], fx.Node):
        return _bounded(of, node, node.args[0], node.args[1], "lt")
    return of.add("clamp", of.number(node.args[0]), attrs=(node.args[1], None), shape=of.row_shape(node))


@handles("clamp_max")
def _clamp_max(of: Importer, node: Call) -> Result:
    if isinstance(node.args[1], fx.Node):
        return _bounded(of, node, node.args[0], node.args[1], "gt")
    return of.add("clamp", of.number(node.args[0]), attrs=(None, node.args[1]), shape=of.row_shape(node))


@handles("pow")
def _pow(of: Importer, node: Call) -> Result:
    base, exponent = node.args
    shape = of.row_shape(node)
    if isinstance(exponent, (int, float)):
        return of.add("pow_scalar", of.number(base), attrs=(exponent,), shape=shape)
    if isinstance(base, (int, float)) and base > 0:
        scaled = of.add("mul_scalar", of.number(exponent), attrs=(math.log(base),), shape=shape)
        return of.add("exp", scaled, shape=shape)
    raise Untraceable("a power whose exponent is a tensor")


@handles("rsub")
def _rsub(of: Importer, node: Call) -> Result:
    x, other = node.args[:2]
    shape = of.row_shape(node)
    if node.kwargs.get("alpha", 1) != 1:
        raise Untraceable("aten.rsub with alpha")
    if isinstance(other, (int, float)):
        return of.add("rsub_scalar", of.number(x), attrs=(other,), shape=shape)
    return of.add("sub", of.operand(other, node), of.operand(x, node), shape=shape)


@handles("_to_copy")
def _cast(of: Importer, node: Call) -> Result:
    dtype = node.kwargs.get("dtype")
    if dtype == torch.bool:
        return of.add("ne_scalar", of.number(node.args[0]), attrs=(0,), shape=of.row_shape(node))
    real = node.args[0].meta["val"].is_floating_point()
    if dtype is None or not dtype.is_floating_point or (real and dtype != of.dtype):
        raise Untraceable(f"the step casts rows to {dtype or 'another device or layout'}")
    return of.add("to_float", of.number(node.args[0]), attrs=(of.dtype,), shape=of.row_shape(node))


# several operations in one call


@handles("remainder")
def _remainder(of: Importer, node: Call) -> Result:
    x, divisor = node.args
    if not isinstance(x, fx.Node):
        raise Untraceable("the remainder of a constant")
    shape, number = of.row_shape(node), of.operand(x, node)
    if isinstance(divisor, fx.Node):
        by = of.operand(divisor, node)
    else:
        by = of.add("fill", attrs=(float(divisor),), shape=(1,))
    times = of.add("floor", of.add("div", number, by, shape=shape), shape=shape)
    return of.add("sub", number, of.add("mul", times, by, shape=shape), shape=shape)


@handles("masked_fill")
def _masked_fill(of: Importer, node: Call) -> Result:
    x, mask, constant = node.args
    if not isinstance(constant, (int, float)):
        raise Untraceable("a masked fill with a tensor")
    shape = of.row_shape(node)
    filling = of.add("fill", attrs=(float(constant),), shape=(1,))
    return of.add("where", of.operand(mask, node), filling, of.operand(x, node), shape=shape)


@handles("addcmul")
def _addcmul(of: Importer, node: Call) -> Result:
    shape = of.row_shape(node)
    start, left, right = (of.operand(operand, node) for operand in node.args)
    value = node.kwargs.get("value", 1)
    if value != 1:
        left = of.add("mul_scalar", left, attrs=(value,), shape=of.values[left].shape)
    return of.add("add", start, of.add("mul", left, right, shape=shape), shape=shape)


@handles("log_sigmoid_forward")
def _logsigmoid(of: Importer, node: Call) -> Result:
    return [of.add("logsigmoid", of.number(node.args[0]), shape=of.value(node.args[0]).shape)]
