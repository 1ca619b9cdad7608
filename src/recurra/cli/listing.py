"""`recurra list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from recurra.cli.arguments import Json
from recurra.cli.output import emit, table
from recurra.errors import Fault, nearest, quoted

Names = Mapping[str, str]
"""Name -> what it is."""


def names(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="recipes, tasks, cells, layers, models, formats, builtin, ...; without it all kinds.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """What there is of a kind, by the names that recipes and commands know; without one, the kinds."""
    if kind is None:
        rows = {name: f"{about}; more: {more}" for name, (about, more, _) in KINDS.items()}
        title = "recurra list ..."
    elif kind in KINDS:
        rows, title = dict(KINDS[kind][2]()), kind
    else:
        raise Fault(f"list {quoted(kind)}: no kind of thing{nearest(kind, KINDS)}")
    if as_json:
        emit(rows)
    else:
        table((title, "what it is"), list(rows.items()))


def _recipes() -> Names:
    from recurra.recipes import recipe_titles

    return recipe_titles()


def _tasks() -> Names:
    import recurra.tasks
    from recurra.tasks.base import TASKS

    assert recurra.tasks
    return _summaries(TASKS)


def _cells() -> Names:
    from recurra.cells import CELLS, TREE_CELLS

    return _summaries({**CELLS, **TREE_CELLS})


def _layers() -> Names:
    return _modules("layers")


def _models() -> Names:
    return _modules("models")


def _formats() -> Names:
    from recurra.data.readers import READERS

    return _summaries(READERS)


def _builtin() -> Names:
    from recurra.data.source import BUILTIN

    return _summaries(BUILTIN)


def _optimisers() -> Names:
    from recurra.train.optimise import OPTIMISERS

    return _summaries(OPTIMISERS)


def _schedules() -> Names:
    from recurra.train.optimise import SCHEDULES

    return _summaries(SCHEDULES)


def _inspections() -> Names:
    from recurra.cli.inspect import app as group

    return {
        str(command.name or getattr(command.callback, "__name__", "")): str(command.help)
        for command in group.registered_commands
    }


def _modules(room: str) -> Names:
    """Those of a room, and a user's own among the layers."""
    import recurra.layers
    import recurra.models
    from recurra.registry import MODULES

    assert recurra.layers
    assert recurra.models
    others = ("recurra.cells.", "recurra.models." if room == "layers" else "recurra.layers.")
    classes = {name: cls for name, cls in MODULES.items() if not cls.__module__.startswith(others)}
    if room == "models":
        classes = {name: cls for name, cls in classes.items() if cls.__module__.startswith("recurra.models.")}
    return _summaries(classes)


def _summaries(owners: Mapping[str, object]) -> Names:
    from recurra.runs.sentences import summary

    return {name: summary(owner) for name, owner in owners.items()}


KINDS: Mapping[str, tuple[str, str, Callable[[], Names]]] = {
    "recipes": ("recipes that come with Recurra", "recurra recipes show NAME", _recipes),
    "tasks": ("what can be trained", "recurra options TASK", _tasks),
    "cells": ("steps of an equation, over time and over trees", "recurra cells NAME", _cells),
    "layers": ("layers, over cells and beside them", "the reference of recurra.layers", _layers),
    "models": ("models, and parts of some", "the reference of recurra.models", _models),
    "formats": ("files that data is read from", "recurra options FORMAT", _formats),
    "builtin": ("data that needs no file", "recurra options NAME", _builtin),
    "optimisers": ("those of torch", "recurra options NAME", _optimisers),
    "schedules": ("those of torch", "recurra options NAME", _schedules),
    "inspections": ("what the laboratory measures", "recurra inspect NAME --help", _inspections),
}
"""Kind -> what it is, where more stands, and its names."""
