"""Rows of pictures: one alone, or the frames of a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data import Examples
from recurra.data.pictures import CHANNELS, PictureForm, frames_of, shape_text
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json
from recurra.tasks.parts.sizes import bytes_text, lengths_line

PICTURES = "pictures.json"
FORMAT = 1
Shape = tuple[int, int, int]


class PictureReader:
    """Rows `[T, height, width, channels]`, uint8, all of the size that the training part has.

    Attributes:
        column: where examples have their pictures. form: what is done to a picture as it is read.
        shape: height, width and channels; None until the first picture is read.
    """

    def __init__(self, column: str, form: PictureForm, shape: Shape | None = None) -> None:
        self.column, self.form, self.shape = column, form, shape

    def rows(self, examples: Examples) -> list[Tensor]:
        """The row of each example; a name that comes again is read once. Relative names start from the folder
        of the file that names them.
        """
        cache: dict[Any, Tensor] = {}
        rows = []
        for entry, place in zip(examples[self.column], examples.places, strict=True):
            key = (place.file, entry) if isinstance(entry, str) else None
            row = cache.get(key) if key else None
            if row is None:
                row = self._row(entry, f"{place}: column {self.column!r}", Path(place.file).parent)
            if key:
                cache[key] = row
            rows.append(row)
        return rows

    def row(self, item: Any) -> Tensor:
        """The row of one thing to predict: what `recurra.data.pictures.frames_of` takes, names starting from
        the working directory.
        """
        # a table with "bytes" is a picture itself, as Parquet files hold them
        entry = item.get(self.column) if isinstance(item, Mapping) and "bytes" not in item else item
        if entry is None:
            raise Fault(f"{item!r} found, expected a picture, or a table with the key {self.column!r}")
        return self._row(entry, "to predict", Path())

    def batch(self, rows: Sequence[Tensor]) -> Ragged:
        return Ragged.from_list(rows)

    def check(self, train: Sequence[Tensor], held_out: Sequence[Tensor]) -> list[str]:
        """Sizes, and pictures that are in both parts."""
        contents = {_content(row) for row in train}
        both = sum(_content(row) in contents for row in held_out)
        note = f"{both:,} of the validation's pictures are in training too, bit for bit: not held out"
        memory = sum(row.numel() for row in (*train, *held_out))
        frames = "pictures" if all(len(row) == 1 for row in train) else "frames"
        return [
            lengths_line("train", [len(row) for row in train], frames),
            lengths_line("validation", [len(row) for row in held_out], frames),
            f"each of {shape_text(train[0].shape)}, {bytes_text(memory)} in all",
            *([note] if both else []),
        ]

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
        write_json(folder / PICTURES, {"format": FORMAT, "shape": self.shape})

    @classmethod
    def load(cls, folder: Path, column: str, form: PictureForm) -> Self:
        """Reads what `save` wrote."""
        description = read_json(folder / PICTURES)
        check_format(description, FORMAT, str(folder / PICTURES))
        shape = Fields(description, str(folder / PICTURES)).wholes("shape")
        if len(shape) != 3 or 0 in shape:
            raise Fault(f"{folder / PICTURES}: shape {shape!r} found, expected three whole numbers")
        return cls(column, form, (shape[0], shape[1], shape[2]))

    def _row(self, entry: Any, where: str, base: Path) -> Tensor:
        frames = frames_of(entry, where, base, self.form)
        if self.shape is None:
            self.shape = (frames.shape[1], frames.shape[2], frames.shape[3])
        if frames.shape[1:] != self.shape:
            raise Fault(
                f"{where}: {_named(entry)}{shape_text(frames.shape)} found, "
                f"expected {shape_text(self.shape)} as in training: {_remedy(frames.shape[1:], self.shape)}"
            )
        return torch.from_numpy(frames.copy() if not frames.flags.writeable else frames)


def _remedy(shape: Sequence[int], expected: Shape) -> str:
    height, width, channels = expected
    if tuple(shape[:2]) != (height, width):
        return f"bring it to that size, or set data.resize = [{height}, {width}] for all"
    for mode, number in CHANNELS.items():
        if number == channels:
            return f"turn it into {mode}, or set data.mode = {mode!r} for all"
    return "give it as many channels"


def _named(entry: Any) -> str:
    return f"{entry}: " if isinstance(entry, str) else ""


def _content(row: Tensor) -> tuple[Any, bytes]:
    return row.shape, row.numpy().tobytes()
