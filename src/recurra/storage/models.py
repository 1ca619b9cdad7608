"""A model in two files: `model.json` says how it is built, `model.safetensors` holds its weights.

`model.json`: {"format", "recurra" (the version that wrote it), "model" (names of registered classes and
their arguments)}. The header of the weights holds digests of the weights and of that description: while a
model is trained only the weights change, in one replacement, so a process killed at any moment leaves a pair
that fits. Loading builds registered classes and copies numbers; nothing in a file is executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.registry import from_config, to_config
from recurra.storage.files import check_format, read_json, write_json
from recurra.storage.tensors import digest, read_tensors, write_tensors
from recurra.version import __version__

CONFIG, WEIGHTS = "model.json", "model.safetensors"
FORMAT = 1
MIGRATIONS: dict[int, Callable[[dict[str, Any], dict[str, Tensor]], dict[str, Any]]] = {}
"""Format number -> what turns content of that format into the next: takes model.json and the weights, edits
the weights in place and returns the new model.json. A new format comes with the entry of the one before it,
so every file ever written stays readable; format 1 is the first."""


def save_model(module: nn.Module, folder: str | Path) -> None:
    """Writes a registered module into `folder`; each file is replaced whole or not at all.

    A weight used in two places (tied) is written once, under its first name.

    Raises:
        Fault: the module, or one within it, has no registered name, or the disk is full.
    """
    folder = Path(folder)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in _distinct(module).items()}
    description = {"format": FORMAT, "recurra": __version__, "model": to_config(module)}
    seal = {"weights": digest(weights), "model": _text_digest(description["model"])}
    write_tensors(folder / WEIGHTS, weights, seal)
    write_json(folder / CONFIG, description)


def load_model(folder: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """The model that `save_model` wrote, in evaluation mode.

    Raises:
        Fault: a file is missing, cut short, altered, of another model or of a newer format; a weight is
            missing, left over or of another shape.
    """
    folder = Path(folder)
    description = read_json(folder / CONFIG)
    number = check_format(description, FORMAT, str(folder / CONFIG))
    weights, seal = read_tensors(folder / WEIGHTS)
    if seal.get("weights") != digest(weights):
        raise Fault(f"{folder / WEIGHTS}: its content does not match its digest: it was altered")
    if seal.get("model") != _text_digest(description.get("model")):
        raise Fault(f"{folder / WEIGHTS}: belongs to another {CONFIG} than the one beside it")
    while number < FORMAT:
        description = MIGRATIONS[number](description, weights)
        number += 1
    with torch.random.fork_rng(devices=[]):  # building draws fresh weights: the caller's seeds stay
        try:
            module = from_config(description["model"])
        except (TypeError, KeyError, ValueError) as error:
            raise Fault(f"{folder / CONFIG}: {error}") from error
    if not isinstance(module, nn.Module):
        raise Fault(f"{folder / CONFIG}: 'model' describes no module: it was altered")
    fill(module, weights, str(folder / WEIGHTS))
    return module.to(device).eval()


def fill(module: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Copies weights into a module in their own type; every one must be consumed and none be missing."""
    targets = _distinct(module)
    missing, extra = [n for n in targets if n not in weights], [n for n in weights if n not in targets]
    if missing or extra:
        raise Fault(
            f"{where}: the weights do not fit the model: missing {_few(missing)}, not expected {_few(extra)}"
        )
    for name, target in targets.items():
        if target.shape != weights[name].shape:
            raise Fault(
                f"{where}: weight {name} has shape {list(weights[name].shape)}, expected {list(target.shape)}"
            )
    for name, target in targets.items():
        target.data = weights[name].to(target.device).clone()


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """Every weight and buffer once, under its first name: what `fill` takes back."""
    return _distinct(module)


def _distinct(module: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers, each once: a tied weight under its first name alone."""
    tensors: dict[str, Tensor] = {}
    ids: set[int] = set()
    for name, tensor in module.state_dict(keep_vars=True).items():
        if not isinstance(tensor, Tensor):
            raise Fault(
                f"{type(module).__name__}: {name} is {type(tensor).__name__}, a file holds tensors alone"
            )
        if id(tensor) not in ids:
            ids.add(id(tensor))
            tensors[name] = tensor
    return tensors


def _text_digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _few(names: list[str]) -> str:
    text = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return text or "nothing"
