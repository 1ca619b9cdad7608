"""Check that imports inside `src/recurra` point one way. Prints one line for each wrong import.

A room is a file or a package directly in `src/recurra`. Imports inside functions and under TYPE_CHECKING
count too: a room that names another one's types knows it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "recurra"
SOURCE = Path(__file__).resolve().parent.parent / "src"

# From the top down: a room may import every room of a lower line, and of its own line in one direction only.
ARROW = (
    ("__main__",),
    ("cli", "bench", "reproduce", "sklearn"),
    ("inspect", "reports"),
    ("train",),
    ("runs",),
    ("tasks",),
    ("models", "streaming", "explanation", "acceleration", "decode"),
    ("layers", "nn"),
    ("loop",),
    ("cells", "engines"),
    ("tracing", "lowering"),
    ("program",),
    ("ragged", "forest", "state", "registry", "timing", "storage"),
    ("recording", "signatures", "wiring", "plugins"),
    ("errors", "version"),
)
LEVEL = {room: level for level, rooms in enumerate(reversed(ARROW)) for room in rooms}

# Rooms beside the arrow: what each may import, and which rooms may import it.
ASIDE_IMPORTS = {
    "data": {"storage", "ragged", "registry", "plugins", "errors"},
    "vectors": {"data", "storage", "ragged", "registry", "signatures", "errors"},
    "recipes": {"plugins", "errors"},
}
ASIDE_USERS = {
    "data": {room for room in LEVEL if LEVEL[room] >= LEVEL["tasks"]} | {"vectors"},
    "vectors": {"cli", "tasks", "bench"},
    "recipes": {"cli", "reproduce"},
}
ROOMS = LEVEL.keys() | ASIDE_IMPORTS.keys()

# Lower rooms that a room must not know all the same, with the reason that is told.
UNKNOWN = {
    ("cells", "engines"): "cells know one step of an equation, not what runs it",
    ("cells", "ragged"): "cells know one step of an equation, not lengths",
    ("cells", "forest"): "cells know one step of an equation, not trees",
    ("cells", "lowering"): "cells know one step of an equation, not what it becomes",
    ("engines", "cells"): "engines know programs, not cell classes",
    ("engines", "tracing"): "engines know programs, not what they were read from",
    ("loop", "lowering"): "the loop knows a program's parts, and leaves what they become to an engine",
    ("layers", "engines"): "layers reach the loop through scan",
    ("models", "engines"): "models reach the loop through scan",
    ("streaming", "models"): "a stream runs any model, and knows none by name",
    ("train", "models"): "train knows no particular model",
}
# Outside libraries kept to the rooms named here.
KEPT = {
    "lightning": {"train"},
    "lightning_fabric": {"train"},
    "pickle": set[str](),
    "cloudpickle": set[str](),
    "dill": set[str](),
    "joblib": set[str](),
    "sklearn": {"sklearn", "vectors"},
    "shelve": set[str](),
    "marshal": set[str](),
}


def imported(tree: ast.AST, package: list[str]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of each import; `package`, the file's own, resolves `from . import`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            if ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


def fault(room: str, name: str) -> str | None:
    """Why `room` must not import `name`, or None."""
    top, *rest = name.split(".")
    if top != PACKAGE:
        if top in KEPT and room not in KEPT[top]:
            return (
                f"only {', '.join(sorted(KEPT[top]))} imports {top}"
                if KEPT[top]
                else f"nothing imports {top}"
            )
        return None
    other = rest[0] if rest else ""
    if room == "__init__" or other == room:
        return None
    if other not in ROOMS:
        return f"{PACKAGE} itself imports every room, so a room names the other room: {PACKAGE}.<room>"
    if (room, other) in UNKNOWN:
        return UNKNOWN[room, other]
    if room in ASIDE_IMPORTS:
        allowed = ASIDE_IMPORTS[room]
        return None if other in allowed else f"{room} imports only {', '.join(sorted(allowed)) or 'nothing'}"
    if other in ASIDE_USERS:
        users = ASIDE_USERS[other]
        return (
            None if room in users else f"{other} is imported only by {', '.join(sorted(users)) or 'nothing'}"
        )
    return None if LEVEL[other] <= LEVEL[room] else f"{other} stands above {room}"


def entries(source: Path, path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and room of each import, when `path` is imported, of a file within another room's package.

    Python then locks the file before its package. A thread that enters by the package locks them the other
    way round, and one of the two is given a module that is half made.
    """
    own = path.relative_to(source).with_suffix("").parts[1]
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for line, name in imported(node, []):
                top, *rest = name.split(".")
                folder = source / PACKAGE / rest[0] if rest else source
                if top != PACKAGE or len(rest) < 2 or rest[0] == own or not (folder / "__init__.py").exists():
                    continue
                is_file = (folder / f"{rest[1]}.py").exists() or (folder / rest[1]).is_dir()
                if is_file and f"{PACKAGE}.{rest[0]}." in (folder / "__init__.py").read_text("utf-8"):
                    yield line, rest[0]


def check(source: Path = SOURCE) -> list[str]:
    """Every wrong import below `source`, one line each: file:line, what imports what, and why not."""
    faults: list[str] = []
    beside: dict[tuple[str, str], str] = {}
    entered: dict[tuple[str, str], str] = {}
    packages: dict[str, set[str]] = {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = list(path.relative_to(source).with_suffix("").parts)
        room = parts[1]
        where = path.relative_to(source.parent).as_posix()
        if room not in ROOMS and room != "__init__":
            faults.append(f"{where}:1: {room} is no room: give it a row in scripts/check_imports.py")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for line, other in entries(source, path, tree):
            entered.setdefault((room, other), f"{where}:{line}")
        if len(parts) == 2 or parts[2:] == ["__init__"]:
            packages[room] = {
                a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names
            }
        for line, name in imported(tree, parts[:-1]):
            why = fault(room, name)
            if why:
                faults.append(f"{where}:{line}: {room} imports {name}: {why}")
            elif name.startswith(f"{PACKAGE}."):
                beside.setdefault((room, name.split(".")[1]), f"{where}:{line}")
    for (room, other), where in sorted(entered.items()):
        if room not in ("__init__", "cli", "bench") and f"{PACKAGE}.{other}" not in packages.get(room, ()):
            faults.append(
                f"{where}: {room} enters {other} by a file: its first file has to `import {PACKAGE}.{other}`"
            )
    for (room, other), where in sorted(beside.items()):
        if room < other and (other, room) in beside:
            faults.append(f"{where}: {room} and {other} import each other ({beside[other, room]})")
    return faults


def main() -> int:
    faults = check()
    for line in faults:
        print(line)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
