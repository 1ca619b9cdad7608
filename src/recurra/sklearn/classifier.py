"""One label for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.sklearn.labels import labels_of, texts_of
from recurra.sklearn.rows import rows_of
from recurra.sklearn.supervised import Supervised
from recurra.storage.fields import Fields


class Classifier(Supervised):
    """The task `classify`; see `Settings` for its parameters.

    `data.hold_out` (0.1) is the part of the rows, or their number, that validates; it is drawn so that each
    class stays in training.

    Attributes:
        classes_: `[C]`, the classes of y, sorted.
    """

    task_name = "classify"
    kind = _estimator_type = "classifier"
    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, **others: Any) -> Self:
        """Trains.

        Args:
            X: see `recurra.sklearn.rows.rows_of`.
            y: `[N]`, texts, whole numbers or truth values.

        Raises:
            Fault: as `recurra train` would say; another argument, as `sample_weight`.
        """
        self._refuse(others)
        rows, labels = rows_of(X, "Classifier.fit"), labels_of(y, "Classifier.fit")
        classes, indices = np.unique(labels, return_inverse=True)
        names = texts_of(classes, "Classifier.fit")
        texts = [names[k] for k in indices.tolist()]
        self._fit_rows(
            rows, {"y": texts}, {**self._owned(rows), "label": "y"}, [frozenset([text]) for text in texts]
        )
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """`[N]`, the class of each row."""
        answers = self._answers(X, "predict")
        place = {name: k for k, name in enumerate(texts_of(self.classes_, "Classifier"))}
        return self.classes_[[place[answer["label"]] for answer in answers]]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """`[N, C]`, how probable each of `classes_` is for each row."""
        answers = self._answers(X, "predict_proba")
        names = texts_of(self.classes_, "Classifier")
        shares = [[answer["probabilities"][name] for name in names] for answer in answers]
        return np.array(shares, dtype=np.float64).reshape(-1, len(names))

    def score(self, X: Any, y: Any) -> float:
        """The share of rows whose class is right."""
        truth, predictions = labels_of(y, "Classifier.score"), self.predict(X)
        if len(truth) != len(predictions):
            raise Fault(
                f"Classifier.score: X has {len(predictions)} rows and y {len(truth)}: expected as many"
            )
        return float(np.mean(truth == predictions))

    def _description(self) -> Mapping[str, Any]:
        return {**super()._description(), "classes": self.classes_.tolist()}

    def _restore(self, fields: Fields) -> None:
        super()._restore(fields)
        classes = fields.value("classes")
        if not isinstance(classes, list):
            raise Fault(f"{fields.where}: classes: expected a list")
        self.classes_ = labels_of(np.array(classes, dtype=object), fields.where)
        if sorted(texts_of(self.classes_, fields.where)) != list(self.task_.labels.names):  # type: ignore[attr-defined]
            raise Fault(f"{fields.where}: its classes are not the labels of the run beside it")
