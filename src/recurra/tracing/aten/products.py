"""Products: of rows, or of parts of them, with a weight, and of rows with each other."""

from __future__ import annotations

from recurra.program.errors import RowsMixed, Untraceable
from recurra.program.value import Arg
from recurra.tracing.aten.importer import Call, Importer, Layout, Result, handles, name_of


@handles("mm", "addmm")
def _product(of: Importer, node: Call) -> Result:
    *bias, x, weight = node.args
    if node.kwargs or of.is_row(weight) or not of.is_row(x):
        raise Untraceable(f"{name_of(node)}: only rows times a weight matrix is a product of a step")
    if x.meta["val"].shape[0] != of.batch:
        return _of_parts(of, node)
    shape = of.row_shape(node)
    if bias and of.is_row(bias[0]):
        product = of.add("product", of.number(x), of.number(weight), shape=shape)
        return of.add("add", of.operand(bias[0], node), product, shape=shape)
    vectors = [of.operand(vector, node) for vector in bias]
    return of.add("product", of.number(x), of.number(weight), *vectors, shape=shape)


def _of_parts(of: Importer, node: Call) -> Result:
    """Each part of a row times the same weight: `[batch * parts, depth]`, or `[parts * batch, depth]`."""
    *bias, x, weight = node.args
    size, depth = x.meta["val"].shape
    width = node.meta["val"].shape[1]
    count, rest = divmod(size, of.batch)
    if rest or (bias and of.is_row(bias[0])):
        raise RowsMixed(f"{name_of(node)} does not keep rows apart")
    number, places = of.places(x)
    for by_row in (True, False):
        turned = (
            places.view(of.batch, count, depth)
            if by_row
            else places.view(count, of.batch, depth).movedim(1, 0)
        )
        try:
            rows = of.settled(number, turned, (count, depth), name_of(node))
        except RowsMixed:
            continue
        vectors = [] if not bias else [of.number(bias[0])]
        parts = [
            of.add(
                "product",
                of.cut(rows, k * depth, (k + 1) * depth),
                of.number(weight),
                *vectors,
                shape=(width,),
            )
            for k in range(count)
        ]
        whole = of.add("cat", *parts, shape=(count * width,))
        back = of.arranged((count, width))
        return Layout(whole, (back if by_row else back.movedim(1, 0)).reshape(size, width))
    raise RowsMixed(f"{name_of(node)} does not keep rows apart")


@handles("bmm")
def _products(of: Importer, node: Call) -> Result:
    x, other = node.args
    if not of.is_row(x):
        raise Untraceable("aten.bmm: a weight times rows")
    if of.is_row(other):
        return _of_rows(of, node)
    if of.position(x) != 1:
        raise Untraceable("aten.bmm: only rows times a weight is a product of a step")
    count, depth, width = other.meta["val"].shape
    rows, weight = of.number(x), of.number(other)
    parts = []
    for k in range(count):
        matrix = of.fixed("aten.select.int", ((Arg(0), 0, k), {}), (weight,), (depth, width))
        part = of.cut(rows, k * depth, (k + 1) * depth)
        parts.append(of.add("product", part, matrix, shape=(width,)))
    return of.add("cat", *parts, shape=(count, width)) if count > 1 else parts[0]


def _of_rows(of: Importer, node: Call) -> Result:
    """Of each row's own matrices, `[n, k] @ [k, m]`, one or more a row."""
    x, other = node.args
    if of.position(x) != 0 or of.position(other) != 0:
        raise RowsMixed("aten.bmm does not keep rows apart")
    *lead, n, k = of.row_shape(x)
    m = of.row_shape(other)[-1]
    right = _as_they_lie(of, other)
    left = None if right is not None else _as_they_lie(of, x)
    turned = "right" if right is not None else "left" if left is not None else ""
    numbers = [of.number(x) if left is None else left, of.number(other) if right is None else right]
    return of.add("matmul", *numbers, attrs=(n, k, m, turned), shape=(*lead, n, m))


def _as_they_lie(of: Importer, node: Call) -> int | None:
    """Each row's own matrices transposed, if that is how they lie: nothing is moved then."""
    entry, shape = of.numbers[node], of.row_shape(node)
    if isinstance(entry, Layout) and 1 not in shape[-2:]:
        turned = entry.places.reshape(of.batch, *shape).transpose(-1, -2)
        flat = turned.reshape(of.batch, -1)
        if bool((flat[0, 1:] - flat[0, :-1] == 1).all()):
            *lead, n, k = shape
            return of.settled(entry.number, turned, (*lead, k, n), name_of(node))
    return None
