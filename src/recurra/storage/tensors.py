"""Tensors of torch in safetensors files, with a description of ours in the header."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from recurra.errors import Fault, quoted
from recurra.storage.fields import Fields
from recurra.storage.files import open_regular, replacing
from recurra.storage.json_text import check_depth, parse_json

_MOST_HEADER = 2**26  # the library's own limit is 100 MB


def write_tensors(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """A safetensors file, with JSON-ready data in its header; `format` tells other programs whose tensors
    they are. The same tensors and data make the same bytes.
    """
    check_depth(description, str(path))
    content = to_bytes(dict(tensors))
    end = 8 + int.from_bytes(content[:8], "little")
    # the library writes metadata of several keys in an order that it draws
    metadata = {"format": "pt", "recurra": json.dumps(description)}
    header = json.dumps(
        {"__metadata__": metadata, **json.loads(content[8:end])}, separators=(",", ":")
    ).encode()
    header += b" " * (-len(header) % 8)
    with replacing(path, 8 + len(header) + len(content) - end) as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        file.write(memoryview(content)[end:])


class Header(NamedTuple):
    """What a safetensors file says of itself.

    Attributes:
        shapes: of each tensor, by name.
        description: what `write_tensors` was given.
        sha256: of the header as it stands.
    """

    shapes: dict[str, list[int]]
    description: dict[str, Any]
    sha256: str


def read_header(path: Path) -> Header:
    """The header alone: nothing is allocated for tensors. Fault as `read_tensors`."""
    entries, sha256 = read_entries(path)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not isinstance(metadata.get("recurra"), str):
        raise Fault(f"{path}: was not written by Recurra: expected its description in the header")
    description = parse_json(metadata["recurra"], f"{path}: description in the header")
    shapes = {
        name: Fields(entry, f"{path}: {quoted(name)}").wholes("shape") for name, entry in entries.items()
    }
    return Header(shapes, description, sha256)


def read_entries(path: Path) -> tuple[dict[str, Any], str]:
    """What the header of a safetensors file says of each tensor, `__metadata__` besides; and its sha256.

    Raises:
        Fault: absent, no regular file, not of the length that its header tells, cut short or altered.
    """
    with open_regular(path) as file:
        whole = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MOST_HEADER, whole - 8):
            raise Fault(
                f"{path}: not a complete safetensors file (a header of {length:,} bytes in a file of "
                f"{whole:,}): it is damaged or from another version"
            )
        content = file.read(length)
    entries = parse_json(content, f"{path}: header")
    tensors = (entry for name, entry in entries.items() if name != "__metadata__")
    ends = [Fields(entry, f"{path}: header").wholes("data_offsets")[-1:] for entry in tensors]
    described = 8 + length + max((end for pair in ends for end in pair), default=0)
    if described != whole:
        raise Fault(
            f"{path}: not a complete safetensors file ({whole:,} bytes, its header tells of {described:,}): "
            f"it is damaged or from another version"
        )
    return entries, hashlib.sha256(content).hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `write_tensors`; Fault when absent, cut short or not ours."""
    header = read_header(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # the library's own, torch's and the system's
        raise Fault(
            f"{path}: not a complete safetensors file ({error}): it is damaged or from another version"
        ) from None
    return tensors, header.description


def digest(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and values, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
