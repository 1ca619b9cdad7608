"""Large float32 matrices in safetensors files, written from memory as they are.

The library's own writer copies every tensor first, and two such matrices are nearly all the memory there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from recurra.errors import Fault
from recurra.storage.files import replacing
from recurra.storage.tensors import read_entries


def write_arrays(path: Path, tensors: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str]) -> None:
    """Writes float32 tensors to a safetensors file, without a copy in memory."""
    header: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for tensor in tensors.values():
            np.ascontiguousarray(tensor, "<f4").tofile(file)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file. Raises Fault where it is missing, cut short or altered."""
    try:
        read_entries(path)
        with safe_open(path, "numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise Fault(f"{path}: not a whole safetensors file: {error}") from None


def read_array(path: Path, name: str) -> NDArray[np.float32]:
    """One matrix. Raises Fault where the file or the matrix is missing, cut short, or of another kind."""
    try:
        read_entries(path)
        with safe_open(path, "numpy") as file:
            names = list(file.keys())
            if name not in names:
                raise Fault(f"{path}: holds {', '.join(names) or 'nothing'}, expected a tensor '{name}'")
            tensor: NDArray[np.float32] = file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise Fault(f"{path}: not a whole safetensors file: {error}") from None
    if tensor.dtype != np.float32 or tensor.ndim != 2:
        raise Fault(f"{path}: '{name}' is {tensor.dtype} {tensor.shape}, expected a float32 matrix")
    return tensor
