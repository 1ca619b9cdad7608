"""What scikit-learn calls y of a classification: classes of any one type, and how a run writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.data.columns import excerpt
from recurra.errors import Fault


def labels_of(target: Any, owner: str) -> NDArray[Any]:
    """`[N]`, of texts, whole numbers or truth values.

    Raises:
        Fault: several labels a row, a missing one, several types, or numbers that are no classes.
    """
    array = np.asarray(target, dtype=object if isinstance(target, (list, tuple)) else None)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise Fault(f"{owner}: y of {array.ndim} dimensions found, expected one label a row")
    if array.dtype.kind == "O":
        array = _of_one_type(array, owner)
    if array.dtype.kind == "f" and not np.all(array == np.floor(array)):
        raise Fault(f"{owner}: y holds numbers that are no whole ones, expected classes: see Regressor")
    if array.dtype.kind not in "biufU":
        raise Fault(f"{owner}: y of {array.dtype} found, expected texts, whole numbers or truth values")
    return array


def texts_of(classes: NDArray[Any], owner: str) -> list[str]:
    """How a run writes each class. Fault where two are written alike."""
    names = [_text(one) for one in classes.tolist()]
    for name, one in zip(names, classes.tolist(), strict=True):
        if names.count(name) > 1 or not name:
            raise Fault(f"{owner}: the class {one!r} of y is empty, or another one but for its blanks")
    return names


def _of_one_type(array: NDArray[Any], owner: str) -> NDArray[Any]:
    types = {bool: "truth values", str: "texts", int: "numbers", float: "numbers"}
    entries = [one.item() if isinstance(one, np.generic) else one for one in array]
    for number, one in enumerate(entries, 1):
        if type(one) not in types or one != one:
            raise Fault(f"{owner}: row {number} of y: {excerpt(one)} found, expected a label")
        kind = types[type(entries[0])]
        if types[type(one)] != kind:
            raise Fault(f"{owner}: row {number} of y: {excerpt(one)} found, expected {kind}, as in row 1")
    return np.array(entries)


def _text(one: Any) -> str:
    if isinstance(one, bool):
        return str(one).lower()
    return one.strip() if isinstance(one, str) else str(int(one))
