"""Pictures: from files, bytes or arrays to frames of one size."""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.data.columns import excerpt
from recurra.errors import Fault
from recurra.storage.files import read_bytes
from recurra.storage.text import parse_json

Pixels = NDArray[np.uint8]
Mode = Literal["RGB", "L"]
CHANNELS = {"L": 1, "RGB": 3}


class PictureForm(NamedTuple):
    """What is done to a picture as it is read.

    Attributes:
        size: (height, width) that it is brought to; None: as it is.
        mode: "RGB" or "L" (shades of grey) that it is turned into; None: as it is, which must be one of them.
    """

    size: tuple[int, int] | None = None
    mode: Mode | None = None


def frames_of(entry: Any, where: str, base: Path, form: PictureForm) -> Pixels:
    """`[T, H, W, C]`: one picture is one frame, a film has several.

    Args:
        entry: the name of a file (several frames in one file are a film); a list of names, or JSON text of
            one, a frame each; the bytes of a file; or an array `[H, W, C]` or `[T, H, W, C]` of bytes.
        where: the place of the entry, for messages.
        base: the folder that relative names start from.
        form: see there; an array is taken as it is.

    Raises:
        Fault: no file, no picture, or frames of different sizes; names the place and the file.
    """
    if isinstance(entry, np.ndarray):
        return _of_array(entry, where)
    if isinstance(entry, Mapping) and isinstance(entry.get("bytes"), bytes):  # a picture in a Parquet table
        entry = entry["bytes"]
    if isinstance(entry, bytes):
        return _decode(entry, where, form)
    names = _names(entry, where)
    parts = []
    for name in names:
        path = base / Path(name).expanduser()
        try:
            data = read_bytes(path)
        except Fault as fault:
            raise Fault(f"{where}: {fault}") from None
        parts.append(_decode(data, f"{where}: {path}", form))
        if parts[-1].shape[1:] != parts[0].shape[1:]:
            raise Fault(
                f"{where}: {path}: {shape_text(parts[-1].shape)} found, expected "
                f"{shape_text(parts[0].shape)} as in the frames before: frames of one film must agree"
            )
    return np.concatenate(parts)


def shape_text(shape: Sequence[int]) -> str:
    """As "48 x 64 pixels (height x width) in 3 channels"; `shape` ends with these three."""
    height, width, channels = shape[-3:]
    return f"{height} x {width} pixels (height x width) in {channels} channel{'s' * (channels > 1)}"


def _names(entry: Any, where: str) -> list[str]:
    if isinstance(entry, str) and entry.lstrip().startswith("["):
        entry = parse_json(entry, f"{where}: a list of names that is not JSON")
    names = [entry] if isinstance(entry, str) else entry
    listed = isinstance(names, Sequence) and len(names) > 0
    if not listed or not all(isinstance(name, str) and name.strip() for name in names):
        raise Fault(f"{where}: {excerpt(entry)} found, expected the name of a picture, or a list of names")
    return list(names)


def _of_array(array: NDArray[Any], where: str) -> Pixels:
    frames = array[None] if array.ndim == 3 else array
    if frames.ndim != 4 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise Fault(
            f"{where}: an array {list(array.shape)} of {array.dtype} found, expected a picture "
            f"[height, width, channels] or a film [frames, height, width, channels] of uint8"
        )
    return frames


def _decode(data: bytes, where: str, form: PictureForm) -> Pixels:
    try:
        pillow: Any = importlib.import_module("PIL.Image")
    except ModuleNotFoundError:
        raise Fault("reading pictures needs Pillow: install recurra[pictures]") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            image = pillow.open(io.BytesIO(data))
            frames = []
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                frames.append(_frame(image, where, form))
    except Fault:
        raise
    except Exception as error:  # an altered file can fail in any part of Pillow
        unknown = isinstance(error, pillow.UnidentifiedImageError)
        reason = "of no format that Pillow knows" if unknown else f"broken or cut short ({error})"
        raise Fault(f"{where}: not a picture: {reason}") from None
    return np.stack(frames)


def _frame(image: Any, where: str, form: PictureForm) -> Pixels:
    if form.mode is None and image.mode not in CHANNELS:
        raise Fault(
            f"{where}: a picture of mode {image.mode} found, expected RGB or L: convert it, or set "
            f"data.mode = 'RGB' (transparency is lost then)"
        )
    picture = image if form.mode is None else image.convert(form.mode)
    if form.size is not None and picture.size != form.size[::-1]:
        picture = picture.resize(form.size[::-1], 2)  # bilinear, over all pixels that fall together
    return np.asarray(picture, dtype=np.uint8).reshape(picture.height, picture.width, -1)
