"""One tag for each word."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from operator import eq
from statistics import fmean
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from recurra.data.columns import excerpt
from recurra.errors import Fault
from recurra.sklearn.rows import Rows, rows_of
from recurra.sklearn.supervised import COLUMN, Supervised
from recurra.storage.fields import Fields
from recurra.tasks.parts.metrics import span_counts, span_figures


class Tagger(Supervised):
    """The task `tag`; see `Settings` for its parameters.

    `data.hold_out` (0.1) is the part of the sentences, or their number, that validates; it is drawn so that
    each tag stays in training.

    Attributes:
        classes_: `[C]`, the tags of y, sorted.
    """

    task_name = "tag"
    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, **others: Any) -> Self:
        """Trains.

        Args:
            X: sentences: lists of words, or texts with blanks between words.
            y: a list of tags for each sentence, one for each word.

        Raises:
            Fault: as `recurra train` would say; another argument, as `sample_weight`.
        """
        self._refuse(others)
        rows, tags = self._rows(X, "Tagger.fit"), _tags(y, "Tagger.fit")
        self._fit_rows(rows, {"y": tags}, {"tokens": COLUMN, "tags": "y"}, [frozenset(row) for row in tags])
        self.classes_ = np.unique(list(chain.from_iterable(tags)))
        return self

    def predict(self, X: Any) -> list[list[str]]:
        """The tags of each sentence."""
        return [answer["tags"] for answer in self._answers(X, "predict")]

    def score(self, X: Any, y: Any) -> float:
        """F1 over spans where tags mark them, else the share of words whose tag is right."""
        truth, predictions = _tags(y, "Tagger.score"), self.predict(X)
        if [*map(len, truth)] != [*map(len, predictions)]:
            raise Fault("Tagger.score: X and y are of different lengths: expected one tag for each word")
        scheme = self.task_.tags.scheme  # type: ignore[attr-defined]
        pairs = [*zip(truth, predictions, strict=True)]
        if scheme is not None:
            counts = [span_counts(*pair, scheme) for pair in pairs]
            return span_figures(counts)(torch.ones(len(counts), dtype=torch.float64))["f1"]
        return fmean(map(eq, chain.from_iterable(truth), chain.from_iterable(predictions)))

    def _rows(self, table: Any, owner: str) -> Rows:
        rows = rows_of(table, owner)
        if rows.kind == "vectors":
            raise Fault(f"{owner}: rows of numbers found as X, expected sentences: lists of words, or texts")
        words = [row.split() if isinstance(row, str) else row for row in rows.entries]
        return Rows("tokens", words)

    def _description(self) -> Mapping[str, Any]:
        return {**super()._description(), "classes": self.classes_.tolist()}

    def _restore(self, fields: Fields) -> None:
        super()._restore(fields)
        self.classes_ = np.array(fields.texts("classes"))


def _tags(target: Any, owner: str) -> list[list[str]]:
    rows = []
    for number, row in enumerate(target, 1):
        tags = row.split() if isinstance(row, str) else row
        if not isinstance(tags, (list, tuple, np.ndarray)) or not all(isinstance(tag, str) for tag in tags):
            raise Fault(f"{owner}: row {number} of y: {excerpt(row)} found, expected a list of tags")
        rows.append([str(tag) for tag in tags])
    return rows
