"""What a question is answered from, as a task of classes reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from recurra.data import Examples
from recurra.models import Inquiry
from recurra.tasks.answer.plot import Panel
from recurra.tasks.readers.words import WordReader


class EvidenceReader(Protocol):
    """Evidence of one kind, to what its models read.

    Attributes:
        words: of questions; None until the training data have been read.
    """

    words: WordReader

    def rows(self, examples: Examples) -> tuple[list[Any], list[str]]:
        """The evidence of each example, and notes on it. Fault, by place, for one that can't be read."""

    def row(self, item: Mapping[str, Any]) -> Any:
        """The evidence of one question to predict."""

    def size(self, row: Any) -> int:
        """By which questions of like sizes are batched."""

    def blank(self, row: Any) -> Any:
        """Evidence of the same kind that shows nothing."""

    def inquiry(self, questions: Sequence[list[str]], rows: Sequence[Any], linear: bool) -> Inquiry:
        """What the model reads."""

    def summary(self, row: Any, looks: Any) -> dict[str, Any]:
        """Where a model looked, JSON-ready."""

    def drawing(self, panels: Sequence[Panel], dark: bool) -> Any:
        """A figure of where a model looked."""

    def check(self, rows: Sequence[Any]) -> list[str]:
        """What is worth knowing of the evidence."""

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
