"""What makes two recipes the same run: every setting, but where the data lies and how long it goes on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from recurra.data.memory import MEMORY, memory_digest
from recurra.data.readers.parallel import names_two_files
from recurra.errors import Fault
from recurra.storage.archive import archive_of
from recurra.storage.seals import file_digest, seal_files, value_digest

RESUMABLE = {
    "epochs",
    "steps",
    "patience",
    "checkpoint_every",
    "checkpoint_minutes",
    "log_every",
    "watch",
    "watch_every",
    "on_non_finite",
    "reporters",
    "tensorboard",
}
"""What may differ in [train] when a run is resumed; anything else would make it another run."""

SOURCES = ("data.train", "data.validation", "data.test", "model.embeddings")
"""Where recipes say what to read."""

_BRACES = re.compile(r"\{([^{},]*),([^{},]*)\}")
_BUILTIN = "builtin:"


def recipe_digest(table: Mapping[str, Any]) -> str:
    """The digest of all that a recipe says of a run, where its data lies left out."""
    settings = without_paths(table)
    train = settings.get("train")
    if isinstance(train, Mapping):
        settings["train"] = {key: value for key, value in train.items() if key not in RESUMABLE}
    return value_digest(settings)


def without_paths(table: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with the ending alone of each file that it reads, which tells the format."""
    return _with_paths(table, lambda path: Path(path.removesuffix(".gz")).suffix)


def without_folders(table: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with the name alone of each file that it reads: its digest is the same, and where somebody
    keeps their data is nobody else's business.
    """
    return _with_paths(table, lambda path: Path(path).name)


def _with_paths(table: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    result = {key: dict(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    result.pop("imports", None)  # where the person's own code lies
    for source in SOURCES:
        section, key = source.split(".")
        if isinstance(result.get(section), dict) and key in result[section]:
            result[section][key] = _changed(result[section][key], change)
    train = result.get("train")
    if isinstance(train, Mapping) and isinstance(train.get("start_from"), str):
        result["train"] = {**train, "start_from": change(train["start_from"])}
    search = result["model"].get("search") if isinstance(result.get("model"), dict) else None
    # runs of format 1 have digests that tell where their language model lies
    if isinstance(search, Mapping) and "language_model" in search and table.get("format") != 1:
        result["model"]["search"] = {**search, "language_model": _changed(search["language_model"], change)}
    return result


def paths_of(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """`section.key` -> the files and folders that are read there, in order; none for data without files."""
    paths = {}
    for source in SOURCES:
        section, key = source.split(".")
        values = table.get(section)
        names = list(_names(values.get(key))) if isinstance(values, Mapping) else []
        if names:
            paths[source] = names
    return paths


def data_digests(table: Mapping[str, Any]) -> dict[str, str]:
    """`section.key` -> a digest of the content read there; none where something in it is no file to be read
    twice (a pipe) or is not there."""
    digests = {}
    for source, names in paths_of(table).items():
        try:
            digests[source] = value_digest([_content(name) for name in names])
        except (Fault, OSError):
            continue  # reading it tells what is wrong
    return digests


def _content(name: str) -> str:
    if name.startswith(MEMORY):
        return memory_digest(name.removeprefix(MEMORY))
    path = Path(name).expanduser()
    archive = archive_of(path)
    if archive is not None:
        return value_digest([file_digest(archive[0]), archive[1]])
    if path.is_dir():
        return value_digest(seal_files(path))
    if names_two_files(path) and not path.exists():
        return value_digest([file_digest(Path(_BRACES.sub(rf"\{side}", str(path)))) for side in (1, 2)])
    return hashlib.sha256(file_digest(path).encode()).hexdigest()


def _names(source: Any) -> Iterator[str]:
    if isinstance(source, str) and not source.startswith(_BUILTIN):
        yield source
    elif isinstance(source, Mapping):
        yield from _names(source.get("path"))
    elif isinstance(source, list):
        for each in source:
            yield from _names(each)


def _changed(source: Any, change: Callable[[str], str]) -> Any:
    """A source with another text for each of its paths."""
    if isinstance(source, str) and not source.startswith(_BUILTIN):
        return change(source)
    if isinstance(source, Mapping):
        return {key: _changed(value, change) if key == "path" else value for key, value in source.items()}
    return [_changed(each, change) for each in source] if isinstance(source, list) else source
