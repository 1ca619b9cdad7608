"""How a file writes its numbers: decimal points or commas, groups of thousands, texts for no value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Real
from typing import Any, Literal, NamedTuple

from recurra.errors import Fault

DecimalMark = Literal[".", ","]

MARKERS = frozenset({"", "-", "--", "?", ".", "na", "n/a", "#n/a", "nan", "nat", "null", "none"})
"""What stands for no value where a number or a time stamp is expected, in small letters."""

_OPTIONS = ("decimal", "day_first", "missing")
_BODY = re.compile(r"([+-]?)([0-9.,' \u00a0\u202f\u2019]+)([eE][+-]?[0-9]+)?")
_SPACED = re.compile(r"[0-9]{1,3}(?:([' \u00a0\u202f\u2019])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]*)?")
_GROUPS = {mark: re.compile(rf"[0-9]{{1,3}}(?:[{mark}][0-9]{{3}})+") for mark in ".,"}
_NUMBER = re.compile(
    r"[0-9]+[.,]?[0-9]*|[.,][0-9]+"
    r"|[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]*)?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?"
)
_SIMPLE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_EITHER = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")


class Notation(NamedTuple):
    """How a file writes numbers and dates, where a recipe says so.

    Attributes:
        decimal: the mark before the decimals, "." or ","; None: as the entries show.
        day_first: whether 03/04/2024 is the third of April; None: as the entries of the column show.
        missing: texts that stand for no value, besides `MARKERS`.
    """

    decimal: DecimalMark | None = None
    day_first: bool | None = None
    missing: tuple[str, ...] = ()

    @classmethod
    def pop(cls, table: dict[str, Any], where: str) -> Notation:
        """Takes the keys `decimal`, `day_first` and `missing` out of a table of options."""
        values: Mapping[str, Any] = {key: table.pop(key) for key in _OPTIONS if key in table}
        decimal, day_first = values.get("decimal"), values.get("day_first")
        if decimal not in (None, ".", ","):
            raise Fault(f"{where}: decimal = {decimal!r} found, expected '.' or ','")
        if day_first is not None and not isinstance(day_first, bool):
            raise Fault(f"{where}: day_first = {day_first!r} found, expected true or false")
        missing = values.get("missing", [])
        listed = missing if isinstance(missing, (list, tuple)) else [missing]
        if not all(isinstance(each, (str, int, float)) and not isinstance(each, bool) for each in listed):
            raise Fault(f"{where}: missing = {missing!r} found, expected texts or numbers that mean no value")
        return cls(decimal, day_first, tuple(str(each).strip() for each in listed))

    def is_missing(self, entry: Any) -> bool:
        """Whether an entry stands for no value where a number or a time stamp is expected."""
        if entry is None:
            return True
        if isinstance(entry, str):
            text = entry.strip()
            return text.lower() in MARKERS or text in self.missing or self._is_listed(text)
        if not isinstance(entry, Real) or isinstance(entry, bool):
            return type(entry).__name__ in ("NaTType", "NAType")
        return math.isnan(entry) or self._is_listed(entry)

    def _is_listed(self, entry: Any) -> bool:
        """Whether a number equals one of `missing`: -999 is -999.0 too."""
        if not self.missing:
            return False
        value = _float(entry)
        return value is not None and any(value == _float(each) for each in self.missing)


PLAIN = Notation()
"""Nothing said: everything as the entries show."""


def decimal_mark(texts: Iterable[str]) -> DecimalMark | Literal["either", "both"] | None:
    """The decimal mark that numbers show together.

    Returns:
        "." or ","; None where no number tells; "either" where 1,234 might be 1.234 or 1234; "both" where they
        contradict one another.
    """
    listed = list(texts)
    if not any("," in text or text.count(".") > 1 for text in listed):
        return "." if any(mark_of(text) == "." for text in listed) else None
    signs = {mark_of(text) for text in listed}
    if {".", ","} <= signs:
        return "both"
    if "," in signs:
        return ","
    if "." in signs:
        return "."
    return "either" if "either," in signs else None


def mark_of(text: str) -> str | None:
    """What one text shows of the decimal mark: ".", ",", "either." or "either," (by the mark that stands
    before three digits), or None where it has no mark or is no number.
    """
    parts = _parts(text)
    if parts is None:
        return None
    body, exponent = parts[1], parts[2]
    points, commas = body.count("."), body.count(",")
    if points and commas:
        return "." if body.rindex(".") > body.rindex(",") else ","
    if points + commas > 1:
        return "," if points else "."
    if not points and not commas:
        return None
    if not exponent and _EITHER.fullmatch(body):
        return "either." if points else "either,"
    return "." if points else ","


def plain(text: str, decimal: str) -> str | None:
    """A number as Python writes it; None where the text is no number with this decimal mark."""
    parts = _parts(text)
    if parts is None:
        return None
    sign, body, exponent = parts
    group = "," if decimal == "." else "."
    whole, mark, decimals = body.partition(decimal)
    if group in decimals or decimal in decimals:
        return None
    if group in whole:
        if not _GROUPS[group].fullmatch(whole):
            return None
        whole = whole.replace(group, "")
    return f"{sign}{whole or '0'}{'.' + decimals if mark and decimals else ''}{exponent}"


def number_text(entry: Any, decimal: str = ".") -> str | None:
    """A number, or a text of one, as a text that `float` and `Decimal` read; None where it is none.

    True and false are no numbers, nor is a text with underscores; what is not finite may be.
    """
    if isinstance(entry, str):
        return entry if decimal == "." and _SIMPLE.fullmatch(entry) else plain(entry, decimal)
    if isinstance(entry, bool) or type(entry).__name__ in ("bool_", "bool"):
        return None
    if isinstance(entry, (Real, Decimal)):
        return str(entry)
    if type(entry).__name__ in ("datetime64", "timedelta64", "bytes"):
        return None
    try:
        return repr(float(entry))
    except (TypeError, ValueError, OverflowError):
        return None


def _parts(text: str) -> tuple[str, str, str] | None:
    """Sign, digits with their marks, and exponent of a text that is a number in some notation."""
    match = _BODY.fullmatch(text.strip().replace("\u2212", "-"))
    if match is None:
        return None
    body = match[2]
    if not body.isascii() or " " in body or "'" in body:
        if not _SPACED.fullmatch(body):
            return None
        body = re.sub(r"[^0-9.,]", "", body)
    return (match[1], body, match[3] or "") if _NUMBER.fullmatch(body) else None


def _float(entry: Any) -> float | None:
    """A number in either notation."""
    try:
        return float((plain(entry, ".") or plain(entry, ",") or "nan") if isinstance(entry, str) else entry)
    except (TypeError, ValueError, OverflowError):
        return None
