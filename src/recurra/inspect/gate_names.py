"""What a step's own source calls its sigmoids and tanhs, and their values where a step has no program."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from recurra.inspect.visits import Walk
from recurra.state import flat_rows
from recurra.tracing.side_effects import unmarked

_KINDS: dict[Any, str] = {
    **dict.fromkeys((torch.sigmoid, Tensor.sigmoid, Tensor.sigmoid_, F.sigmoid), "sigmoid"),
    **dict.fromkeys((torch.tanh, Tensor.tanh, Tensor.tanh_, F.tanh), "tanh"),
}
_TORCH = f"{Path(str(torch.__file__)).parent}/"


class Squashed(NamedTuple):
    """One sigmoid or tanh that a step's Python computed.

    Attributes:
        kind: `sigmoid` or `tanh`.
        names: what the source calls it: one name, or one for each equal part that it is cut into; empty where
            the source does not tell.
        values: `[N, width]`.
    """

    kind: str
    names: tuple[str, ...]
    values: Tensor


def squashed_by_step(walk: Walk) -> list[Squashed]:
    """Every sigmoid and tanh of rows that one call of the cell's step computes at all places of a run, in the
    order of its Python.
    """
    recorder = _Recorder(len(walk.x))
    with torch.no_grad(), unmarked(walk.cell), recorder:
        walk.cell.step(walk.x, walk.states)
    return recorder.calls


class _Recorder(TorchFunctionMode):
    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.calls: list[Squashed] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        kind = _KINDS.get(function)
        if kind is not None and isinstance(result, Tensor) and result.shape[:1] == (self.rows,):
            names = _names(sys._getframe(1), kind)
            self.calls.append(Squashed(kind, names, flat_rows(result.detach()).clone()))
        return result


def _names(frame: FrameType | None, kind: str) -> tuple[str, ...]:
    """From the innermost line outside of torch and of this file."""
    while frame is not None and (
        frame.f_code.co_filename.startswith(_TORCH) or frame.f_code.co_filename == __file__
    ):
        frame = frame.f_back
    if frame is None:
        return ()
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    line, end_line, column, end_column = positions
    if line is None or column is None:
        return ()
    return _in_source(frame.f_code, (line, end_line, column, end_column), kind)


@lru_cache(maxsize=256)
def _in_source(code: CodeType, place: tuple[Any, ...], kind: str) -> tuple[str, ...]:
    try:
        lines, first = inspect.getsourcelines(code)
        text = textwrap.dedent("".join(lines))
        tree = ast.parse(text)
    except (OSError, SyntaxError, TypeError):  # no source, or not a piece that stands alone
        return ()
    indent = len(lines[0]) - len(lines[0].lstrip())
    extent = (place[0] - first + 1, place[1] - first + 1, place[2] - indent, place[3] - indent)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _span(node) == extent:
            return _of_call(node, kind, parents)
    return ()


def _span(node: ast.expr) -> tuple[int | None, ...]:
    return (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)


def _of_call(call: ast.Call, kind: str, parents: dict[ast.AST, ast.AST]) -> tuple[str, ...]:
    """`z = torch.sigmoid(..)` is z; `i, f = a.sigmoid().chunk(2, -1)` is i and f; `f.sigmoid() * c` is f;
    `c.tanh()` is tanh(c).
    """
    node: ast.AST = call
    while isinstance(parents.get(node), (ast.Attribute, ast.Call)) and _receives(parents[node], node):
        node = parents[node]
    parent = parents.get(node)
    if isinstance(parent, ast.Assign) and parent.value is node and len(parent.targets) == 1:
        target = parent.targets[0]
        if isinstance(target, ast.Tuple):
            if node is not call and all(isinstance(part, ast.Name) for part in target.elts):
                return tuple(part.id for part in target.elts if isinstance(part, ast.Name))
        elif node is call and isinstance(target, ast.Name):
            return (target.id,)
    operand: ast.AST = call.args[0] if call.args else call.func
    operand = operand.value if operand is call.func and isinstance(operand, ast.Attribute) else operand
    while isinstance(operand, ast.BinOp):
        operand = operand.left
    if not isinstance(operand, ast.Name):
        return ()
    return (operand.id if kind == "sigmoid" else f"tanh({operand.id})",)


def _receives(parent: ast.AST, node: ast.AST) -> bool:
    """Whether `parent` is a method of what `node` is, or its call: `node.chunk`, `node.chunk(2)`."""
    if isinstance(parent, ast.Attribute):
        return parent.value is node
    return isinstance(parent, ast.Call) and parent.func is node


def unique(names: Sequence[str]) -> list[str]:
    """Names that come several times get a number: `h, h` is `h 1, h 2`."""
    result: list[str] = []
    for k, name in enumerate(names):
        several = names.count(name) > 1
        result.append(f"{name} {names[: k + 1].count(name)}" if several else name)
    return result
