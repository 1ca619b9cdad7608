"""A model in two files: `model.json` says how it is built, `model.safetensors` holds its weights.

`model.json`: {"format", "recurra" (the version that wrote it), "model" (names of registered classes and
their arguments)}. The header of the weights holds digests of the weights, of that description and, in a run,
of every other file that answers depend on (`recurra.storage.seals`): while a model is trained only the
weights change, in one replacement, so a process killed at any moment leaves files that fit. Loading builds
registered classes and copies numbers; nothing in a file is executed, and nothing is allocated that the
weights don't fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from recurra.errors import Fault
from recurra.registry import from_config, to_config
from recurra.storage.files import check_format, read_json, write_json
from recurra.storage.seals import Seal, value_digest
from recurra.storage.tensors import Header, digest, read_header, read_tensors, write_tensors
from recurra.version import __version__

CONFIG, WEIGHTS = "model.json", "model.safetensors"
FORMAT = 1
MIGRATIONS: dict[int, Callable[[dict[str, Any], dict[str, Tensor]], dict[str, Any]]] = {}
"""Format number -> what turns content of that format into the next: takes model.json and the weights, edits
the weights in place and returns the new model.json. A new format comes with the entry of the one before it,
so every file ever written stays readable; format 1 is the first."""


_MOST_DESCRIBED = 2**24  # bytes of model.json
_SPARE_PARTS, _PARTS_A_WEIGHT = 200, 20  # modules within a model
_SPARE_CALLS, _CALLS_A_WEIGHT = 20_000, 200  # of torch's functions, while a model is built


def save_model(module: nn.Module, folder: str | Path, seal: Seal | None = None) -> None:
    """Writes a registered module into `folder`; each file is replaced whole or not at all.

    A weight used in two places (tied) is written once, under its first name.

    Args:
        seal: what belongs to the weights beside their description, in a run.

    Raises:
        Fault: the module, or one within it, has no registered name, or the disk is full.
    """
    folder = Path(folder)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in _distinct(module).items()}
    description = {"format": FORMAT, "recurra": __version__, "model": to_config(module)}
    _check_parts(description, len(weights), type(module).__name__)
    header = {"weights": digest(weights), "model": _text_digest(description["model"])}
    write_tensors(folder / WEIGHTS, weights, _sealed(header, seal))
    write_json(folder / CONFIG, description)


def load_model(folder: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """The model that `save_model` wrote, in evaluation mode.

    Raises:
        Fault: a file is missing, cut short, altered, of another model or of a newer format; a weight is
            missing, left over or of another shape; a file of the run is not the one that was sealed with it.
    """
    folder = Path(folder)
    description = read_json(folder / CONFIG, _MOST_DESCRIBED)
    number = check_format(description, FORMAT, str(folder / CONFIG))
    header = read_header(folder / WEIGHTS)
    if header.description.get("model") != _text_digest(description.get("model")):
        raise Fault(f"{folder / WEIGHTS}: belongs to another {CONFIG} than the one beside it")
    seal = _seal_of(header, str(folder / WEIGHTS))
    if seal is not None:
        seal.check_files(folder)
    if number == FORMAT:
        _check_shapes(description, header, folder)
    weights, _ = read_tensors(folder / WEIGHTS)
    if header.description.get("weights") != digest(weights):
        raise Fault(
            f"{folder / WEIGHTS}: its content does not match its digest: "
            "it is damaged or from another version"
        )
    while number < FORMAT:
        description = MIGRATIONS[number](description, weights)
        number += 1
    with torch.random.fork_rng(devices=[]):  # building draws fresh weights: the caller's seeds stay
        module = _build(description, str(folder / CONFIG))
    fill(module, weights, str(folder / WEIGHTS))
    return module.to(device).eval()


def read_seal(folder: str | Path) -> Seal | None:
    """What was sealed with the weights of a run; None where they are of a version that did not yet."""
    path = Path(folder) / WEIGHTS
    return _seal_of(read_header(path), str(path))


def seal_model(folder: Path, seal: Seal) -> None:
    """Gives the weights of a folder, where there are any, a seal that fits files written anew beside them."""
    path = folder / WEIGHTS
    with suppress(Fault):  # no weights yet, or damaged ones: whoever loads them is told
        if read_seal(folder) != seal:
            weights, header = read_tensors(path)
            if header.get("weights") == digest(weights):
                plain = {"weights": header["weights"], "model": header.get("model")}
                write_tensors(path, weights, _sealed(plain, seal))


def fill(module: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Copies weights into a module in their own type; every one must be consumed and none be missing."""
    targets = _distinct(module)
    _check_fit(targets, {name: weight.shape for name, weight in weights.items()}, where)
    for name, target in targets.items():
        target.data = weights[name].to(target.device).clone()


def _check_fit(targets: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], where: str) -> None:
    missing, extra = [n for n in targets if n not in shapes], [n for n in shapes if n not in targets]
    if missing or extra:
        raise Fault(
            f"{where}: the weights do not fit the model: missing {_few(missing)}, not expected {_few(extra)}"
        )
    for name, target in targets.items():
        if list(target.shape) != list(shapes[name]):
            raise Fault(
                f"{where}: weight {name} has shape {list(shapes[name])}, expected {list(target.shape)}"
            )


def _check_shapes(description: Mapping[str, Any], header: Header, folder: Path) -> None:
    """Fault unless the model, built without memory for its weights, is one that the weights fill."""
    where = str(folder / CONFIG)
    _check_parts(description, len(header.shapes), where)
    calls = _SPARE_CALLS + _CALLS_A_WEIGHT * len(header.shapes)
    with torch.random.fork_rng(devices=[]), torch.device("meta"), _Calls(calls, where):
        try:
            module = _build(description, where)
        except Fault as fault:
            if _needs_numbers(fault):
                return  # a constructor that looks at its weights' numbers is built only with them
            raise
    _check_fit(_distinct(module), header.shapes, str(folder / WEIGHTS))


def _check_parts(description: Mapping[str, Any], weights: int, where: str) -> None:
    parts, most = sum(1 for _ in _types(description.get("model"))), _SPARE_PARTS + _PARTS_A_WEIGHT * weights
    if parts > most:
        raise Fault(f"{where}: {parts:,} modules found, expected {most:,} at most around {weights:,} weights")


class _Calls(TorchFunctionMode):
    """Counts what a constructor asks of torch: one that asks for weights without end is stopped."""

    def __init__(self, most: int, where: str) -> None:
        super().__init__()
        self._rest, self._where = most, where

    def __torch_function__(self, function: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._rest -= 1
        if self._rest < 0:
            raise Fault(
                f"{self._where}: describes far more weights than {WEIGHTS} holds: "
                "it is damaged or from another version"
            )
        return function(*args, **(kwargs or {}))


def _needs_numbers(fault: BaseException | None) -> bool:
    while fault is not None:
        if (
            isinstance(fault, RuntimeError) and "meta" in str(fault).lower()
        ):  # NotImplementedError is one, too
            return True
        fault = fault.__cause__
    return False


def _build(description: Mapping[str, Any], where: str) -> nn.Module:
    try:
        module = from_config(description.get("model"))
    except Fault as fault:
        raise Fault(f"{where}: {fault}") from fault
    if not isinstance(module, nn.Module):
        raise Fault(f"{where}: 'model' describes no module: it is damaged or from another version")
    return module


def _types(config: Any) -> Iterable[Any]:
    """Every table of a configuration that names a class."""
    rest = [config]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            if "type" in value:
                yield value
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)


def _sealed(header: dict[str, Any], seal: Seal | None) -> dict[str, Any]:
    if seal is None:
        return header
    header = {**header, **seal.to_dict()}
    return {**header, "header": value_digest(header)}


def _seal_of(header: Header, where: str) -> Seal | None:
    seal = Seal.from_dict(header.description, where)
    rest = {name: value for name, value in header.description.items() if name != "header"}
    if (seal is not None or len(rest) < len(header.description)) and (
        seal is None or header.description.get("header") != value_digest(rest)
    ):
        raise Fault(f"{where}: its header does not match its digest: it is damaged or from another version")
    return seal


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
    return value_digest(value)


def _few(names: list[str]) -> str:
    text = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return text or "nothing"
