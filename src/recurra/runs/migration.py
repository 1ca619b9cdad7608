"""Recipes of format 1 as recipes of format 2: one table of what was renamed, for old run folders, for old
recipes, and for whoever still writes an old name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from pydantic import BaseModel

from recurra.data.readers import guess_format
from recurra.errors import Fault, quoted
from recurra.runs.keys import has_key, words_at

FORMAT = 2
"""Of recipes and run folders, kept as `format` in the recipe; a newer one is refused."""


class Move(NamedTuple):
    """A key that format 2 calls otherwise; it counts for tasks that have the new name and not the old one."""

    old: str
    new: str


_BODIES = ("model", "model.encoder", "model.decoder", "model.below", "model.above")
_WORDS = ("lower", "zero_digits", "min_count", "max_size", "rule")
_MASKS = {
    "bands": "frequency_masks",
    "width": "frequency_width",
    "moments": "time_masks",
    "length": "time_width",
    "share": "time_share",
}

MOVES = (
    Move("data.tokens", "data.unit"),
    Move("data.steps", "data.window"),
    Move("data.longest", "data.max_length"),
    Move("data.longest", "data.max_seconds"),
    Move("data.strings.shortest", "data.strings.min_items"),
    Move("data.strings.longest", "data.strings.max_items"),
    Move("data.parts", "data.split"),
    Move("data.tokenizer.size", "data.tokenizer.max_size"),
    *(Move(f"data.{name}", f"data.tokenizer.{name}") for name in _WORDS),
    *(Move(f"{body}.checkpoint_every", f"{body}.recompute_every") for body in _BODIES),
    Move("model.search.longest", "model.search.max_ratio"),
    Move("model.search.longest", "model.search.max_length"),
    Move("model.size", "model.view_width"),
    *(Move(f"model.augment.{old}", f"model.augment.{new}") for old, new in _MASKS.items()),
)

SOURCE_MOVES: Mapping[str, Mapping[str, str]] = {
    "genbank": {"shortest": "min_residues", "longest": "max_residues"},
    "numbers": {"size": "features"},
}
"""Format of a file -> what the options of its reader are called otherwise."""

WORD_MOVES: Mapping[str, Mapping[str, str]] = {
    "data.empty": {"fault": "error", "drop": "skip"},
    "data.too_long": {"fault": "error", "drop": "skip"},
    "data.incomplete": {"fault": "error", "drop": "skip"},
    "data.gaps": {"fault": "error"},
    "train.on_non_finite": {"stop": "error"},
}
"""Key -> the words that it takes in place of others."""

LAYERS = {
    "convolution": "a list of tables, as [{ channels = 32, stride = 2 }] or [{ channels = 96, width = 5 }]",
    "strides": "stride in each table of model.convolution",
    "width": "width in each table of model.convolution",
}
"""Keys of [model] whose content is written otherwise -> how."""

_PARTS = ("train", "validation", "test")


class Word(NamedTuple):
    """A word that format 2 calls otherwise, at its key."""

    key: str
    old: str
    new: str


class Migrated(NamedTuple):
    """A recipe of an older format as one of this format.

    Attributes:
        moves: each key renamed. words: each word. layers: keys of [model] that became lists of tables.
    """

    table: dict[str, Any]
    moves: tuple[Move, ...] = ()
    words: tuple[Word, ...] = ()
    layers: tuple[str, ...] = ()

    def changes(self) -> list[str]:
        """What was changed, one text each, as "data.steps -> data.window"."""
        return [
            *(f"{old} -> {new}" for old, new in self.moves),
            *(f"{key} = {old!r} -> {new!r}" for key, old, new in self.words),
            *(f"model.{name} -> model.convolution, a list of tables" for name in self.layers),
        ]


def migrated(table: Mapping[str, Any], sections: Mapping[str, type[BaseModel]], where: str) -> Migrated:
    """A recipe of format 1 as one of format 2, with the same meaning.

    Args:
        table: as TOML gave it.
        sections: "data", "model" and "train" -> what they take now; what is left out stays as it is.
        where: the file, for messages.

    Raises:
        Fault: it never was a recipe of format 1.
    """
    result, moves, replaced = deepcopy(dict(table)), list[Move](), list[Word]()
    for move in MOVES:
        old, new = move.old.split("."), move.new.split(".")
        if _counts(move, sections) and _holds(result, old):
            _put(result, new, _take(result, old), where)
            moves.append(move)
    for key in WORD_MOVES:
        *path, name = key.split(".")
        place = _table_at(result, path)
        word = None if place is None else _new_word(key, place.get(name), sections)
        if place is not None and word is not None:
            replaced.append(Word(key, place[name], word))
            place[name] = word
    for key, source in _sources(result):
        for old_name, name in _source_moves(source).items():
            if old_name in source:
                source[name] = source.pop(old_name)
                moves.append(Move(f"{key}.{old_name}", f"{key}.{name}"))
    layers: list[str] = []
    model = result.get("model")
    if isinstance(model, dict) and has_key(sections["model"], ["convolution", "channels"]):
        layers = _layers(model, has_key(sections["model"], ["convolution", "stride"]), where)
    if "format" in result:
        result["format"] = FORMAT
    return Migrated(result, tuple(dict.fromkeys(moves)), tuple(replaced), tuple(layers))


def new_name(options: type[BaseModel], section: str, path: Sequence[str]) -> str | None:
    """What an unknown key of a section is called since format 2: for the end of a message; None: it never had
    that name.
    """
    key = ".".join([section, *path])
    for move in MOVES:
        if move.old == key and _counts(move, {section: options}):
            return f"it is called {move.new} in format 2"
    if section == "model" and len(path) == 1 and has_key(options, ["convolution", "channels"]):
        return f"it is {LAYERS[path[0]]} in format 2" if path[0] in LAYERS else None
    return None


def new_value(options: type[BaseModel], section: str, path: Sequence[str], value: Any) -> str | None:
    """The same for a value that a key does not take."""
    word = _new_word(".".join([section, *path]), value, {section: options})
    if word is not None:
        return f"it is called {word!r} in format 2"
    if section == "model" and path[:1] == ["convolution"] and isinstance(value, int):
        return f"in format 2 it is {LAYERS['convolution']}"
    return None


def source_faults(table: Mapping[str, Any], where: str) -> list[Fault]:
    """One for each option of a reader that has another name since format 2."""
    return [
        Fault(f"{where}: unknown key {key}.{old}: it is called {key}.{new} in format 2")
        for key, source in _sources(table)
        for old, new in _source_moves(source).items()
        if old in source
    ]


def _counts(move: Move, sections: Mapping[str, type[BaseModel]]) -> bool:
    (section, *old), (_, *new) = move.old.split("."), move.new.split(".")
    options = sections.get(section)
    return options is not None and has_key(options, new) and not has_key(options, old)


def _new_word(key: str, value: Any, sections: Mapping[str, type[BaseModel]]) -> str | None:
    words = WORD_MOVES.get(key, {})
    section, *path = key.split(".")
    if not isinstance(value, str) or value not in words or section not in sections:
        return None
    choices = words_at(sections[section], path)
    return words[value] if words[value] in choices and value not in choices else None


def _sources(table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each source that is a table, and its key."""
    data = table.get("data")
    for part in _PARTS if isinstance(data, Mapping) else ():
        sources = data.get(part)  # type: ignore[union-attr]
        for each in sources if isinstance(sources, list) else [sources]:
            if isinstance(each, dict):
                yield f"data.{part}", each


def _source_moves(source: Mapping[str, Any]) -> Mapping[str, str]:
    form, path = source.get("format"), source.get("path")
    first = path[0] if isinstance(path, list) and path else path
    if form is None and isinstance(first, str):
        try:
            form = guess_format(first)
        except Fault:  # told as it is read
            form = None
    return SOURCE_MOVES.get(form, {}) if isinstance(form, str) else {}


def _layers(model: dict[str, Any], pictures: bool, where: str) -> list[str]:
    """Turns the numbers of a convolution into one table a layer; what was changed."""
    keys: list[str] = [name for name in ("convolution", "strides" if pictures else "width") if name in model]
    if not keys:
        return []
    layers: list[dict[str, Any]]
    if pictures:
        channels, strides = model.pop("convolution", [24, 48, 64]), model.pop("strides", [2, 2, 1])
        if not isinstance(channels, list) or not isinstance(strides, list) or len(channels) != len(strides):
            raise Fault(
                f"{where}: model.convolution = {quoted(channels)} and model.strides = {quoted(strides)} "
                f"found, expected two lists of one length, as in format 1"
            )
        layers = [{"channels": c, "stride": s} for c, s in zip(channels, strides, strict=True)]
    else:
        size, width = model.pop("convolution", 0), model.pop("width", 5)
        layers = [{"channels": size, "width": width}] if size else []
    model["convolution"] = layers
    return keys


def _table_at(table: Any, path: Sequence[str]) -> dict[str, Any] | None:
    for name in path:
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else None


def _holds(table: Mapping[str, Any], path: Sequence[str]) -> bool:
    place = _table_at(table, path[:-1])
    return place is not None and path[-1] in place


def _take(table: Mapping[str, Any], path: Sequence[str]) -> Any:
    place = _table_at(table, path[:-1])
    assert place is not None
    return place.pop(path[-1])


def _put(table: dict[str, Any], path: Sequence[str], value: Any, where: str) -> None:
    place = table
    for name in path[:-1]:
        inner = place.setdefault(name, {})
        if not isinstance(inner, dict):
            raise Fault(f"{where}: {'.'.join(path[:-1])} = {quoted(inner)} found, expected a table")
        place = inner
    place[path[-1]] = value
