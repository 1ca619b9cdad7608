"""What reads rows: between a table of examples and what a model's input takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from recurra.data import Examples
from recurra.layers.inputs import Input


class RowReader(Protocol):
    """Examples to rows, and rows to what a model's input reads; fixed once built from the training data."""

    def rows(self, examples: Examples) -> list[Any]:
        """The row of each example."""

    def row(self, item: Any) -> Any:
        """The row of one thing to predict."""

    def batch(self, rows: Sequence[Any]) -> Any:
        """What the input reads; has `to(device)`."""

    def step_names(self, row: Any) -> list[str]:
        """How each step of a row is shown."""

    def batch_names(self, batch: Any) -> list[list[str]] | None:
        """What the steps of a batch's rows are called; None where they have no names."""

    def input(self) -> Input:
        """A fresh input for this reader."""

    def check(self, held_out: Sequence[Any]) -> list[str]:
        """What is worth knowing of the training rows, and of those held out."""

    def require_input(self, features: Input, folder: Path) -> None:
        """Fault unless the input of a run's model is one for these rows."""

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""
