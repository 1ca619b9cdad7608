"""Folders whose names are labels: texts, recordings or pictures, a file an example."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import torch
from torch import Tensor

from recurra.data.archive import tree_files
from recurra.data.examples import Examples, Place
from recurra.data.pictures import CHANNELS, Mode, PictureForm, frames_of
from recurra.data.readers.audio import SOUNDS
from recurra.data.sound.log_mel import LogMel
from recurra.data.sound.recording import decode_recording, one_channel
from recurra.errors import Fault, quoted
from recurra.storage.text import decode_text, split_lines

Kind = Literal["text", "sound", "picture"]
_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "text": (".txt", ".text"),
    "sound": SOUNDS,
    "picture": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
}


def read_labelled(
    path: str | Path,
    *,
    kind: Kind | None = None,
    rate: int = 8000,
    bands: int = 40,
    size: tuple[int, int] | None = None,
    mode: Mode = "L",
    level: int | None = None,
    encoding: str = "utf-8",
) -> Examples:
    """Column `label`, the folder that a file is in, and `file`, its name; of texts `text`, of sound and
    pictures `vectors`: log-mel frames `[T, bands]` (see `recurra.data.sound.log_mel`), or rows of pixels from
    the top down, `[height, width * channels]`, 0 to 1.

    Files that lie beside the folders of labels, and those of other kinds, are left out.

    Args:
        path: a folder, or an archive (zip or tar, packed or not), of folders of files; they may lie deeper.
        kind: "text", "sound" or "picture"; None: as the files' endings show, which are then of one kind.
        rate: samples a second that recordings are brought to; several channels are mixed. bands: of the
            log-mel frames.
        size: height and width that pictures are brought to; None: as they are, which must be alike. mode:
            "L" for shades of grey, or "RGB".
        level: which folder is the label, counted from the path down, 1 the first one; None: the one that a
            file lies in.
        encoding: the encoding of texts.
    """
    kinds = tuple(_ENDINGS) if kind is None else (kind,)
    if not set(kinds) <= set(_ENDINGS) or mode not in CHANNELS:
        raise Fault(
            f"{path}: kind = {quoted(kind)}, mode = {quoted(mode)} found, expected text, sound or picture, "
            f"and L or RGB"
        )
    numbers = [rate, bands, *(size or ()), 1 if level is None else level]
    if not all(type(number) is int and number >= 1 for number in numbers) or (size and len(size) != 2):
        raise Fault(
            f"{path}: rate = {rate!r}, bands = {bands!r}, size = {quoted(size)}, level = {level!r} found, "
            f"expected whole numbers of at least 1, two of them for a size"
        )
    endings = [ending for each in kinds for ending in _ENDINGS[each]]
    files = dict(sorted(tree_files(Path(path), endings, "a folder or a complete archive of labelled files")))
    labels = _labels(files, level)
    if not labels:
        raise Fault(
            f"{path}: no folder of labelled files found: expected a folder for each label, and in it files "
            f"that end with {', '.join(endings)}"
        )
    kinds_met = {_kind_of(name) for name in labels}
    if len(kinds_met) > 1:
        raise Fault(f"{path}: files of {' and '.join(sorted(kinds_met))} found: set kind to one of them")
    contents = {name: (files[name], f"{path}/{name}") for name in labels}
    columns: dict[str, list[Any]] = {}
    one = kinds_met.pop()
    if one == "text":
        columns["text"] = [_text(*each, encoding) for each in contents.values()]
    elif one == "sound":
        frames = LogMel(rate, bands)
        columns["vectors"] = [_frames(*each, frames) for each in contents.values()]
    else:
        form = PictureForm(None if size is None else (size[0], size[1]), mode)
        columns["vectors"] = [_rows(*each, form) for each in contents.values()]
    columns |= {"label": list(labels.values()), "file": list(labels)}
    return Examples(columns, [Place(where, 1, one) for _, where in contents.values()], str(path))


def _labels(names: Iterable[str], level: int | None) -> dict[str, str]:
    """File -> label. Files beside folders of others have none."""
    folders = {name: PurePosixPath(name).parts[:-1] for name in names}
    if level is not None:
        return {name: parts[level - 1] for name, parts in folders.items() if len(parts) >= level}
    above = {parts[:k] for parts in folders.values() for k in range(len(parts))}
    return {name: parts[-1] for name, parts in folders.items() if parts and parts not in above}


def _kind_of(name: str) -> Kind:
    return next(kind for kind, endings in _ENDINGS.items() if name.lower().endswith(endings))


def _text(data: bytes, where: str, encoding: str) -> str:
    return "\n".join(split_lines(decode_text(data, where, encoding)))


def _frames(data: bytes, where: str, frames: LogMel) -> Tensor:
    samples = one_channel(decode_recording(data, where), where, frames.rate, convert=True, mix=True)
    return frames(samples)


def _rows(data: bytes, where: str, form: PictureForm) -> Tensor:
    pixels = frames_of(data, where, Path(), form)
    if len(pixels) > 1:
        raise Fault(f"{where}: a film of {len(pixels)} frames found, expected a picture")
    height, width, channels = pixels.shape[1:]
    return torch.from_numpy(pixels[0].reshape(height, width * channels).copy()).float() / 255
