"""What a figure depends on: its recipe, and the code that says what is computed.

That is the task, the model, its layers and cells, how data are read, and how answers are decoded. What runs
them (the loop, engines, storage, training) is bound by laws to give the same, and does not count: a faster
product leaves a figure as it is.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
PACKAGE = SOURCE.name
ROOMS = ("tasks", "models", "layers", "cells", "data", "decode")
"""The rooms whose code counts."""

APART = ("tasks.base", "data.readers")
"""What all of them share, which says nothing of one figure; a reader that was used is named by itself."""


def code_digests(modules: Iterable[str]) -> dict[str, str]:
    """Module -> the digest of its code, without docstrings, of these and all that they import."""
    return {name: digest for name in sorted(_closure(modules)) if (digest := code_digest(name)) is not None}


@cache
def code_digest(module: str) -> str | None:
    """The digest of a module's code; None where there is none of that name."""
    path = _file(module)
    if path is None:
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_docstring(each)]
    return text_digest(ast.dump(tree))


def text_digest(text: str) -> str:
    """A short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changed(digests: Mapping[str, str]) -> list[str]:
    """The modules whose code is no longer what it was."""
    return [name for name, digest in digests.items() if code_digest(name) != digest]


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _closure(modules: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    waiting = [*modules]
    while waiting:
        name = waiting.pop()
        if name in reached or not _counts(name):
            continue
        reached.add(name)
        waiting += _imports(name)
    return reached


def _counts(module: str) -> bool:
    name = module.removeprefix(f"{PACKAGE}.")
    if name in APART or f"{name}." == f"{APART[1]}.":
        return False
    return name.split(".")[0] in ROOMS and _file(module) is not None


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The modules that one names: what a package hands on counts as the module that it comes from."""
    path = _file(module)
    if path is None:
        return ()
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            names += [_origin(node.module, alias.name) for alias in node.names]
    return tuple(names)


@cache
def _origin(module: str, name: str) -> str:
    """The module in which what `module` calls `name` is written."""
    if _file(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    path = _file(module)
    if path is None or path.name != "__init__.py":
        return module
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            for alias in node.names:
                if (alias.asname or alias.name) == name and node.module != module:
                    return _origin(node.module, alias.name)
    return module


@cache
def _file(module: str) -> Path | None:
    place = SOURCE.parent.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None
