"""Writes the lessons as notebooks into examples/, from their own text and code. `--check` only compares.

A notebook's cells are the parts of the lesson's module, in order: its text, its imports and settings, each
function, and a call of it. Outputs are left out: they are what one gets by running it.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "src" / "recurra" / "inspect" / "lessons"
EXAMPLES = ROOT / "examples"
NOT_LESSONS = ("__init__", "lesson")
CALL = "lesson()"


def names() -> list[str]:
    """Of all lessons."""
    return sorted(path.stem for path in LESSONS.glob("*.py") if path.stem not in NOT_LESSONS)


def cells(source: str) -> list[tuple[str, str]]:
    """Kind ("markdown" or "code") and text of each cell for the module `source`."""
    tree = ast.parse(source)
    lines = source.splitlines()
    title, _, text = (ast.get_docstring(tree) or "").partition("\n")
    parts = [("markdown", f"# {title}\n{text}")]
    first = 0  # line of the first import or setting since the last function
    for node in tree.body[1:]:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        start, end = _first_line(node), node.end_lineno or node.lineno
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if first:
                parts.append(("code", "\n".join(lines[first - 1 : start - 1]).strip("\n")))
            parts.append(("code", "\n".join(lines[start - 1 : end])))
            first = 0
        elif not first:
            first = start
    return [*parts, ("code", CALL)]


def notebook(name: str) -> str:
    """The file of a lesson's notebook."""
    source = (LESSONS / f"{name}.py").read_text(encoding="utf-8")
    content = {
        "cells": [_cell(kind, text, number) for number, (kind, text) in enumerate(cells(source))],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def stale() -> list[str]:
    """Names of notebooks that are not what their lessons say now, and of those without a lesson."""
    wrong = [path.stem for path in EXAMPLES.glob("*.ipynb") if path.stem not in names()]
    for name in names():
        path = EXAMPLES / f"{name}.ipynb"
        if not path.exists() or path.read_text(encoding="utf-8") != notebook(name):
            wrong.append(name)
    return wrong


def main() -> int:
    if "--check" in sys.argv[1:]:
        wrong = stale()
        for name in wrong:
            print(f"examples/{name}.ipynb is not what the lesson says: run scripts/notebooks.py")
        return 1 if wrong else 0
    EXAMPLES.mkdir(exist_ok=True)
    for name in names():
        (EXAMPLES / f"{name}.ipynb").write_text(notebook(name), encoding="utf-8")
    return 0


def _cell(kind: str, text: str, number: int) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return {**cell, "source": text.splitlines(keepends=True)}


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


if __name__ == "__main__":
    sys.exit(main())
