"""`recurra cells`."""

from __future__ import annotations

import inspect
import re
from typing import Annotated, Any

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit, table

_SOURCE = re.compile(r"([A-Z][\w-]+(?: and [A-Z][\w-]+| et al\.)?),? \(?((?:19|20)\d\d)\b")


def cells(
    name: Annotated[str | None, typer.Argument(help="One cell, told in full.", show_default=False)] = None,
    input_size: Annotated[int, typer.Option(help="For the count of parameters.", min=1)] = 128,
    hidden_size: Annotated[int, typer.Option(help="For the count of parameters.", min=1)] = 128,
    as_json: Json = False,
) -> None:
    """Every cell, over time and over trees: its equation, its state, its parameters, its source."""
    from recurra.cells import CELLS, TREE_CELLS

    if name is not None:
        registry = TREE_CELLS if name in TREE_CELLS else CELLS
        cls = registry[name]
        row = _description(cls, registry.name_of(cls) or name, input_size, hidden_size)
        if as_json:
            emit(row)
        else:
            print(f"{row['name']}: {row['about']}\n")
            print(inspect.getdoc(cls))
        return
    rows = [
        _description(cls, name, input_size, hidden_size)
        for registry in (CELLS, TREE_CELLS)
        for name, cls in registry.items()
    ]
    if as_json:
        emit(rows)
    else:
        for row in rows:
            row["equation"] = row["equation"] or row["about"]
        columns = ("name", "equation", "state", "parameters", "source")
        table(columns, [["" if row[key] is None else row[key] for key in columns] for row in rows])


def _description(cls: type[Any], name: str, input_size: int, hidden_size: int) -> dict[str, Any]:
    text = " ".join((inspect.getdoc(cls) or "").split("\n\nArgs:")[0].split())
    about = (inspect.getdoc(cls) or name).split("\n\n")[0]
    sources = dict.fromkeys(" ".join(match) for match in _SOURCE.findall(text))
    equations = [part for part in re.findall(r"`([^`]+)`", text) if " = " in part]
    states, parameters = _size(cls, input_size, hidden_size)
    return {
        "name": name,
        "about": " ".join(about.split()),
        "equation": "; ".join(equations) or None,
        "state": states,
        "parameters": parameters,
        "source": ", ".join(sources) or None,
    }


def _size(cls: type[Any], input_size: int, hidden_size: int) -> tuple[str | None, int | None]:
    """State and parameter count, from a cell built with these sizes; wrappers of other cells have none."""
    parameters = inspect.signature(cls).parameters
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "output_size": hidden_size}
    sizes["projection_size"] = max(1, hidden_size // 2)
    arguments = {name: size for name, size in sizes.items() if name in parameters}
    required = {
        n for n, p in parameters.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    }
    if not required <= arguments.keys():
        return None, None
    cell = cls(**arguments)
    state = ", ".join(f"{n} {list(size)}" for n, size in cell.state_sizes().items())
    return state, sum(weight.numel() for weight in cell.parameters())
