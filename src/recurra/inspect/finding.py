"""What an inspection says: sentences with numbers, each with how grave it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Gravity = Literal["healthy", "note", "warning"]


@dataclass(frozen=True)
class Finding:
    """One sentence of a verdict.

    Attributes:
        topic: what it is about, one word: "vanishing", "exploding", "truncation", "clipping", "saturation",
            "memory", "surface", "gradient", ...
        gravity: "warning" where something should be changed, "note" what is good to know, "healthy".
        text: the sentence, with its numbers and units, and what to do about it.
        numbers: the same for programs, JSON-ready.
    """

    topic: str
    gravity: Gravity
    text: str
    numbers: dict[str, Any] = field(default_factory=dict)


class Inspection(Protocol):
    """What every inspection gives; `str()` of it begins with the verdict."""

    @property
    def title(self) -> str:
        """A heading."""

    def findings(self) -> list[Finding]:
        """The verdict, gravest first; at least one."""

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        """Caption and PNG of each picture; on light or on dark ground, axes with names and units."""


_ORDER: dict[Gravity, int] = {"warning": 0, "note": 1, "healthy": 2}


def gravest_first(findings: Sequence[Finding]) -> list[Finding]:
    """Warnings, then notes, then what is healthy; in each the order as it was."""
    return sorted(findings, key=lambda finding: _ORDER[finding.gravity])


def verdict(findings: Sequence[Finding]) -> str:
    """The sentences, gravest first, one a line."""
    return "\n".join(finding.text for finding in gravest_first(findings))
