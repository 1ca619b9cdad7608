"""Calls that make rows out of nothing."""

from __future__ import annotations

from collections.abc import Callable

from recurra.program.errors import Untraceable
from recurra.tracing.aten.importer import Call, Importer, Result, handles, name_of

FILLS: dict[str, Callable[[Call], float]] = {
    **dict.fromkeys(("zeros", "zeros_like", "new_zeros", "empty", "empty_like"), lambda node: 0.0),
    **dict.fromkeys(("ones", "ones_like", "new_ones"), lambda node: 1.0),
    **dict.fromkeys(("full", "full_like"), lambda node: float(node.args[1])),
    "new_full": lambda node: float(node.args[2]),
}
"""Name of a call that gives one number everywhere -> that number."""


def fill_of(node: Call) -> float:
    """The number that a call of `FILLS` gives everywhere."""
    return FILLS[name_of(node).removeprefix("aten.")](node)


def is_shape_only(node: Call) -> bool:
    """Whether the call takes only type and device from its tensor, and sizes of its own."""
    name = name_of(node).removeprefix("aten.")
    return name in FILLS and name.startswith("new_")


@handles(*FILLS)
def _fill(of: Importer, node: Call) -> Result:
    return of.add("fill", attrs=(fill_of(node),), shape=of.row_shape(node))


@handles("rand", "rand_like")
def _uniform(of: Importer, node: Call) -> Result:
    _require_own_type(of, node)
    return of.add("uniform", shape=of.row_shape(node))


@handles("randn", "randn_like")
def _normal(of: Importer, node: Call) -> Result:
    _require_own_type(of, node)
    return of.add("normal", shape=of.row_shape(node))


@handles("bernoulli")
def _bernoulli(of: Importer, node: Call) -> Result:
    _require_own_type(of, node)
    shape = of.row_shape(node)
    if len(node.args) > 1 and isinstance(node.args[1], float):
        return of.add("bernoulli", attrs=(node.args[1],), shape=shape)
    uniform = of.add("uniform", shape=shape)
    hit = of.add("lt", uniform, of.operand(node.args[0], node), shape=shape)
    return of.add("to_float", hit, attrs=(node.meta["val"].dtype,), shape=shape)


def _require_own_type(of: Importer, node: Call) -> None:
    if node.meta["val"].dtype != of.dtype:
        raise Untraceable(f"{name_of(node)} in another type than the weights'")
