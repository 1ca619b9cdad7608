"""What tasks share that make new data: limits of a request, and names of files."""

from __future__ import annotations

from pathlib import Path

from recurra.errors import Fault


def check_sampling(count: int, length: int, temperature: float) -> None:
    """Fault for what can't be drawn."""
    if count < 1 or length < 1 or not temperature > 0:
        raise Fault(
            f"count = {count}, length = {length}, temperature = {temperature}: expected at least 1, at least "
            f"1, and above 0"
        )


def numbered(output: str | Path, number: int, count: int) -> Path:
    """The file of one of `count`: `output`, with its number where there are several."""
    path = Path(output)
    return path if count == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")
