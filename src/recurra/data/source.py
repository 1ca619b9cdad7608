"""What a recipe says about its data -> Examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recurra.data import columns
from recurra.data.builtin.generated import adding, copying
from recurra.data.builtin.language import dates, opinions, sentences
from recurra.data.builtin.manual import manual_examples
from recurra.data.builtin.moving_scenes import moving_scenes
from recurra.data.builtin.relations import relations
from recurra.data.builtin.scenes import scenes
from recurra.data.builtin.signals import cadences, doodles, genes, morse, sales, walks
from recurra.data.examples import Examples, join
from recurra.data.memory import MEMORY, memory_examples
from recurra.data.notation import Notation
from recurra.data.readers import READERS, guess_format
from recurra.data.text.trees import Tree
from recurra.errors import Fault, nearest

Source = str | Path | Mapping[str, Any]
"""A path, "builtin:NAME", "memory:NAME" (see `recurra.data.memory`), or a table with the key `path` (one or
several) or `builtin`, and any of `format`, the options of that format, `decimal`, `day_first`, `missing`,
`add`, `keep`, `drop` and `relabel`."""

BUILTIN: dict[str, Callable[..., Examples]] = {
    "python_manual": manual_examples,
    "adding": adding,
    "copying": copying,
    "scenes": scenes,
    "moving_scenes": moving_scenes,
    "sentences": sentences,
    "opinions": opinions,
    "dates": dates,
    "genes": genes,
    "morse": morse,
    "sales": sales,
    "walks": walks,
    "cadences": cadences,
    "doodles": doodles,
    "relations": relations,
}
"""Data that needs no file."""


def read(source: Source | Sequence[Source], *, base: str | Path = ".", **options: Any) -> Examples:
    """Reads one source, or several as one table.

    Args:
        source: see `Source`.
        base: the folder that relative paths start from.
        options: as the keys of a table, for every source that is a path.

    Options besides those of the format:
        format: a name of `READERS`; guessed from the ending of the file without it.
        decimal: the mark before the decimals of numbers, "." or ","; without it as the entries show.
        day_first: whether 03/04/2024 is the third of April; without it as the entries of the column show.
        missing: texts that stand for no value where numbers or time stamps are expected, besides the usual
            ones (empty, NA, n/a, NaN, null, -, ?), as "-999".
        add: constant columns, `{column: value}`.
        keep: the only examples taken, `{column: [labels]}`; of several columns all must agree.
        drop: examples left out, `{column: [labels]}`.
        relabel: labels replaced after that, `{column: {label: new label}}`; others stay. Of a column of trees
            in every node, where a new label "" leaves the node without one.
    """
    if isinstance(source, (str, Path, Mapping)):
        return _read_one(source, Path(base), options)
    return join([_read_one(each, Path(base), options) for each in source])


def _read_one(source: Source, base: Path, options: Mapping[str, Any]) -> Examples:
    if isinstance(source, str) and source.startswith("builtin:"):
        table: dict[str, Any] = {"builtin": source.removeprefix("builtin:"), **options}
    else:
        table = {**options, **source} if isinstance(source, Mapping) else {**options, "path": source}
    add, keep, drop, relabel = (table.pop(key, {}) for key in ("add", "keep", "drop", "relabel"))
    notation = Notation.pop(table, str(table.get("path", table.get("builtin"))))
    if "builtin" in table:
        name = table.pop("builtin")
        if name not in BUILTIN:
            raise Fault(f"no built-in data is called {name!r}{nearest(str(name), BUILTIN)}")
        examples = _call(BUILTIN[name], f"built-in data {name!r}", [], table)
    elif "path" in table:
        path = table.pop("path")
        if isinstance(path, str) and path.startswith(MEMORY):
            table.pop("format", None)
            examples = memory_examples(path.removeprefix(MEMORY))
            return _edit(examples.with_notation(notation), add, keep, drop, relabel)
        paths = [path] if isinstance(path, (str, Path)) else list(path)
        form = table.pop("format", None)
        examples = join([_read_file(base / Path(each).expanduser(), form, table, notation) for each in paths])
    else:
        raise Fault(f"data given as {dict(table)!r}: expected the key 'path' or 'builtin'")
    return _edit(examples.with_notation(notation), add, keep, drop, relabel)


def _read_file(path: Path, form: str | None, options: Mapping[str, Any], notation: Notation) -> Examples:
    form = guess_format(path) if form is None else form
    if form not in READERS:
        raise Fault(f"{path}: no format is called {form!r}{nearest(str(form), READERS)}")
    reader = READERS[form]
    if notation.decimal is not None and "decimal" in inspect.signature(reader).parameters:
        options = {**options, "decimal": notation.decimal}  # it reads the numbers itself
    return _call(reader, f"{path}: format {form!r}", [path], options)


def _call(
    function: Callable[..., Examples], what: str, positional: list[Any], options: Mapping[str, Any]
) -> Examples:
    names = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for name in options:
        if name not in names:
            hint = nearest(name, names) if names else ": it has none"
            raise Fault(f"{what} has no option {name!r}{hint}")
    return function(*positional, **options)


def _edit(
    examples: Examples,
    add: Mapping[str, Any],
    keep: Mapping[str, Sequence[str]],
    drop: Mapping[str, Sequence[str]],
    relabel: Mapping[str, Mapping[str, str]],
) -> Examples:
    for name, value in add.items():
        examples = examples.with_column(name, [value] * len(examples))
    for table, stays in ((keep, True), (drop, False)):
        for name, labels in table.items():
            listed = [labels] if isinstance(labels, str) else labels
            values = columns.labels(examples, name)
            examples = examples.take(i for i, label in enumerate(values) if (label in listed) == stays)
    for name, renamed in relabel.items():
        if examples[name] and all(isinstance(entry, Tree) for entry in examples[name]):
            examples = examples.with_column(name, [tree.relabelled(renamed) for tree in examples[name]])
            continue
        values = columns.labels(examples, name)
        examples = examples.with_column(name, [renamed.get(label, label) for label in values])
    if not len(examples):
        edits = " and ".join(
            f"{what} = {dict(table)!r}" for what, table in (("keep", keep), ("drop", drop)) if table
        )
        raise Fault(f"{examples.source}: every example is dropped by {edits}")
    return examples
