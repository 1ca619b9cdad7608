"""What turns examples into what an auto-encoder reads, and its vectors into examples again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from torch import Tensor

from recurra.data import Examples
from recurra.models import EncoderDecoder, VectorAutoEncoder
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.base import Score
from recurra.tasks.parts.measurement import Figures


class Coder(Protocol):
    """One kind of sequence; each coder has a model of its own kind.

    Attributes:
        score: the metric of `scores` that decides.
    """

    score: Score

    @classmethod
    def build(cls, data: AutoencodeDataOptions, train: Examples) -> Self:
        """From the training data."""

    @classmethod
    def load(cls, data: AutoencodeDataOptions, folder: Path) -> Self:
        """What `save` wrote."""

    def require_model(self, model: Any, folder: Path) -> None:
        """Fault unless the model of a run folder is one for these rows."""

    def save(self, folder: Path) -> None:
        """Writes what coding needs."""

    def build_model(self, options: AutoencodeModelOptions) -> EncoderDecoder | VectorAutoEncoder:
        """The network for these rows, with fresh weights."""

    def rows(self, examples: Examples) -> list[Any]:
        """The row of each example."""

    def row(self, item: Any) -> Any:
        """The row of one thing to predict."""

    def length(self, row: Any) -> int:
        """Its tokens or steps."""

    def json(self, row: Any) -> Any:
        """A row, JSON-ready."""

    def batch(self, rows: Sequence[Any], seed: str) -> Any:
        """Rows to train on; has `to(device)`. What is drawn for it follows from `seed`."""

    def loss(self, model: Any, batch: Any) -> tuple[Tensor, int]:
        """The sum over a batch on the model's device, and over how many tokens or numbers."""

    def vectors(self, model: Any, rows: Sequence[Any]) -> Tensor:
        """`[B, V]`, on the model's device."""

    def restore(self, model: Any, vectors: Tensor, lengths: Sequence[int]) -> list[Any]:
        """What comes back of vectors `[B, V]` of rows of these lengths, JSON-ready."""

    def figures(self, rows: Sequence[Any], restored: Sequence[Any]) -> Figures:
        """How near what came back is to the rows."""

    def distance(self, row: Any, restored: Any) -> float:
        """How far what came back is from a row; 0: not at all."""

    def drawing(self, rows: Sequence[Any], restored: Sequence[Any], dark: bool) -> Any:
        """A figure of rows, and what came back of them."""

    def check(self, train: Sequence[Any], validation: Sequence[Any]) -> list[str]:
        """What is worth knowing of the rows."""
