"""Lines of numbers, each a short sequence and its label, as the UCI archive keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text, split_lines


def read_numbers(
    path: str | Path,
    *,
    size: int = 1,
    label: Literal["last", "first", "none"] = "last",
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> Examples:
    """Column `vectors`: a list of steps of `size` numbers a line; column `label`, as text, unless there is
    none.

    Args:
        path: the file; empty lines are left out.
        size: numbers a step.
        label: which cell of a line it is.
        delimiter: between cells; None: commas, or blanks where a line has none.
        encoding: of the file.
    """
    if size < 1 or label not in ("last", "first", "none"):
        raise Fault(f"{path}: size = {size}, label = {label!r}: expected at least 1; last, first or none")
    vectors: list[object] = []
    labels: list[object] = []
    places = []
    for number, line in enumerate(split_lines(read_text(path, encoding)), 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split(delimiter or ("," if "," in line else None))]
        if label != "none":
            labels.append(cells.pop(-1 if label == "last" else 0))
        if len(cells) % size or not cells:
            raise Fault(f"{path}:{number}: {len(cells)} numbers found, expected steps of {size} each")
        vectors.append(
            [_numbers(cells[k : k + size], f"{path}:{number}") for k in range(0, len(cells), size)]
        )
        places.append(Place(str(path), number))
    columns = {"vectors": vectors} if label == "none" else {"vectors": vectors, "label": labels}
    return Examples(columns, places, str(path))


def _numbers(cells: list[str], where: str) -> list[float]:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise Fault(f"{where}: {wrong!r} found, expected a number") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
