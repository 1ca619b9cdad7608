"""Auto-encoding recordings, as frames of band energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from torch import Tensor

from recurra.data import Examples, columns
from recurra.data.sound.entries import recording_at
from recurra.data.sound.recording import one_channel
from recurra.errors import Fault
from recurra.models import VectorAutoEncoder
from recurra.ragged import Ragged
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.autoencode.vectors import VectorCoder
from recurra.tasks.base import Score
from recurra.tasks.parts.measurement import Figures
from recurra.tasks.readers.vectors import VectorReader

FRAMES = "frames"


class Spoken(NamedTuple):
    """A recording: features `[T, bands]`, its name, and its value of the column `label` (or "")."""

    frames: Tensor
    name: str
    label: str = ""


class SoundCoder:
    """Recordings; their frames are coded as rows of vectors are."""

    score = Score("mse", larger_is_better=False)

    def __init__(self, data: AutoencodeDataOptions, reader: VectorReader) -> None:
        self.data, self.frames = data, VectorCoder(data, reader)

    @classmethod
    def build(cls, data: AutoencodeDataOptions, train: Examples) -> Self:
        return cls(data, VectorReader.build([row.frames for row in _rows(train, data)], FRAMES))

    @classmethod
    def load(cls, data: AutoencodeDataOptions, folder: Path) -> Self:
        return cls(data, VectorReader.load(folder, FRAMES))

    def require_model(self, model: VectorAutoEncoder, folder: Path) -> None:
        self.frames.require_model(model, folder)

    def save(self, folder: Path) -> None:
        self.frames.save(folder)

    def build_model(self, options: AutoencodeModelOptions) -> VectorAutoEncoder:
        return self.frames.build_model(options)

    def rows(self, examples: Examples) -> list[Spoken]:
        return _rows(examples, self.data)

    def row(self, item: Any) -> Spoken:
        entry = item.get(self.data.audio) if isinstance(item, Mapping) else item
        name = str(entry) if isinstance(entry, (str, Path)) else "recording"
        return Spoken(_frames(entry, "the recording", Path(), self.data), name)

    def length(self, row: Spoken) -> int:
        return len(row.frames)

    def json(self, row: Spoken) -> Any:
        return row.name

    def batch(self, rows: Sequence[Spoken], seed: str) -> Ragged:
        return self.frames.batch([row.frames for row in rows], seed)

    def loss(self, model: VectorAutoEncoder, batch: Ragged) -> tuple[Tensor, int]:
        return self.frames.loss(model, batch)

    def vectors(self, model: VectorAutoEncoder, rows: Sequence[Spoken]) -> Tensor:
        """`[B, V]`."""
        return self.frames.vectors(model, [row.frames for row in rows])

    def restore(self, model: VectorAutoEncoder, vectors: Tensor, lengths: Sequence[int]) -> list[Any]:
        """As many frames of each vector as asked."""
        return self.frames.restore(model, vectors, lengths)

    def figures(self, rows: Sequence[Spoken], restored: Sequence[Any]) -> Figures:
        """Over all band energies, natural logarithms: `mse`, `mae`, and `r2`, the share of the squared
        distance from the mean frame that came back.
        """
        return self.frames.figures([row.frames for row in rows], restored)

    def distance(self, row: Spoken, restored: Any) -> float:
        return self.frames.distance(row.frames, restored)

    def drawing(self, rows: Sequence[Spoken], restored: Sequence[Any], dark: bool) -> Any:
        return self.frames.drawing([row.frames for row in rows], restored, dark)

    def check(self, train: Sequence[Spoken], validation: Sequence[Spoken]) -> list[str]:
        return self.frames.check([row.frames for row in train], [row.frames for row in validation])


def _rows(examples: Examples, data: AutoencodeDataOptions) -> list[Spoken]:
    assert data.audio is not None
    labels = [""] * len(examples) if data.label is None else columns.labels(examples, data.label)
    names = [str(place) for place in examples.places]
    if "file" in examples:
        names = columns.text(examples, "file")
    return [
        Spoken(_frames(entry, str(place), Path(place.file).parent, data), name, label)
        for entry, name, label, place in zip(
            examples[data.audio], names, labels, examples.places, strict=True
        )
    ]


def _frames(entry: Any, where: str, base: Path, data: AutoencodeDataOptions) -> Tensor:
    recording, where = recording_at(entry, where, base)
    sound = data.sound
    samples = one_channel(recording, where, sound.rate, sound.resample, sound.mix)
    frames = sound.features()(sound.within(samples))
    if not len(frames):
        raise Fault(
            f"{where}: {len(samples) / sound.rate:.3f} seconds found, shorter than one frame of "
            f"{sound.window:g}: record it again, or set data.sound.margin"
        )
    return frames
