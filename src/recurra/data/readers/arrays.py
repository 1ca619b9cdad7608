"""NumPy arrays: sequences of vectors, and targets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurra.data.examples import Examples, Place
from recurra.errors import Fault, nearest
from recurra.storage.files import read_bytes
from recurra.storage.kinds import kind_of

Array = NDArray[np.generic]


def read_numpy(
    path: str | Path,
    *,
    sequences: str | None = None,
    lengths: str | None = None,
    targets: str | None = None,
    texts: str | None = None,
) -> Examples:
    """Column `vectors`: one array `[T, F]` for each sequence; column `target` where targets are named, `text`
    where texts are.

    A `.npy` file, or the array `sequences` of a `.npz` file, holds all sequences: `[N, T, F]` of one length,
    or, when there are lengths `[N]`, one after another as `[sum of T, F]`. `[T, F]` without lengths is one
    sequence; the last dimension may be missing, which means F = 1 (`[T]`, or `[sum of T]` with lengths).
    There may be more dimensions than F: pictures are `[N, height, width, channels]`, films one more.

    Args:
        path: the file.
        sequences: name of an array in a `.npz` file; the only array, or the one called so, without it.
        lengths: name of the lengths; `<sequences>_lengths` without it, where there is such an array.
        targets: name of an array whose first dimension is N.
        texts: name of an array of text, `[N]`, or `[N, K]` for K of each (empty ones are left out).
    """
    data = read_bytes(path)
    if not data:
        raise Fault(f"{path}: empty file: expected at least one example")
    arrays = _load(path, data)
    if "" in arrays and (sequences or lengths or targets or texts):
        raise Fault(
            f"{path}: a .npy file holds one array without name: leave out sequences, lengths, targets and "
            f"texts"
        )
    main = sequences or ("sequences" if "sequences" in arrays else next(iter(arrays)))
    if sequences is None and main != "sequences" and len(arrays) > 1 and f"{main}_lengths" not in arrays:
        raise Fault(
            f"{path}: arrays {', '.join(arrays)}: say which one holds the sequences (sequences = ...)"
        )
    rows = _cut(path, _array(path, arrays, main), _lengths(path, arrays, main, lengths))
    columns: dict[str, list[object]] = {"vectors": list(rows)}
    if targets is not None:
        target = _array(path, arrays, targets)
        if target.ndim == 0 or len(target) != len(rows):
            raise Fault(f"{path}: {targets!r} has shape {list(target.shape)}, expected [{len(rows)}, ...]")
        columns["target"] = list(target)
    if texts is not None:
        columns["text"] = _texts(path, _named(path, arrays, texts), texts, len(rows))
    unit = f"{main} sequence" if main else "sequence"
    return Examples(columns, [Place(str(path), n + 1, unit) for n in range(len(rows))], str(path))


def _load(path: str | Path, data: bytes) -> dict[str, Array]:
    kind = kind_of(data, text=False)
    if (
        kind is not None and "NumPy" not in kind.name and kind.name != "a zip archive"
    ):  # which one may be broken
        advice = f": {kind.advice}" if kind.advice else ""
        raise Fault(f"{path}: {kind.name} found, expected a NumPy file (.npy or .npz){advice}")
    try:
        content = np.load(io.BytesIO(data), allow_pickle=False)
        return {"": content} if isinstance(content, np.ndarray) else dict(content.items())
    except Exception as error:  # an altered archive can fail in any part of zipfile, zlib or NumPy
        reason = str(error).partition("  ")[0][:200]
        if "pickle" in reason:  # whose advice is to allow what runs code
            reason = "it holds Python objects, or is of another format; write plain arrays"
        raise Fault(f"{path}: not a complete NumPy file of plain numbers: {reason}") from None


def _named(path: str | Path, arrays: dict[str, Array], name: str) -> Array:
    if name not in arrays:
        raise Fault(f"{path}: no array is called {name!r}{nearest(name, arrays)}")
    return arrays[name]


def _texts(path: str | Path, array: Array, name: str, count: int) -> list[object]:
    if array.dtype.kind != "U" or array.ndim not in (1, 2) or len(array) != count:
        raise Fault(
            f"{path}: array {name!r} is of type {array.dtype} and shape {list(array.shape)}, expected text "
            f"[{count}] or [{count}, K]"
        )
    if array.ndim == 1:
        return [str(text) for text in array]
    return [[str(text) for text in row if text] for row in array]


def _array(path: str | Path, arrays: dict[str, Array], name: str) -> Array:
    array = _named(path, arrays, name)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iufb":
        raise Fault(f"{path}: array {name!r} is of type {getattr(array, 'dtype', 'bytes')}, expected numbers")
    return array


def _lengths(path: str | Path, arrays: dict[str, Array], main: str, name: str | None) -> list[int] | None:
    if name is None and f"{main}_lengths" not in arrays:
        return None
    lengths = _array(path, arrays, name or f"{main}_lengths")
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (len(lengths) and int(lengths.min()) < 0):
        raise Fault(
            f"{path}: lengths {name or main + '_lengths'!r}: expected whole numbers from 0 in one dimension"
        )
    return [int(n) for n in lengths]


def _cut(path: str | Path, array: Array, lengths: list[int] | None) -> list[Array]:
    if lengths is not None:
        array = array.reshape(-1, 1) if array.ndim == 1 else array
        if array.ndim < 2 or len(array) != sum(lengths):
            raise Fault(
                f"{path}: shape {list(array.shape)} found, expected [{sum(lengths)}, F] for these lengths"
            )
        rows = np.split(array, np.cumsum(lengths)[:-1]) if lengths else []
    elif array.ndim >= 3:
        rows = list(array)
    elif array.ndim in (1, 2):
        rows = [array.reshape(len(array), -1)]
    else:
        raise Fault(f"{path}: shape {list(array.shape)} found, expected [N, T, F], [T, F] or [T]")
    if not rows:
        raise Fault(f"{path}: an array of 0 sequences: expected at least one")
    return rows
