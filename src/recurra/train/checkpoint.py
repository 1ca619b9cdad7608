"""The last checkpoint: everything that the next step depends on, in safetensors and JSON.

`last/state.json` names the safetensors files that belong together: one that all processes share (weights,
optimiser, schedule) and one for each process (random states, carried state). A new checkpoint is written
under new names beside the old one, and replacing `state.json` is the one moment in which it begins to count;
so a process killed at any time leaves a whole checkpoint.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json
from recurra.storage.seals import value_digest
from recurra.storage.tensors import digest, read_header, read_tensors, write_tensors
from recurra.train.nests import pack, unpack

FORMAT = 1
STATE = "state.json"


class Checkpoint(NamedTuple):
    """A checkpoint read back.

    Attributes:
        plain: the values of `state.json`.
        common: what all processes share. own: what is this one's alone.
    """

    plain: dict[str, Any]
    common: Any
    own: Any


def save_part(folder: Path, serial: int, part: str, nest: Mapping[str, Any]) -> None:
    """Writes one part, "common" or the rank of a process: a nest of tensors and plain values."""
    tensors: dict[str, Tensor] = {}
    packed = pack(dict(nest), tensors, part)
    write_tensors(folder / _file(serial, part), tensors, {"tree": packed, "sha256": digest(tensors)})


def commit(folder: Path, serial: int, world: int, plain: Mapping[str, Any]) -> None:
    """Makes the parts that all processes have written under `serial` the checkpoint; removes older ones."""
    files = [_file(serial, part) for part in ("common", *map(str, range(world)))]
    headers = [read_header(folder / name).sha256 for name in files]  # which hold the digests of the tensors
    state = {"format": FORMAT, "serial": serial, "files": files, "headers": headers, **plain}
    write_json(folder / STATE, {**state, "digest": value_digest(state)})
    for old in folder.glob("*.safetensors"):
        if old.name not in files:
            old.unlink()


def exists(folder: Path) -> bool:
    """Whether there is a checkpoint to go on from."""
    return (folder / STATE).is_file()


def read(folder: Path, rank: int, world: int) -> Checkpoint:
    """The checkpoint, as far as process `rank` of `world` needs it.

    Raises:
        Fault: missing, altered, cut short, of a newer format, or made by another number of processes.
    """
    plain = _read_state(folder)
    fields = Fields(plain, str(folder / STATE))
    files = fields.texts("files")
    if len(files) != world + 1:
        raise Fault(
            f"{folder}: the checkpoint is of {len(files) - 1} processes, found {world}: resume with as many"
        )
    headers = fields.texts("headers") if "headers" in plain else [""] * len(files)
    if len(headers) != len(files):
        raise Fault(
            f"{folder / STATE}: {len(headers)} headers found, expected {len(files)}: "
            "it is damaged or from another version"
        )
    parts = (_read_part(folder / Path(files[part]).name, headers[part]) for part in (0, rank + 1))
    return Checkpoint(plain, *parts)


def read_data(folder: Path) -> dict[str, str]:
    """The digests of the data that the run has read, by their place in the recipe; none in an old one."""
    plain = _read_state(folder)
    data = Fields(plain, str(folder / STATE)).table("data") if "data" in plain else {}
    return {name: str(sha256) for name, sha256 in data.items()}


def rename_recipe(folder: Path, recipe: str) -> None:
    """The checkpoint as one of the same recipe in another format, whose digest this is."""
    plain = _read_state(folder)
    if "recipe" in plain:
        state = {**plain, "recipe": recipe}
        state.pop("digest", None)
        write_json(folder / STATE, {**state, "digest": value_digest(state)})


def _read_state(folder: Path) -> dict[str, Any]:
    plain = read_json(folder / STATE)
    check_format(plain, FORMAT, str(folder / STATE))
    rest = {name: value for name, value in plain.items() if name != "digest"}
    # version 0.1 wrote none of the three
    if {"digest", "headers", "data"} & plain.keys() and plain.get("digest") != value_digest(rest):
        raise Fault(
            f"{folder / STATE}: its content does not match its digest: it is damaged or from another version"
        )
    return plain


def _read_part(path: Path, sha256: str) -> Any:
    if sha256 not in ("", read_header(path).sha256):
        raise Fault(
            f"{path}: is not the file that {STATE} was written for: it is damaged or from another version"
        )
    tensors, description = read_tensors(path)
    if description.get("sha256") != digest(tensors):
        raise Fault(f"{path}: its content does not match its digest: it is damaged or from another version")
    try:
        return unpack(description["tree"], tensors)
    except Exception:  # whatever comes of a tree that `pack` did not make
        raise Fault(
            f"{path}: its description does not fit its content: it is damaged or from another version"
        ) from None


def seed_all(seed: int, rank: int) -> None:
    """Seeds every generator that a step may draw from, differently for each process."""
    mixed = (seed + 1_000_003 * rank) % 2**32
    torch.manual_seed(mixed)
    np.random.seed(mixed)
    random.seed(mixed)


def random_state(device: torch.device) -> dict[str, Any]:
    """The state of every generator that a step may draw from: torch's, NumPy's and Python's."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, gauss],
        "python": json.dumps(random.getstate()),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """The inverse of `random_state`."""
    torch.set_rng_state(state["torch"])
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, numbers, gauss_next = json.loads(state["python"])
    random.setstate((version, tuple(numbers), gauss_next))
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)


def _file(serial: int, part: str) -> str:
    return f"{serial:06d}-{part}.safetensors"
