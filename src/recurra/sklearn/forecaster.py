"""The next steps of series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recurra.data.memory import table_examples
from recurra.errors import Fault
from recurra.sklearn.estimator import Estimator
from recurra.storage.fields import Fields
from recurra.train.from_python import evaluate
from recurra.train.guesses import guess
from recurra.train.looks import Data

_SPLIT = [0.9, 0.1, 0.0]


class Forecaster(Estimator):
    """The task `forecast`; see `Settings` for its parameters.

    What `data` does not set (`targets`, `time`, `series`, `context`, `horizon`) is taken from the columns, as
    `recurra new forecast` does; the last tenth of the rows validates.
    """

    task_name = "forecast"
    _flat: bool
    _end: Mapping[str, list[Any]] | None = None

    def fit(self, X: Any, y: None = None, **others: Any) -> Self:
        """Trains.

        Args:
            X: `[T]` or `[T, V]`, the steps of one series; a list of such arrays, or a table in memory (see
                `recurra.data.memory`).
            y: nothing: what is forecast is in X.

        Raises:
            Fault: as `recurra train` would say; another argument.
        """
        self._refuse({"y": y, **others})
        table = _table(X, "Forecaster.fit")
        guesses = guess("forecast", Data("X", table_examples(table, "X")))
        settings = {key.removeprefix("data."): value for key, value in guesses.items()}
        self._train(table, owned={}, defaults={"split": _SPLIT, **settings})
        self._flat = not (_is_table(X) or _is_list_of_arrays(X)) and np.ndim(X) == 1
        self._end = _columns(table)
        return self

    def predict(self, X: Any = None) -> NDArray[np.float64] | list[NDArray[np.float64]]:
        """The steps after the last one of X, or of what was fitted.

        Returns:
            `[horizon]` where X is `[T]`, else `[horizon, targets]`; a list of such, one a series, where there
            are several.

        Raises:
            Fault: X is shorter than what the model reads.
        """
        self._check_fitted("predict")
        if X is None and self._end is None:
            raise Fault("Forecaster.predict: X is missing: what was fitted is not kept in files")
        item = self._end if X is None else _columns(_table(X, "Forecaster.predict"))
        (answer,) = self.task_.predict([item])
        series = [
            np.array([each["forecast"] for each in one["targets"].values()], dtype=np.float64).T
            for one in answer["forecasts"]
        ]
        series = [one[:, 0] if self._flat else one for one in series]
        return series[0] if len(series) == 1 else series

    def score(self, X: Any, y: None = None) -> float:
        """Of a rolling back-test, the share of the squared error of repeating the last step that is avoided:
        1 is perfect, 0 no better than that.
        """
        self._check_fitted("score")
        self._refuse({"y": y})
        errors = evaluate(self.task_, _table(X, "Forecaster.score"))
        return 1 - errors["mse"] / errors["last_mse"] if errors["last_mse"] else 0.0

    def _description(self) -> Mapping[str, Any]:
        return {"flat": self._flat}

    def _restore(self, fields: Fields) -> None:
        self._flat = fields.flag("flat")


def _table(table: Any, owner: str) -> Any:
    """A table, of an array or several too."""
    if _is_table(table):
        return table
    if not _is_list_of_arrays(table):
        return _named(_steps(table, owner))
    parts = [_steps(one, owner) for one in table]
    if len({part.shape[1] for part in parts}) > 1:
        raise Fault(f"{owner}: series of different widths found, expected one number of columns")
    names = [f"series {k + 1}" for k, part in enumerate(parts) for _ in range(len(part))]
    return {**({"series": names} if len(parts) > 1 else {}), **_named(np.concatenate(parts))}


def _is_table(table: Any) -> bool:
    rows = isinstance(table, list) and len(table) > 0 and isinstance(table[0], Mapping)
    return rows or isinstance(table, Mapping) or hasattr(table, "columns") or hasattr(table, "column_names")


def _is_list_of_arrays(table: Any) -> bool:
    return isinstance(table, (list, tuple)) and len(table) > 0 and isinstance(table[0], np.ndarray)


def _steps(table: Any, owner: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError):
        raise Fault(f"{owner}: X can't be read as numbers, expected [T], [T, V], or a table") from None
    if array.ndim not in (1, 2):
        raise Fault(f"{owner}: X of {array.ndim} dimensions found, expected [T] or [T, V]")
    return array.reshape(len(array), -1)


def _named(array: NDArray[np.float64]) -> dict[str, list[float]]:
    names = ["y"] if array.shape[1] == 1 else [f"y{k + 1}" for k in range(array.shape[1])]
    return {name: column.tolist() for name, column in zip(names, array.T, strict=True)}


def _columns(table: Any) -> dict[str, list[Any]]:
    return {name: list(entries) for name, entries in table_examples(table, "X").columns.items()}
