"""The colours of pictures on light and on dark ground."""

from __future__ import annotations

from typing import NamedTuple


class Colours(NamedTuple):
    """Of a picture on light or on dark ground.

    Attributes:
        ink: text and axes. ground: behind everything. grey: what stands back.
        ramp: name of a colour map from little to much. poles: of one from below zero to above it.
    """

    ink: str
    ground: str
    blue: str
    red: str
    grey: str
    green: str
    amber: str
    violet: str
    ramp: str
    poles: str

    @property
    def series(self) -> tuple[str, ...]:
        """Lines that are told apart, the most important first."""
        return (self.blue, self.red, self.green, self.amber, self.violet)


_LIGHT = Colours(
    ink="#24292f",
    ground="white",
    blue="#1f6feb",
    red="#cf222e",
    grey="#6e7781",
    green="#1a7f37",
    amber="#9a6700",
    violet="#8250df",
    ramp="Blues",
    poles="RdBu_r",
)
_DARK = Colours(
    ink="#e6edf3",
    ground="#0d1117",
    blue="#58a6ff",
    red="#ff7b72",
    grey="#8b949e",
    green="#3fb950",
    amber="#d29922",
    violet="#bc8cff",
    ramp="cividis",
    poles="berlin",
)


def colours(dark: bool = False) -> Colours:
    """Those of the light or the dark ground."""
    return _DARK if dark else _LIGHT
