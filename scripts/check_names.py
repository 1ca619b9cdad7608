"""Count variables named by a participle or preposition (`held`, `after`), where a noun would say their role.

Prints the count of every word, and fails when their sum is above `MOST`: it may fall, never rise.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
MOST = 33
WORDS = frozenset(
    "added after asked before begun built called chosen counted done drawn fed found given held kept known "
    "lost made meant moved needed passed read said seen shown taken told used wanted written".split()
)


def bindings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a file binds: variables, arguments, attributes, functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name != "read":  # the verb
            yield node.lineno, node.name


def count(source: Path = SOURCE) -> Counter[str]:
    """Word -> how often it is bound below `source`."""
    total: Counter[str] = Counter()
    for path in source.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        total.update(word for _, name in bindings(tree) if (word := name.strip("_")) in WORDS)
    return total


def main() -> int:
    total = count()
    print(", ".join(f"{word} {number}" for word, number in total.most_common()))
    print(f"{total.total()} names that are participles or prepositions, at most {MOST} allowed")
    return 1 if total.total() > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
