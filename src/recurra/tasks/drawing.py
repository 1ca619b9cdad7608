"""What a task that makes new data is asked for, other than text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.registry import nearest


@dataclass(frozen=True)
class Asked:
    """New data to draw.

    Attributes:
        count: how many. length: steps at most. temperature: below 1 likelier, above 1 bolder.
        seed: of the drawing. output: where to write; None: nowhere.
    """

    count: int
    length: int
    temperature: float
    seed: int
    output: Path | None

    def numbered(self, number: int) -> Path:
        """The file of one of them: the name given, with its number where there are several."""
        assert self.output is not None
        if self.count == 1:
            return self.output
        return self.output.with_name(f"{self.output.stem}-{number + 1}{self.output.suffix}")


def drawing_options(task: str, options: Mapping[str, Any], length: int) -> Asked:
    """Checks them; Fault for one that is unknown or out of range. `length` is its default."""
    given = {name: value for name, value in options.items() if value is not None}
    known = [each.name for each in fields(Asked)]
    stray = next((name for name in given if name not in known), None)
    if stray is not None:
        raise Fault(f"sampling from a {task} model has no option {stray!r}{nearest(stray, known)}")
    output = given.get("output")
    asked = Asked(
        int(given.get("count", 1)),
        int(given.get("length", length)),
        float(given.get("temperature", 1.0)),
        int(given.get("seed", 0)),
        None if output is None else Path(output),
    )
    if asked.count < 1 or asked.length < 1 or not asked.temperature > 0:
        raise Fault(
            f"count = {asked.count}, length = {asked.length}, temperature = {asked.temperature}: expected at "
            f"least 1, at least 1, and above 0"
        )
    return asked
