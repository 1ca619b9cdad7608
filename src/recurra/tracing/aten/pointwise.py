"""Calls that work number by number, and products with a weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from recurra.program.errors import Untraceable
from recurra.program.ops import OPS, TRACED
from recurra.tracing.aten.importer import HANDLERS, Call, Handler, Importer, Result, handles, name_of


@handles("mm", "addmm")
def _product(of: Importer, node: Call) -> Result:
    *bias, x, weight = node.args
    if node.kwargs or of.is_row(weight) or not of.is_row(x):
        raise Untraceable(f"{name_of(node)}: only rows times a weight matrix is a product of a step")
    shape = of.row_shape(node)
    if bias and of.is_row(bias[0]):
        product = of.add("product", of.number(x), of.number(weight), shape=shape)
        return of.add("add", of.operand(bias[0], shape), product, shape=shape)
    vectors = [of.operand(vector, shape) for vector in bias]
    return of.add("product", of.number(x), of.number(weight), *vectors, shape=shape)


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
        second = of.operand(right, shape)
        if alpha != 1:
            second = of.add("mul_scalar", second, attrs=(alpha,), shape=of.values[second].shape)
        if op == "add" and node.meta["val"].dtype == torch.bool:  # what torch means by a sum of flags
            return of.add("logical_or", of.operand(left, shape), second, shape=shape)
        return of.add(op, of.operand(left, shape), second, shape=shape)

    return handle


def _ternary(op: str) -> Handler:
    def handle(of: Importer, node: Call) -> Result:
        shape = of.row_shape(node)
        operands = []
        for operand in node.args:
            if isinstance(operand, (int, float)):
                operands.append(of.add("fill", attrs=(float(operand),), shape=(1,)))
            else:
                operands.append(of.operand(operand, shape))
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


@handles(*_DEFAULTS)
def _constants(of: Importer, node: Call) -> Result:
    op = name_of(node).removeprefix("aten.")
    constants = node.args[1:]
    attrs = (*constants, *_DEFAULTS[op][len(constants) :])
    if any(isinstance(constant, fx.Node) for constant in attrs):
        raise Untraceable(f"{name_of(node)} with a tensor as its constant")
    return of.add(op, of.number(node.args[0]), attrs=attrs, shape=of.row_shape(node))


@handles("gelu")
def _gelu(of: Importer, node: Call) -> Result:
    approximate = node.kwargs.get("approximate", "none")
    return of.add("gelu", of.number(node.args[0]), attrs=(approximate,), shape=of.row_shape(node))


@handles("clamp_min")
def _clamp_min(of: Importer, node: Call) -> Result:
    return of.add("clamp", of.number(node.args[0]), attrs=(node.args[1], None), shape=of.row_shape(node))


@handles("clamp_max")
def _clamp_max(of: Importer, node: Call) -> Result:
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
    return of.add("sub", of.operand(other, shape), of.operand(x, shape), shape=shape)


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


@handles("masked_fill")
def _masked_fill(of: Importer, node: Call) -> Result:
    x, mask, constant = node.args
    if not isinstance(constant, (int, float)):
        raise Untraceable("a masked fill with a tensor")
    shape = of.row_shape(node)
    filling = of.add("fill", attrs=(float(constant),), shape=(1,))
    return of.add("where", of.operand(mask, shape), filling, of.operand(x, shape), shape=shape)


@handles("addcmul")
def _addcmul(of: Importer, node: Call) -> Result:
    shape = of.row_shape(node)
    start, left, right = (of.operand(operand, shape) for operand in node.args)
    value = node.kwargs.get("value", 1)
    if value != 1:
        left = of.add("mul_scalar", left, attrs=(value,), shape=of.values[left].shape)
    return of.add("add", start, of.add("mul", left, right, shape=shape), shape=shape)


@handles("log_sigmoid_forward")
def _logsigmoid(of: Importer, node: Call) -> Result:
    return [of.add("logsigmoid", of.number(node.args[0]), shape=of.value(node.args[0]).shape)]
