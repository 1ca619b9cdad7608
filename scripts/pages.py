"""Writes what the code tells into docs/data.md, docs/commands.md and docs/explain.md, between their marks.
`--check` only says which would read otherwise; `--reference FOLDER` writes the reference of the Python names.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docstrings import markdown

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

ROOMS = {
    "recurra": "The names of the package itself",
    "recurra.cells": "One step of an equation: cells over time and over trees, wrappers, initialisers",
    "recurra.layers": "Depth, direction, heads, attention, pooling",
    "recurra.models": "What the tasks train",
    "recurra.nn": "Drop-ins for the recurrent layers of torch",
    "recurra.streaming": "Step by step",
    "recurra.ragged": "Rows of any lengths",
    "recurra.data": "Examples, readers, vocabularies",
    "recurra.tasks": "Data in, a model, a loss, metrics, predictions",
    "recurra.train": "Recipes and training from Python",
    "recurra.sklearn": "Tasks in the manners of scikit-learn",
    "recurra.inspect": "The laboratory",
    "recurra.vectors": "Word vectors",
    "recurra.errors": "What a user is meant to read",
}
"""Room -> what is in it, in the order of the reference."""
_WIDTH = 80  # of a signature on one line


def formats() -> str:
    """Every format of data."""
    from recurra.data.readers import ENDINGS, READERS

    parts = []
    for name, reader in READERS.items():
        endings = ", ".join(f"`{ending}`" for ending, kind in ENDINGS.items() if kind == name)
        options = f"options.md#{name.replace(' ', '-')}"
        parts.append(
            f"### `{name}`\n\n{markdown(reader).replace('**Args**', '**Options**')}\n\n"
            f"Seen by the ending: {endings or 'none; `format` says it'}. Options: [settings]({options})."
        )
    return "\n\n".join(parts)


def sources() -> str:
    """What every source may say."""
    from recurra.data.source import BUILTIN, read

    text = markdown(read, without=("Args",)).partition("**Options")[2].partition("**")[2].strip()
    builtin = "\n".join(f"- `builtin:{name}`: {_first(function)}" for name, function in BUILTIN.items())
    return f"{text}\n\n### Data that needs no file\n\n{builtin}"


def memory() -> str:
    """Tables that a program has."""
    module = importlib.import_module("recurra.data.memory")
    return markdown(module)


def commands() -> str:
    """Every command, its arguments and options."""
    import typer

    from recurra.cli.commands import app

    program: Any = typer.main.get_command(app)
    return "\n\n".join(_commands(program, ["recurra"]))


def layer_report() -> str:
    """What `explain` tells of a layer."""
    from recurra.explanation import LayerReport

    return markdown(LayerReport).partition("**Attributes**")[2].strip()


def refusals() -> str:
    """Why the native engine leaves a loop to the eager one, as its source says it."""
    from recurra.engines.native.engine import NativeEngine

    source = inspect.getsource(NativeEngine)
    reasons = re.findall(r'return f?"([^"]+)"', source)
    return "\n".join(f"- {re.sub(r'{[^}]*}', '...', reason)}" for reason in reasons)


MARKS: dict[str, dict[str, Callable[[], str]]] = {
    "data.md": {"formats": formats, "sources": sources, "memory": memory},
    "commands.md": {"commands": commands},
    "explain.md": {"report": layer_report, "refusals": refusals},
}
"""Page -> mark -> what stands there."""


def with_parts(text: str, parts: dict[str, Callable[[], str]]) -> str:
    """A page with what the code tells between its marks. KeyError where a mark is missing."""
    for name, part in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise KeyError(f"no mark {name}")
        content = part()
        text = pattern.sub(lambda match, content=content: f"{match[1]}\n{content}\n\n{match[2]}", text)
    return text


def reference(folder: Path) -> None:
    """The reference of the Python names: a page a room, and a first page."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Python reference", "", "| module | what is in it |", "|---|---|"]
    for room, about in ROOMS.items():
        name = f"{room.replace('.', '-')}.md"
        lines.append(f"| [`{room}`]({name}) | {about} |")
        (folder / name).write_text(_room(room, about), encoding="utf-8")
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _room(room: str, about: str) -> str:
    module = importlib.import_module(room)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == room and name[0] != "_"
    ]
    parts = [f"# {room}", f"{about}."]
    for name in names:
        value = getattr(module, name)
        if inspect.ismodule(value) or not callable(value):
            continue
        home = getattr(value, "__module__", room)
        parts += [f"## {name}", f"```text\n{home}.{name}{_signature(value)}\n```", markdown(value)]
        if inspect.isclass(value):
            parts += list(_members(value))
    return "\n\n".join(part for part in parts if part) + "\n"


def _members(cls: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        if isinstance(function, property):
            function, signature = function.fget, ""
        elif inspect.isfunction(function):
            signature = _signature(function)
        else:
            continue
        if name[0] != "_" and (text := markdown(function)):
            yield f"### {cls.__name__}.{name}"
            yield f"```text\n{name}{signature}\n```" if signature else ""
            yield text


def _signature(value: Any) -> str:
    """On one line, or a line for each parameter."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    text = _without_addresses(str(signature))
    if len(text) <= _WIDTH:
        return text
    empty = inspect.Signature.empty
    lines = [f"    {_without_addresses(part)},\n" for part in _parameters(signature)]
    end = _without_addresses(str(inspect.Signature(return_annotation=signature.return_annotation)))
    return f"(\n{''.join(lines)}){end[2:] if signature.return_annotation is not empty else ''}"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    """As they are written, with the marks of positional and keyword arguments."""
    star = slash = False
    for parameter in signature.parameters.values():
        if slash and parameter.kind is not parameter.POSITIONAL_ONLY:
            yield "/"
            slash = False
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            yield "*"
        star = star or parameter.kind in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY)
        slash = slash or parameter.kind is parameter.POSITIONAL_ONLY
        yield str(parameter)


def _without_addresses(text: str) -> str:
    return re.sub(r"<[^>]*>", "...", text.replace("'", ""))


def _commands(command: Any, path: list[str]) -> Iterator[str]:
    own = [] if command.name == "recurra" else [_command(command, path)]
    yield from own
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, [*path, name])


def _command(command: Any, path: list[str]) -> str:
    words = [*path]
    rows = []
    for each in command.params:
        if getattr(each, "hidden", False) or each.name in ("help", "modules"):  # told once, at the head
            continue
        about = (getattr(each, "help", None) or "").replace("|", "\\|")
        if each.param_type_name == "argument":
            name = each.name.upper() + ("..." if each.nargs == -1 or each.multiple else "")
            words.append(name if each.required else f"[{name}]")
            rows.append((f"`{name}`", about))
        else:
            name = ", ".join(f"`{option}`" for option in [*each.opts, *each.secondary_opts])
            rows.append((name, f"{about}{_default(each)}"))
    if any(cell.startswith("`-") for cell, _ in rows):
        words.append("[OPTIONS]")
    text = " ".join((command.help or "").split())
    table = ["| argument or option | what it is |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]
    body = "\n\n" + "\n".join(table) if rows else ""
    return f"{'#' * len(path)} {' '.join(path)}\n\n{text}\n\n```text\n{' '.join(words)}\n```{body}"


def _default(option: Any) -> str:
    value = option.default
    if value in (None, False, ()) or not isinstance(value, (str, int, float)):
        return ""
    return f" (default: `{getattr(value, 'value', value)}`)"


def _first(value: Any) -> str:
    return " ".join(markdown(value).split("\n\n")[0].split())


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--reference"]:
        reference(Path(arguments[1]))
        return 0
    wrong = 0
    for name, parts in MARKS.items():
        path = DOCS / name
        text = path.read_text(encoding="utf-8")
        result = with_parts(text, parts)
        if result != text:
            wrong += 1
            print(f"docs/{name}: {'reads otherwise' if '--check' in arguments else 'written'}")
            if "--check" not in arguments:
                path.write_text(result, encoding="utf-8")
    return int("--check" in arguments and wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
