"""Labelled spans as one tag for each token: IOB1, BIO (IOB2) and BIOES (Ratinov and Roth, 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from recurra.errors import Fault, nearest

PREFIXES = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES"}
"""Scheme -> the letters its tags begin with, besides "O"."""


class Span(NamedTuple):
    """Tokens `start` to `end` (not included) under one label."""

    label: str
    start: int
    end: int


def split_tag(tag: str, scheme: str = "BIO") -> tuple[str, str]:
    """ "B-per" -> ("B", "per"), "O" -> ("O", ""); Fault for a tag that is not of the scheme."""
    if tag == "O":
        return "O", ""
    prefix, dash, label = tag.partition("-")
    if not (dash and label and len(prefix) == 1 and prefix in _letters(scheme)):
        letters = ", ".join(f"{letter}-LABEL" for letter in PREFIXES[scheme])
        raise Fault(f"tag {tag!r} is not of the scheme {scheme}: expected O, {letters}")
    return prefix, label


def spans(tags: Sequence[str], scheme: str = "BIO") -> list[Span]:
    """The spans of a sentence, in order.

    Ill-formed tags are read as the CoNLL evaluation script does: a span begins where its label is new or its
    tag says so, and ends before the next one begins.
    """
    complete: list[Span] = []
    start, open_label, closed = 0, "", True
    for index, tag in enumerate([*tags, "O"]):
        prefix, label = split_tag(tag, scheme)
        begins = _begins(prefix, label, "" if closed else open_label, scheme)
        if open_label and (begins or not label):
            complete.append(Span(open_label, start, index))
        if begins:
            start = index
        open_label, closed = label, prefix in "OES"
    return complete


def to_tags(spans: Sequence[Span], length: int, scheme: str = "BIO") -> list[str]:
    """The tags of a sentence of `length` tokens; Fault for spans that overlap or leave it."""
    letters = _letters(scheme)
    tags = ["O"] * length
    last: Span | None = None
    for span in sorted(spans, key=lambda s: s.start):
        if not 0 <= span.start < span.end <= length or (last is not None and span.start < last.end):
            raise Fault(
                f"span {tuple(span)} is empty, overlaps another or leaves a sentence of {length} tokens"
            )
        touches = last is not None and last.end == span.start and last.label == span.label
        inside = [f"I-{span.label}"] * (span.end - span.start)
        if scheme != "IOB1" or touches:
            inside[0] = f"B-{span.label}"
        if "E" in letters:
            inside[-1] = f"E-{span.label}" if len(inside) > 1 else f"S-{span.label}"
        tags[span.start : span.end] = inside
        last = span
    return tags


def convert(tags: Sequence[str], source: str, target: str) -> list[str]:
    """Tags of one scheme in another one; nothing is lost."""
    return to_tags(spans(tags, source), len(tags), target)


class TagConverter:
    """`convert` of a sentence that comes tag by tag: what it gives in the end is what `convert` gives.

    A tag of BIO or IOB1 is certain at once; in BIOES that of a word in a span is after the next word.
    """

    def __init__(self, source: str, target: str) -> None:
        self._source, self._target = source, target
        self._label, self._closed, self._waiting = "", True, ""

    def feed(self, tag: str) -> list[str]:
        """The tags, in order, that this one makes certain."""
        prefix, label = split_tag(tag, self._source)
        begins = _begins(prefix, label, "" if self._closed else self._label, self._source)
        if self._target == "BIOES":
            certain = self._settle(goes_on=bool(label) and not begins)
            self._waiting = ("B" if begins else "I") if label else ""
        else:
            touches = label == self._label
            letter = "B" if begins and (self._target == "BIO" or touches) else "I"
            certain = [f"{letter}-{label}" if label else "O"]
        self._label, self._closed = label, prefix in "OES"
        return [*certain, "O"] if self._target == "BIOES" and not label else certain

    def finish(self) -> list[str]:
        """The tags still due at the end of the sentence; the next one begins."""
        certain = self._settle(goes_on=False)
        self._label, self._closed, self._waiting = "", True, ""
        return certain

    def _settle(self, goes_on: bool) -> list[str]:
        """The tag of BIOES that waited for the word after it."""
        if not self._waiting:
            return []
        letter = self._waiting if goes_on else {"B": "S", "I": "E"}[self._waiting]
        return [f"{letter}-{self._label}"]


def violations(tags: Sequence[str], scheme: str = "BIO") -> list[tuple[int, str]]:
    """Where a sentence breaks its scheme: position and what is wrong; empty when well-formed."""
    faults = []
    for index, (prev_tag, tag) in enumerate(zip(["O", *tags], [*tags, "O"], strict=True)):
        if not _may_follow(prev_tag, tag, scheme):
            if index == len(tags):
                faults.append((index - 1, f"{prev_tag} ends the sentence"))
            else:
                faults.append((index, f"{tag} after {prev_tag}" if index else f"{tag} begins the sentence"))
    return faults


def guess_scheme(sentences: Sequence[Sequence[str]]) -> str:
    """The scheme that all sentences fit: BIO, IOB1 or BIOES; Fault when they fit none."""
    for scheme in ("BIO", "IOB1", "BIOES"):
        try:
            if not any(violations(tags, scheme) for tags in sentences):
                return scheme
        except Fault:
            continue
    raise Fault("the tags fit none of the schemes BIO, IOB1 and BIOES: correct them, or tag without spans")


def all_tags(names: Sequence[str], scheme: str = "BIO") -> list[str]:
    """ "O" and every tag that the scheme has for the labels of these tags."""
    labels = sorted({split_tag(name, scheme)[1] for name in names} - {""})
    return ["O", *(f"{letter}-{label}" for label in labels for letter in _letters(scheme))]


def _may_follow(prev_tag: str, tag: str, scheme: str) -> bool:
    (first, label), (second, new) = split_tag(prev_tag, scheme), split_tag(tag, scheme)
    if scheme == "IOB1":
        # B only parts two spans of one label
        return second != "B" or label == new
    if scheme == "BIO":
        return second != "I" or label == new
    continues = second in "IE"
    return continues == (first in "BI") and (not continues or label == new)


def _begins(prefix: str, label: str, open_label: str, scheme: str) -> bool:
    """Whether a tag begins a span; `open_label` is that of the span that could go on, else empty."""
    return bool(label) and (label != open_label or prefix == "B" or (scheme == "BIOES" and prefix == "S"))


def _letters(scheme: str) -> str:
    if scheme not in PREFIXES:
        raise Fault(f"no tagging scheme is called {scheme!r}{nearest(scheme, PREFIXES)}")
    return PREFIXES[scheme]
