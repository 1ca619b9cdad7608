"""What stands in a row beside its measurements: which of them are made up, and the sizes of their series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from recurra.data.series import Series, Windows
from recurra.errors import Fault
from recurra.layers.inputs import spread

Sizes = Mapping[str, Tensor]
"""Name of a series -> `[2 C]`: means and deviations of its columns."""


def with_masks(series: Series) -> Series:
    """Its values `[T, 2 V]`: after the measurements, 1 for each that was missing, else 0."""
    blanks = torch.zeros_like(series.values) if series.blanks is None else series.blanks.to(series.values)
    return series._replace(values=torch.cat([series.values, blanks], 1))


def sizes_of(rows: Tensor, logged: Sequence[int]) -> Tensor:
    """`[2 C]` of rows `[N, C]`: means, then deviations; of logarithms in the columns `logged`."""
    logs = rows.clone()
    logs[:, list(logged)] = rows[:, list(logged)].log()
    return torch.cat([logs.double().mean(0).to(rows.dtype), spread(logs)])


def with_sizes(series: Series, sizes: Tensor) -> Series:
    """Its values `[T, 3 C]`: after the columns, the sizes `[2 C]` of its series."""
    return series._replace(values=torch.cat([series.values, sizes.expand(len(series.values), -1)], 1))


def read_sizes(table: Mapping[str, Sequence[float]], columns: int, where: str) -> dict[str, Tensor]:
    """What `recurra.storage` holds of them. Fault where it is damaged."""
    try:
        sizes = {name: torch.tensor(row, dtype=torch.float32) for name, row in table.items()}
    except (TypeError, ValueError, AttributeError, RuntimeError):
        sizes = {"": torch.zeros(0)}
    if not all(row.shape == (2 * columns,) and bool(row.isfinite().all()) for row in sizes.values()):
        raise Fault(f"{where}: holds no sizes of series: it is damaged or from another version")
    return sizes


def honest(windows: Windows, targets: int, *, scored: bool, ahead: bool) -> Windows:
    """The windows that tell nothing of their future, and whose future is real.

    Args:
        targets: the first columns. scored: whether a target of the future that was missing may be no truth.
        ahead: whether what stands for a missing number looks ahead: then no window may begin with one.
    """
    blanks = [each.blanks for each in windows.series]
    if not any(each is not None and bool(each.any()) for each in blanks):
        return windows
    counts, rows = [], []
    for each, series in zip(blanks, windows.series, strict=True):
        marks = torch.zeros(len(series.values), 1, dtype=torch.bool) if each is None else each
        counts.append([0, *marks[:, :targets].any(1).long().cumsum(0).tolist()])
        rows.append(marks.any(1).tolist())
    return windows.only(
        [
            number
            for number, (k, at) in enumerate(windows.origins)
            if not (scored and counts[k][at + windows.horizon] > counts[k][at])
            and not (ahead and rows[k][at - 1])
        ]
    )
