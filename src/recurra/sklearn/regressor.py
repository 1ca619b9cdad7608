"""One number, or several, for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.sklearn.rows import rows_of
from recurra.sklearn.supervised import COLUMN, Supervised
from recurra.storage.fields import Fields
from recurra.train.from_python import evaluate


class Regressor(Supervised):
    """The task `regress`; see `Settings` for its parameters.

    `data.hold_out` (0.1) is the part of the rows, or their number, that validates.
    """

    task_name = "regress"
    kind = _estimator_type = "regressor"
    _flat: bool

    def fit(self, X: Any, y: Any, **others: Any) -> Self:
        """Trains.

        Args:
            X: see `recurra.sklearn.rows.rows_of`.
            y: `[N]` or `[N, K]`, finite numbers.

        Raises:
            Fault: as `recurra train` would say; another argument, as `sample_weight`.
        """
        self._refuse(others)
        rows, targets = rows_of(X, "Regressor.fit"), _targets(y, "Regressor.fit")
        columns = _columns(targets)
        self._fit_rows(rows, columns, {**self._owned(rows), "target": list(columns)})
        self._flat = targets.ndim == 1
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """`[N]`, or `[N, K]` where y was so."""
        answers = np.array(
            [list(answer.values()) for answer in self._answers(X, "predict")], dtype=np.float64
        )
        return answers.reshape(-1) if self._flat else answers.reshape(len(answers), -1)

    def score(self, X: Any, y: Any) -> float:
        """R2, the share of the variance explained, the mean over the columns of y."""
        self._check_fitted("score")
        rows, columns = rows_of(X, "Regressor.score"), _columns(_targets(y, "Regressor.score"))
        return float(evaluate(self.task_, {COLUMN: rows.entries, **columns})["r2"])

    def _description(self) -> Mapping[str, Any]:
        return {**super()._description(), "flat": self._flat}

    def _restore(self, fields: Fields) -> None:
        super()._restore(fields)
        self._flat = fields.flag("flat")


def _targets(target: Any, owner: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(target, dtype=np.float64)
    except (TypeError, ValueError):
        raise Fault(f"{owner}: y can't be read as numbers: expected [N] or [N, K] of them") from None
    if array.ndim not in (1, 2):
        raise Fault(f"{owner}: y of {array.ndim} dimensions found, expected [N] or [N, K]")
    return array


def _columns(targets: NDArray[np.float64]) -> dict[str, list[float]]:
    if targets.ndim == 1:
        return {"y": targets.tolist()}
    return {f"y{k + 1}": column.tolist() for k, column in enumerate(targets.T)}
