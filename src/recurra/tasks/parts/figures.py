"""Pictures, written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.storage.files import write_bytes

KINDS = (".png", ".svg", ".pdf")


def new_figure(path: Path, width: float, height: float) -> Any:
    """An empty matplotlib figure, in inches; Fault where the path's ending is no picture's."""
    if path.suffix not in KINDS:
        raise Fault(f"{path}: the ending {path.suffix!r} found, expected one of {', '.join(KINDS)}")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise Fault("pictures need matplotlib: install recurra[train]") from None
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def save_figure(figure: Any, path: Path) -> None:
    """Writes it atomically."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:])
    write_bytes(path, drawn.getvalue())


def check_drawing(count: int, length: int, temperature: float) -> None:
    """Fault for what can't be drawn."""
    if count < 1 or length < 1 or not temperature > 0:
        raise Fault(
            f"count = {count}, length = {length}, temperature = {temperature}: expected at least 1, at least "
            f"1, and above 0"
        )


def numbered(output: str | Path, number: int, count: int) -> Path:
    """The file of one of `count`: the name given, with its number where there are several."""
    path = Path(output)
    return path if count == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")
