"""An inspection that says what a test tells it to."""

from __future__ import annotations

from typing import Any

from recurra.inspect.finding import Finding, Gravity
from recurra.inspect.style import picture, png


class Said:
    """Findings as (topic, gravity, text), and one picture of a line."""

    def __init__(self, *findings: tuple[str, Gravity, str], title: str = "Said") -> None:
        self._findings = [Finding(*finding) for finding in findings]
        self.title = title

    def findings(self) -> list[Finding]:
        return self._findings

    def to_dict(self) -> dict[str, Any]:
        return {"line": [0.0, 1.0]}

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        figure, axes = picture(2, 1, dark, "step", "value (1)")
        axes.plot([0, 1])
        return [("a <line>", png(figure))]
