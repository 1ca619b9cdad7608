"""Figures by matplotlib, an extra that is imported when the first one is made."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from recurra.errors import Fault
from recurra.storage.files import write_bytes

KINDS = (".png", ".svg", ".pdf")
MOST_PIXELS = 60_000
"""On a side of a picture; matplotlib's own limit is 65,535."""


def check_ending(path: Path) -> None:
    """Fault where the path's ending is no picture's."""
    if path.suffix not in KINDS:
        raise Fault(f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(KINDS)}")


def new_figure(
    width: float, height: float, *, dpi: int = 120, layout: Literal["constrained"] | None = "constrained"
) -> Any:
    """An empty figure, in inches; `layout` is matplotlib's, None places nothing by itself.

    Raises:
        Fault: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise Fault("matplotlib is not installed: install 'recurra[train]'") from None
    # a figure of its own, not pyplot's: nothing global is set, no window is looked for
    return Figure(figsize=(width, height), dpi=dpi, layout=layout)


def figure_bytes(figure: Any, ending: str = ".png") -> bytes:
    """The file of a figure, of a kind of `KINDS`. Fault where it is larger than `MOST_PIXELS`."""
    width, height = (side * figure.dpi for side in figure.get_size_inches())
    if max(width, height) > MOST_PIXELS:
        raise Fault(
            f"a picture of {width:,.0f} x {height:,.0f} pixels is needed, at most {MOST_PIXELS:,} on a side "
            f"can be drawn: draw fewer, or shorter, examples"
        )
    buffer = io.BytesIO()
    metadata = {"Creator": "Recurra"} if ending == ".pdf" else None
    figure.savefig(buffer, format=ending[1:], metadata=metadata)
    return buffer.getvalue()


def save_figure(figure: Any, path: Path) -> None:
    """Writes a figure, whole or not at all. Fault where the path's ending is no picture's."""
    check_ending(path)
    write_bytes(path, figure_bytes(figure, path.suffix))
