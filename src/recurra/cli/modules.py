"""Importing what the person at the keyboard names: their own cells, layers and tasks."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from recurra.errors import Fault, unknown_name

IMPORTS: list[str] = []
"""What was imported for this command, as the person named it."""

_FILES = 200
_LARGEST = 1 << 20
"""Files, and bytes of one, that are looked through for a name."""


Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="A module, or a .py file, that registers your own cells, layers or tasks (may be repeated).",
    ),
]


def with_imports(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes `--import` too, and imports what it names before it does anything."""
    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter("modules", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Modules)

    @functools.wraps(command)
    def importing(*arguments: Any, modules: list[str] | None = None, **others: Any) -> None:
        import_all(modules)
        command(*arguments, **others)

    parameters = [*signature.parameters.values(), option]
    importing.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    importing.__annotations__ = {each.name: each.annotation for each in parameters}
    return importing


def import_all(names: list[str] | None) -> None:
    """See `import_from`."""
    for name in names or []:
        import_from(name)


def import_from(name: str) -> None:
    """Imports a module by its name, also one that lies in the working directory, or a `.py` file.

    Raises:
        Fault: there is none of this name, or it fails as it is imported (told with its own line).
    """
    path = Path(name)
    file = path if path.suffix == ".py" else None
    if file is not None and not file.is_file():
        raise Fault(f"--import {name}: no such file")
    # as for a script that Python runs: what lies beside it can be imported; behind all that is installed
    folder = str((file.parent if file is not None else Path()).resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        if file is None:
            importlib.import_module(name)
        else:
            _import_file(file)
    except Exception as error:
        raise Fault(f"--import {name}: {_reason(name, error)}") from error
    if name not in IMPORTS:
        IMPORTS.append(name)


def import_hint(fault: Fault) -> str:
    """What to add to a fault that is about an unknown name: whose file may register it."""
    name = unknown_name(fault)
    if not isinstance(name, str) or "--import" in str(fault):
        return ""
    quoted = re.compile(f"""["']{re.escape(name)}["']""")
    for file in sorted(Path().glob("*.py"))[:_FILES]:
        with suppress(OSError, ValueError):
            if file.stat().st_size <= _LARGEST and quoted.search(file.read_text("utf-8")):
                return f"; {file} speaks of it: perhaps recurra --import {file} ..."
    return "; one of your own is known after recurra --import FILE.py"


def _import_file(file: Path) -> None:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[file.stem]
        raise


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return "no such module, here or installed: give a module's name or a .py file"
    if isinstance(error, Fault):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}: {type(error).__name__}: {error}"
