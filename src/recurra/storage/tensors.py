"""Tensors of torch in safetensors files, with a description of ours in the header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from recurra.errors import Fault
from recurra.storage.files import write_bytes


def write_tensors(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """A safetensors file, with JSON-ready data in its header."""
    write_bytes(path, to_bytes(dict(tensors), {"recurra": json.dumps(description)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `write_tensors`; Fault when absent, cut short or not ours."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {})["recurra"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise Fault(f"{path}: no such file") from None
    except KeyError:
        raise Fault(f"{path}: was not written by Recurra: expected its description in the header") from None
    except (safetensors.SafetensorError, ValueError, OSError) as error:
        raise Fault(
            f"{path}: not a complete safetensors file ({error}): it was cut short or altered"
        ) from None
    if not isinstance(description, dict):
        raise Fault(f"{path}: its header holds no description: it was altered")
    return tensors, description


def digest(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and values, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
