"""What an inspection says: sentences with numbers, each with how grave it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

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


def percent(share: float, digits: int = 0) -> str:
    """A share as a sentence writes it: 0.18 is `18 %`."""
    return f"{100 * share:.{digits}f} %"


_ORDER: dict[Gravity, int] = {"warning": 0, "note": 1, "healthy": 2}


def gravest_first(findings: Sequence[Finding]) -> list[Finding]:
    """Warnings, then notes, then what is healthy; in each the order as it was."""
    return sorted(findings, key=lambda finding: _ORDER[finding.gravity])


def verdict(findings: Sequence[Finding]) -> str:
    """The sentences, gravest first, one a line."""
    return "\n".join(finding.text for finding in gravest_first(findings))


class Layer(Protocol):
    """What was measured of one run over time."""

    def findings(self) -> list[Finding]:
        """What it comes to; at least one."""

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""


Measured = TypeVar("Measured", bound=Layer)


@dataclass(frozen=True)
class LayerInspection(Generic[Measured]):
    """An inspection that is made layer by layer; `str()` is the verdict.

    Attributes:
        layers: one for each run over time whose steps hand a real number on.
    """

    layers: tuple[Measured, ...]

    def findings(self) -> list[Finding]:
        """One for each layer, gravest first."""
        return gravest_first([finding for layer in self.layers for finding in layer.findings()])

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, JSON-ready."""
        return {"layers": [layer.to_dict() for layer in self.layers]}

    def __str__(self) -> str:
        return verdict(self.findings())
