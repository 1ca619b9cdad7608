"""Every setting of a recipe, as the options classes, readers, cells and optimisers say it."""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from torch import Tensor

from recurra.cells import CELLS
from recurra.data.readers import READERS
from recurra.data.source import BUILTIN, read
from recurra.errors import Fault, nearest
from recurra.runs.keys import models_in
from recurra.runs.sentences import sentences, summary
from recurra.runs.toml import value_text
from recurra.tasks.base import TASKS, Task
from recurra.train.optimise import OPTIMISERS, SCHEDULES
from recurra.train.options import Named, TrainOptions

SECTIONS = ("data", "model", "train")

_SOURCE_KEYS = ("format", "decimal", "day_first", "missing", "add", "keep", "drop", "relabel")
_NUMBERS = {int: "whole number", float: "number", bool: "true or false", str: "text", Any: "any value"}
_COUNTS = {2: "two", 3: "three", 4: "four"}


class Setting(NamedTuple):
    """One key that a recipe may have.

    Attributes:
        key: in full, as "model.hidden"; of an option that belongs to one form alone its name.
        values: what it takes, with its range. default: as TOML; "" where there is none, "none" where the key
            may be left out and nothing counts in its place.
        sentence: what it means.
    """

    key: str
    values: str
    default: str
    sentence: str


class Group(NamedTuple):
    """Settings that belong together, and what they are."""

    name: str
    about: str
    settings: list[Setting]


def section_settings(options: type[BaseModel], section: str) -> list[Setting]:
    """Every key of a section, tables within it after the key that holds them."""
    rows = []
    texts = sentences(options, options.model_fields)
    for name, field in options.model_fields.items():
        key = f"{section}.{name}"
        inner = list(dict.fromkeys(models_in(field.annotation)))
        sentence = _sentence(texts.get(name, ""), inner)
        rows.append(Setting(key, _values(field), _default(field, inner), sentence))
        listed = get_origin(field.annotation) is list
        for model in inner:
            rows += section_settings(model, f"{key}[]" if listed else key)
    return rows


def task_groups(task: type[Task]) -> list[Group]:
    """The settings of a task's recipe, one group a section; of a task of several kinds two for each kind,
    called `data (KIND)` and `model (KIND)`.
    """
    kinds = kinds_of(task).items()
    groups = [group for kind, cls in kinds for group in _own_groups(cls, f" ({kind})" if kind else "")]
    return [*groups, train_group()]


def kind_groups(task: type[Task]) -> list[Group]:
    """The settings of a recipe of one kind, one group a section."""
    return [*_own_groups(task, ""), train_group()]


def train_group() -> Group:
    """The settings of [train], which every task has."""
    return Group("train", summary(TrainOptions), section_settings(TrainOptions, "train"))


def _own_groups(task: type[Task], end: str) -> list[Group]:
    sections = (("data", task.DataOptions), ("model", task.ModelOptions))
    return [
        Group(f"{section}{end}", summary(options), section_settings(options, section))
        for section, options in sections
    ]


def kinds_of(task: type[Task]) -> dict[str, type[Task]]:
    """The classes that read a task's recipes, by what tells each kind; the task's own under no name."""
    return {**({"": task} if hasattr(task, "DataOptions") else {}), **task.kinds}


def source_group() -> Group:
    """What the table of any source of data may have, besides the options of its format."""
    texts = sentences(read, _SOURCE_KEYS)
    kinds = {
        "format": _words(READERS),
        "decimal": '"." or ","',
        "day_first": "true or false",
        "missing": "list of texts",
    }
    rows = [
        Setting("path", "text or list of texts", "", "one file or folder, or several read as one."),
        Setting("builtin", _words(BUILTIN), "", "data that needs no file, in place of path."),
    ]
    rows += [Setting(key, kinds.get(key, "table"), "none", texts[key]) for key in _SOURCE_KEYS]
    about = "A source of data: data.train, data.validation, data.test, data.common; a text is a path."
    return Group("source", about, rows)


def named_group(name: str) -> Group | None:
    """The options of a format, built-in data, a cell (as `cell_options`), an optimiser or a schedule."""
    for registry, what, first in (
        (READERS, "format", 0),
        (BUILTIN, "built-in data", 0),
        (plain_cells(), "cell", 2),
        (OPTIMISERS, "optimiser", 1),
        (SCHEDULES, "schedule", 1),
    ):
        if name in registry:
            owner = typing.cast(Any, registry)[name]
            return Group(name, f"{what}: {summary(owner)}", argument_settings(owner, first))
    return None


def argument_settings(owner: Callable[..., Any], first: int = 0) -> list[Setting]:
    """The arguments of a function that a recipe may set, keyword arguments alone; of a class all but the
    `first` ones.
    """
    parameters = list(inspect.signature(owner).parameters.values())
    own = parameters[first:] if first else [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    texts = sentences(owner, [p.name for p in own])
    try:
        hints = typing.get_type_hints(owner.__init__ if inspect.isclass(owner) else owner)
    except (NameError, TypeError):
        hints = {}
    rows = []
    for parameter in own:
        annotation = hints.get(parameter.name, Any)
        missing = parameter.default is parameter.empty
        rows.append(
            Setting(
                parameter.name,
                _type(annotation),
                "" if missing else _text(parameter.default),
                texts.get(parameter.name, ""),
            )
        )
    return rows


def groups_of(names: list[str]) -> list[Group]:
    """What a person asks for: a task, with a section or key of it where one follows; `train`, `source`, or
    what `named_group` knows.

    Raises:
        Fault: nothing of this name.
    """
    tasks = [name for name in names if name in TASKS]
    groups: list[Group] = []
    sections = [name for name in names if name.split(".")[0] in SECTIONS]
    for name in tasks if not sections else []:
        groups += task_groups(TASKS[name])
    for name in sections:
        groups += _narrowed(name, tasks)
    for name in names:
        group = source_group() if name == "source" else named_group(name)
        if group is not None:
            groups.append(group)
        elif name not in tasks and name not in sections:
            everything = [*TASKS, *SECTIONS, "source", *READERS, *BUILTIN, *CELLS, *OPTIMISERS, *SCHEDULES]
            raise Fault(
                f"no task, section, format, cell or optimiser is called {name!r}{nearest(name, everything)}"
            )
    return groups


def plain_cells() -> dict[str, type]:
    """Every cell that `model.cell` may name: those around another one are set by options of their own."""
    return {
        name: cls
        for name, cls in CELLS.items()
        if list(inspect.signature(cls).parameters)[:2] == ["input_size", "hidden_size"]
    }


def _narrowed(name: str, tasks: list[str]) -> list[Group]:
    """What is called `name`, or begins with it and a dot, in each of these tasks."""
    section, *rest = name.split(".")
    if section == "train":
        tasks = tasks[:1] or [next(iter(TASKS))]  # it is the same for all
    if not tasks:
        raise Fault(
            f"[{section}] is each task's own: name the task first, as in `recurra options tag {name}`"
        )
    groups = [
        group for task in tasks for group in task_groups(TASKS[task]) if group.name.split()[0] == section
    ]
    if not rest:
        return groups
    parts = []
    for group in groups:
        rows = [row for row in group.settings if f"{row.key.replace('[]', '')}.".startswith(f"{name}.")]
        parts += [group._replace(settings=rows)] if rows else []
    if not parts:
        keys = [row.key for group in groups for row in group.settings]
        raise Fault(f"no setting is called {name!r}{nearest(name, keys)}")
    return parts


def _sentence(sentence: str, inner: list[type[BaseModel]]) -> str:
    """A sentence; "see there" becomes what the table of the key is."""
    if not inner or not sentence.startswith("see there"):
        return sentence
    rest = sentence.removeprefix("see there").lstrip(".,; ")
    return " ".join([summary(inner[0]), *([rest] if rest else [])])


def _values(field: FieldInfo) -> str:
    text, limits = _type(field.annotation), _limits(field)
    return f"{text} {limits}".strip() if limits else text


def _type(annotation: Any) -> str:
    if annotation in _NUMBERS:
        return _NUMBERS[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _words(parts)
    if origin in (typing.Union, types.UnionType):
        plain = [part for part in parts if part not in (type(None), Tensor)]
        return " or ".join(dict.fromkeys(map(_type, plain)))
    if origin in (list, typing.get_origin(typing.Sequence[int])):
        inner = _type(parts[0]) if parts else "value"
        return "list of these" if " or " in inner else f"list of {inner}s"
    if origin is tuple:
        if parts[-1] is Ellipsis:
            return f"list of {_type(parts[0])}s"
        return f"{_COUNTS.get(len(parts), len(parts))} {_type(parts[0])}s"
    if origin is dict or inspect.isclass(annotation):
        return "table"
    return "any value"


def _limits(field: FieldInfo) -> str:
    low, high = "", ""
    for limit in field.metadata:
        if isinstance(limit, annotated_types.Ge):
            low = f"from {_text(limit.ge)}"
        elif isinstance(limit, annotated_types.Gt):
            low = f"above {_text(limit.gt)}"
        elif isinstance(limit, annotated_types.Le):
            high = f"to {_text(limit.le)}"
        elif isinstance(limit, annotated_types.Lt):
            high = f"below {_text(limit.lt)}"
        elif isinstance(limit, annotated_types.MinLen):
            low = f"(at least {limit.min_length})"
    return f"{low} to {high.removeprefix('to ')}" if low and high else low or high


def _default(field: FieldInfo, inner: list[type[BaseModel]]) -> str:
    if field.is_required():
        return ""
    default = field.get_default(call_default_factory=True)
    if isinstance(default, Named):
        return value_text(default.model_dump())
    if isinstance(default, BaseModel):
        return "{}"
    if isinstance(default, list) and inner:
        default = [each.model_dump() for each in default]
    return _text(default)


def _text(default: Any) -> str:
    if default is None or default is PydanticUndefined:
        return "none"
    if isinstance(default, float) and math.isfinite(default) and default == int(default) and default < 1e6:
        return f"{default:.1f}"
    try:
        return value_text(default)
    except Fault:
        return str(default)


def _words(words: Any) -> str:
    texts = [value_text(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"
