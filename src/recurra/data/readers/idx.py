"""IDX files, the form of MNIST (LeCun, Cortes and Burges): images whose rows are steps."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_bytes
from recurra.storage.kinds import kind_of

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    divisor: float = 1.0,
    pixels: bool = False,
    permutation: int | None = None,
) -> Examples:
    """Column `vectors`: one array `[rows, columns]` an image; column `label` where there is a file of labels.

    An array of more than three dimensions has its last ones joined; one of two is a sequence of single
    numbers each.

    Args:
        path: the images, gzipped or not.
        labels: the labels, as a path; without it the file beside the images whose name has `labels-idx1` for
            their `images-idx3`, if there is one.
        divisor: numbers are divided by it (255 makes shares of grey).
        pixels: a step is one number, row after row: `[rows * columns, 1]`.
        permutation: pixels come in an order drawn by this seed, the same for all images (Le et al., 2015).
    """
    if not divisor > 0:
        raise Fault(f"{path}: divisor = {divisor}, expected more than 0")
    if permutation is not None and not pixels:
        raise Fault(f"{path}: permutation = {permutation} reorders pixels: it needs pixels = true")
    images = _array(path)
    if images.ndim < 2:
        raise Fault(f"{path}: an array of shape {list(images.shape)} found, expected images (3 dimensions)")
    count, steps = images.shape[:2]
    if not count:
        raise Fault(f"{path}: an array of 0 images: expected at least one")
    if pixels:
        images = images.reshape(count, -1, 1)
        steps = images.shape[1]
    if permutation is not None:
        # NumPy never changes what this older generator draws
        images = images[:, np.random.RandomState(permutation).permutation(steps)]
    rows = images.reshape(count, steps, -1).astype(np.float32) / np.float32(divisor)
    columns: dict[str, list[object]] = {"vectors": list(rows)}
    labels = _beside(Path(path)) if labels is None else labels
    if labels is not None:
        classes = _array(labels)
        if classes.shape != (count,) or classes.dtype.kind not in "iu":
            raise Fault(
                f"{labels}: shape {list(classes.shape)} found, expected [{count}] whole numbers, one an image"
            )
        columns["label"] = [int(label) for label in classes]
    return Examples(columns, [Place(str(path), n + 1, "image") for n in range(count)], str(path))


def _beside(images: Path) -> Path | None:
    path = images.with_name(images.name.replace("images-idx3", "labels-idx1"))
    return path if path != images and path.is_file() else None


def _array(path: str | Path) -> NDArray[np.generic]:
    data = read_bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or not data[3]:
        other = kind_of(data, text=False)
        what = "not an IDX file" if other is None else f"{other.name} found, not an IDX file"
        raise Fault(f"{path}: {what}: expected it to begin with two zeros, a type and a rank")
    kind, rank = np.dtype(_TYPES[data[2]]), data[3]
    start = 4 + 4 * rank
    shape = [int(n) for n in np.frombuffer(data[4:start], ">u4")] if len(data) >= start else []
    size = start + prod(shape) * kind.itemsize
    if not shape or len(data) != size:
        raise Fault(
            f"{path}: {len(data):,} bytes found, expected {size:,} for an array of shape {shape}: "
            f"it is damaged"
        )
    return np.frombuffer(data, kind, offset=start).reshape(shape)
