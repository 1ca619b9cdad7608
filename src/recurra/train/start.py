"""The weights of another run as the beginning of a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.data.text.widening import Key, widened, widening
from recurra.errors import Fault
from recurra.runs.folder import LAST, METRICS, RECIPE
from recurra.storage.files import read_json, read_small
from recurra.storage.models import CONFIG, WEIGHTS, load_model, read_seal, weights_of
from recurra.storage.text import decode_text
from recurra.tasks.base import Task
from recurra.train import checkpoint
from recurra.train.recipe import Recipe

_SHOWN = 4
_MOST_BYTES = 1 << 30


class Beginning(NamedTuple):
    """A task ready to be trained.

    Attributes:
        lines: what was taken from the other run, and what was not.
    """

    task: Task
    lines: list[str]


class _Set(NamedTuple):
    """A vocabulary, a label set or a subword tokenizer in a file.

    Attributes:
        kind, names, counts: see `recurra.data.text.widening`; of a tokenizer its text and file.
    """

    kind: str
    names: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def key(self) -> Key:
        return ("subword", self.names[0]) if self.kind == "subword" else self


def begin(recipe: Recipe, folder: Path | None = None) -> Beginning:
    """Prepares the task of a recipe, with the weights of `train.start_from` where it says so.

    The vocabularies and label sets that both runs have keep their numbers; for that the data are read twice.

    Args:
        folder: a run that goes on from its own checkpoint, where there is one: it has begun already, so that
            the other run is not needed any more.

    Raises:
        Fault: no run, or none of its weights fits.
    """
    if recipe.train.start_from is None:
        return Beginning(recipe.prepare(), [])
    source = Path(recipe.train.start_from).expanduser()
    again = folder is not None and checkpoint.exists(folder / LAST)
    if folder is not None and again:
        source = folder
    elif not (source / RECIPE).is_file() or not (source / CONFIG).is_file():
        raise Fault(
            f"train.start_from: {source}: not a run folder with a model: it has no {RECIPE}, {CONFIG}"
        )
    if getattr(recipe.model, "embeddings", None) is not None:
        raise Fault(
            "train.start_from and model.embeddings both say which vectors words begin with: leave one out"
        )
    model = None if again else load_model(source)
    task = recipe.prepare()
    with TemporaryDirectory() as place:
        task.save_assets(Path(place))
        fresh, sets = _sets(Path(place)), _sets(source)
    pairs = {name: (sets[name], fresh[name]) for name in fresh if name in sets and _alike(sets, fresh, name)}
    bases: dict[Key, Any] = {}
    for name, (old, new) in pairs.items():
        file = name.partition(":")[0]
        bases[new.key] = str(source / file) if old.kind == "subword" else old.names
    with widening(bases):
        wide = {name: widened(*new)[0] for name, (_, new) in pairs.items() if new.kind != "subword"}
    if any(old.names != new.names[: len(old.names)] for old, new in pairs.values()):
        checkpoint.seed_all(recipe.train.seed, 0)
        with widening(bases):
            task = recipe.prepare()
    if model is None:
        return Beginning(task, [])
    grown = {(len(old.names), len(wide[n])) for n, (old, _) in pairs.items() if n in wide}
    foreign = {
        len(each.names): name
        for group in (fresh, sets)
        for name, each in group.items()
        if name not in pairs and each.kind != "subword"
    }
    lines = [
        f"{name}: {len(old.names):,} kept, {len(wide[name]) - len(old.names):,} new"
        if name in wide
        else f"{name}: kept as it is"
        for name, (old, _) in pairs.items()
    ]
    return Beginning(task, [*_take(task.model, model, grown, foreign, source), *lines])


def _take(
    model: nn.Module,
    other_model: nn.Module,
    grown: set[tuple[int, int]],
    foreign: Mapping[int, str],
    source: Path,
) -> list[str]:
    """Copies what fits; says what did not.

    Args:
        grown: sizes of sets there and here. foreign: size of a set that one of the two lacks -> its name.
    """
    whole, part, unfit = list[str](), list[str](), list[str]()
    own, older = weights_of(model), weights_of(other_model)
    for name, weight in own.items():
        if name not in older:
            continue
        other = older[name]
        owner = next((foreign[size] for size in other.shape if size in foreign), None)
        places = _places(other, weight, grown)
        if owner is not None and places is not None:
            unfit.append(f"{name} (has as many rows or columns as {owner}, which only one of the runs has)")
        elif (kinds := _kinds(other_model, model, name)) is not None:
            unfit.append(f"{name} (of a {kinds[0]}, here of a {kinds[1]})")
        elif places is None:
            unfit.append(f"{name} {list(other.shape)}, here {list(weight.shape)}")
        else:
            with torch.no_grad():
                for there, here in places:
                    weight[here] = other[there].to(weight.device, weight.dtype)
            (whole if other.shape == weight.shape else part).append(name)
    if not whole and not part:
        raise Fault(
            f"train.start_from: {source}: none of its {len(older)} weights fits this model: {_few(unfit)}"
        )
    lines = [f"start from {source}: {len(whole) + len(part)} of {len(own)} weights"]
    fresh, rest = [name for name in own if name not in older], [name for name in older if name not in own]
    for what, names in (
        ("with new rows", part),
        ("do not fit, drawn anew", unfit),
        ("not there, drawn anew", fresh),
        ("not needed here", rest),
    ):
        if names:
            lines.append(f"{what}: {_few(names)}")
    return lines


def _kinds(other_model: nn.Module, model: nn.Module, name: str) -> tuple[str, str] | None:
    """The classes of the first modules on the way to a weight that differ, as two cells do; else None."""
    parts = name.split(".")[:-1]
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        there, here = (type(each.get_submodule(path)).__name__ for each in (other_model, model))
        if there != here:
            return there, here
    return None


def _places(other: Tensor, weight: Tensor, grown: set[tuple[int, int]]) -> list[tuple[Any, Any]] | None:
    """Where the numbers of one weight go in another; None where they have no place.

    What stands behind the entries of a set, as the blank of CTC does, stays behind them.
    """
    if other.dim() != weight.dim():
        return None
    blocks: list[list[tuple[slice, slice]]] = []
    for there, here in zip(other.shape, weight.shape, strict=True):
        if there == here or (there, here) in grown:
            blocks.append([(slice(0, there), slice(0, there))])
        elif (there - 1, here - 1) in grown:
            first = slice(0, there - 1)
            blocks.append([(first, first), (slice(there - 1, there), slice(here - 1, here))])
        else:
            return None
    places: list[tuple[tuple[slice, ...], tuple[slice, ...]]] = [((), ())]
    for block in blocks:
        places = [((*old, a), (*new, b)) for old, new in places for a, b in block]
    return places


def _sets(folder: Path) -> dict[str, _Set]:
    """ "FILE" or "FILE: KEY" -> each set in the files that a task keeps."""
    seal = read_seal(folder) if (folder / WEIGHTS).is_file() else None
    names = sorted(seal.files) if seal is not None else sorted(path.name for path in folder.glob("*.json"))
    sets: dict[str, _Set] = {}
    for name in names:
        if name.endswith(".json") and name not in (CONFIG, METRICS):
            content = read_json(folder / name)
            if "model" in content and "kind" not in content and "format" not in content:
                text = decode_text(read_small(folder / name, _MOST_BYTES), str(folder / name), "utf-8")
                sets[name] = _Set("subword", (text,), ())
            else:
                sets.update(
                    {": ".join(filter(None, (name, key))): each for key, each in _within(content, "")}
                )
    return sets


def _within(content: Any, key: str) -> Iterator[tuple[str, _Set]]:
    if isinstance(content, Mapping):
        for kind in ("tokens", "labels"):
            if isinstance(content.get(kind), list) and isinstance(content.get("counts"), list):
                yield key, _Set(kind, tuple(content[kind]), tuple(content["counts"]))
        for name, value in content.items():
            yield from _within(value, f"{key}.{name}".strip("."))


def _alike(sets: Mapping[str, _Set], fresh: Mapping[str, _Set], name: str) -> bool:
    return sets[name].kind == fresh[name].kind


def _few(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
