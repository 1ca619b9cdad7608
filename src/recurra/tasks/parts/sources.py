"""Where a task's examples come from: training and validation data of a recipe, or other data like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from recurra.data import Examples, columns, hold_out, read
from recurra.data.notation import PLAIN, Notation
from recurra.errors import Fault
from recurra.tasks.base import Options

BUILTIN_MARK = "builtin:"

Source = str | dict[str, Any]
"""A path, "builtin:NAME", or a table with `path` or `builtin` and options of the format, as
`recurra.data.read` takes it."""

PARTS = ("train", "validation", "test")
"""Keys of [data] that say what to read."""

TEST = "test"
"""What `evaluate` is given to measure the recipe's test data."""


class SourceOptions(Options):
    """The data. Paths start from the recipe's folder.

    Attributes:
        train: what is trained on: one source, or several read as one.
        validation: what is validated on, in the same way; None holds out a part of the training data.
        common: what all sources have in common (`format`, `names`, `relabel`, ...), so that it stands once;
            what a source says itself counts.
        hold_out: the part held out: a share (0.1), or a number of examples (5000).
        hold_out_from: where that part lies: the "last" or "first" examples, or "random" ones, drawn from the
            seed.
        test: what `recurra evaluate RUN --split test` measures.
    """

    train: Source | list[Source]
    validation: Source | list[Source] | None = None
    test: Source | list[Source] | None = None
    common: dict[str, Any] = Field(default_factory=dict, exclude=True)
    hold_out: int | float = 0.1
    hold_out_from: Literal["last", "first", "random"] = "last"

    @field_validator("hold_out")
    @classmethod
    def _part(cls, hold_out: int | float) -> int | float:
        if not (hold_out >= 1 if isinstance(hold_out, int) else 0 < hold_out < 1):
            raise ValueError("expected a share between 0 and 1, or a whole number of examples from 1")
        return hold_out

    @field_validator("common")
    @classmethod
    def _shared_out(cls, common: dict[str, Any]) -> dict[str, Any]:
        if common:
            raise ValueError("expected nothing here once it is shared out: see with_common")
        return common


class GroupedOptions(SourceOptions):
    """The data, and examples that belong together.

    Attributes:
        group: a column; examples that agree in it are held out together, and `hold_out` is a share, or a
            number, of such groups. None: each by itself.
    """

    group: str | None = None


class Parts(NamedTuple):
    """Examples to train on, and those held out."""

    train: Examples
    validation: Examples


def read_parts(options: SourceOptions, seed: int) -> Parts:
    """Training and validation data."""
    train = read_source(options.train)
    if options.validation is not None:
        return Parts(train, read_source(options.validation))
    if isinstance(options, GroupedOptions) and options.group is not None:
        groups = columns.labels(train, options.group)
    else:
        groups = [str(number) for number in range(len(train))]
    names = list(dict.fromkeys(groups))
    try:
        split = hold_out(len(names), options.hold_out, where=options.hold_out_from, seed=seed)
    except Fault as fault:
        raise Fault(f"{train.source}: {fault}") from None
    held_out = {names[index] for index in split.held_out}
    indices = ([k for k, name in enumerate(groups) if (name in held_out) == side] for side in (False, True))
    return Parts(*map(train.take, indices))


def read_source(source: Source | Sequence[Source]) -> Examples:
    """One source, or several as one; a relative path that leads nowhere is told with where it starts."""
    try:
        return read(source)
    except Fault as fault:
        if "no such file" in str(fault) and any(not path.is_absolute() for path in _paths(source)):
            raise Fault(f"{fault}; relative paths start from the working directory, {Path.cwd()}") from None
        raise


def read_like(options: SourceOptions, data: str | Path) -> Examples:
    """Another file of the format of the validation data, or of the training data where there is none."""
    first = _model_of(options)
    if isinstance(first, Mapping) and "path" in first:
        return read_source({**first, "path": str(data)})
    return read_source(str(data))


def notation_like(options: SourceOptions) -> Notation:
    """How numbers and dates are written in the data that `read_like` goes by, where the recipe says so."""
    first = _model_of(options)
    return Notation.pop(dict(first), "data.train") if isinstance(first, Mapping) else PLAIN


def _model_of(options: SourceOptions) -> Source:
    """The first source of the validation data, or of the training data where there is none."""
    source = options.train if options.validation is None else options.validation
    return source[0] if isinstance(source, list) else source


def part_of(data: str | Path | None) -> str:
    """Which part of the recipe's data `evaluate(data)` measures: "validation" for None; "" for another file.

    A path that is called "train" or "validation" is a file's; "test" is always the part.
    """
    if data is None:
        return "validation"
    return str(data) if str(data) == TEST or (isinstance(data, str) and data in PARTS) else ""


def read_named(options: SourceOptions, data: str | Path) -> Examples:
    """The recipe's test data for `TEST`; else see `read_like`."""
    if str(data) != TEST:
        return read_like(options, data)
    if options.test is None:
        raise Fault("the recipe names no test data: set data.test, or give a file by --data")
    return read_source(options.test)


def source_names(source: Source | Sequence[Source]) -> str:
    """What is read there, for people."""
    if isinstance(source, str):
        return source
    if isinstance(source, Mapping):
        paths = source.get("path", f"{BUILTIN_MARK}{source.get('builtin', '')}")
        return paths if isinstance(paths, str) else ", ".join(map(str, paths))
    return ", ".join(map(source_names, source))


def with_common(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section [data] with what its sources have in common in each of them."""
    result = dict(section)
    common = result.get("common")
    if isinstance(common, Mapping) and any(part in result for part in PARTS):
        del result["common"]
        for part in PARTS:
            if result.get(part) is not None:
                result[part] = _with(result[part], common)
    return result


def _with(source: Any, common: Mapping[str, Any]) -> Any:
    """A source with what all have in common."""
    if isinstance(source, str):
        name = source.removeprefix(BUILTIN_MARK)
        return {**common, ("path" if name == source else "builtin"): name}
    if isinstance(source, Mapping):
        return {**common, **source}
    return [_with(each, common) for each in source] if isinstance(source, list) else source


def _paths(source: Any) -> list[Path]:
    if isinstance(source, str):
        return [Path(source).expanduser()]
    if isinstance(source, Mapping):
        return _paths(source.get("path", []))
    return [path for each in source for path in _paths(each)]
