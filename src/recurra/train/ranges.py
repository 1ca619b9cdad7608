"""What a search varies: `model.hidden=64..512`, `train.optimiser.lr=1e-4..1e-2`, `model.cell=[lstm, gru]`."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from recurra.errors import Fault
from recurra.runs.toml import value_text
from recurra.storage.toml_text import parse_toml

_NUMBER = r"[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(log|linear|\d+))?")
_WORD = re.compile(r"[A-Za-z_][\w./-]*")
_WHOLE = re.compile(r"[+-]?[\d_]+")
_DECADE = 10.0
_FORMS = (
    "expected LOW..HIGH (as 64..512 or 1e-4..1e-2), with :log, :linear or a step behind it, or [A, B, ...]"
)


class Range(NamedTuple):
    """One setting and the values that it may have.

    Attributes:
        key: in full, as "model.hidden".
        low, high: of a range, both taken; whole numbers where both were written as such.
        logarithmic: values are spread evenly over orders of magnitude. step: between values, else None.
        choices: of a list, each as TOML writes it; empty for a range.
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    step: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int)

    def ends(self) -> list[Any]:
        """The values that are tried against the recipe before the search begins."""
        return [*self.choices] if self.choices else [self.low, self.high]

    def change(self, value: Any) -> str:
        """As `--set` takes it; one of `choices` as it is there."""
        return f"{self.key}={value if self.choices else value_text(value)}"


def read_range(text: str) -> Range:
    """What `--vary` says.

    Raises:
        Fault: it is no range and no list.
    """
    key, equals, values = (part.strip() for part in text.partition("="))
    if not equals or "." not in key:
        raise Fault(f"--vary {text}: expected section.key=VALUES, as in model.hidden=64..512")
    if values.startswith("["):
        return Range(key, choices=_choices(values, text))
    match = _RANGE.fullmatch(values)
    if match is None:
        raise Fault(f"--vary {text}: {_FORMS}")
    whole = all(_WHOLE.fullmatch(end) for end in match.group(1, 2))
    low, high = (int(end) if whole else float(end) for end in match.group(1, 2))
    if not (math.isfinite(low) and math.isfinite(high)) or low >= high:
        raise Fault(f"--vary {text}: {match[1]} is not below {match[2]}")
    if match[3] == "log" and low <= 0:
        raise Fault(f"--vary {text}: a logarithmic range begins above 0")
    step = int(match[3]) if match[3] and match[3].isdigit() else None
    if step is not None and (not whole or not 0 < step <= high - low):
        raise Fault(f"--vary {text}: a step is for whole numbers, and at most their range")
    wide = low > 0 and high / low > _DECADE
    logarithmic = match[3] == "log" or (wide and match[3] is None)
    return Range(key, low, high, logarithmic, step)


def _choices(values: str, text: str) -> tuple[str, ...]:
    choices: list[Any]
    try:
        choices = parse_toml(f"value = {values}".encode(), "")["value"]
    except Fault:
        words = [word.strip() for word in values[1:].removesuffix("]").split(",")]
        if not values.endswith("]") or not all(map(_WORD.fullmatch, words)):
            raise Fault(
                f"--vary {text}: not a list: {_FORMS}; texts that are no bare words in quotes"
            ) from None
        choices = words
    if len(choices) < 2:
        raise Fault(f"--vary {text}: a list of {len(choices)} found, expected at least two values")
    return tuple(map(value_text, choices))
