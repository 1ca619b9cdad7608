"""What a lesson gives: a few sentences with measured numbers, and pictures."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from recurra.storage.files import write_bytes


class Picture(NamedTuple):
    """A PNG; `name` is its file's, without an ending."""

    name: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Lesson:
    """What one sees.

    Attributes:
        title: a heading.
        sentences: five, with the numbers that were measured.
        numbers: the same, JSON-ready.
        pictures: one or two.
    """

    title: str
    sentences: tuple[str, ...]
    numbers: dict[str, Any]
    pictures: tuple[Picture, ...]

    def __str__(self) -> str:
        return "\n".join([self.title, *self.sentences])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pictures, JSON-ready."""
        return {"title": self.title, "sentences": list(self.sentences), "numbers": self.numbers}

    def save(self, folder: str | Path) -> list[Path]:
        """Writes the pictures into a folder, each whole or not at all; their paths."""
        paths = [Path(folder) / f"{picture.name}.png" for picture in self.pictures]
        for path, picture in zip(paths, self.pictures, strict=True):
            write_bytes(path, picture.png)
        return paths

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        parts = [f"<h3>{html.escape(self.title)}</h3>"]
        parts += [f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences]
        for picture in self.pictures:
            data = base64.b64encode(picture.png).decode()
            parts.append(f'<img alt="{html.escape(picture.caption)}" src="data:image/png;base64,{data}">')
        return "\n".join(parts)
