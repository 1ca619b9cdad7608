"""The tags of a tagging task: as the data writes them, and as the network predicts them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor

from recurra.data import Examples, LabelSet, columns
from recurra.data.text.spans import (
    PREFIXES,
    TagConverter,
    all_tags,
    convert,
    guess_scheme,
    spans,
    split_tag,
    violations,
)
from recurra.errors import Fault, quoted
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json

TAGS = "tags.json"
FORMAT = 1

Scheme = Literal["auto", "none", "IOB1", "BIO", "BIOES"]

_MARKED = re.compile("[BIES]-.+")


class TagSet:
    """Tags, and the scheme by which they mark spans.

    Attributes:
        names: the tags that the network chooses from.
        scheme: of the data, None where tags mark no spans.
        inner: the scheme of `names`; BIOES tells apart more of a span than BIO (Ratinov and Roth, 2009).
        notes: remarks made while building; not saved.
    """

    def __init__(self, names: LabelSet, scheme: str | None, inner: str | None) -> None:
        self.names, self.scheme, self.inner = names, scheme, inner
        self.notes: list[str] = []

    @classmethod
    def build(cls, examples: Examples, column: str, scheme: Scheme, inner: Literal["BIO", "BIOES"]) -> Self:
        """From the training data. "auto" takes tags such as B-PER for spans."""
        rows = columns.tags(examples, column)
        names = LabelSet.from_column(examples, column, sequences=True)
        outer = _guess(rows, names, f"{examples.source}: column {column!r}") if scheme == "auto" else scheme
        if outer == "none":
            tags = cls(names, None, None)
        else:
            counts = dict.fromkeys(_tags(names.names, outer, inner), 0)
            for tag in (tag for row in rows for tag in convert(row, outer, inner)):
                counts[tag] += 1
            tags = cls(LabelSet(sorted(counts), [counts[name] for name in sorted(counts)]), outer, inner)
            broken = sum(bool(violations(row, outer)) for row in rows)
            if broken:
                tags.notes.append(f"{broken} training rows break the scheme {outer}; they are read as spans")
        tags.notes += map(str, names.notes)
        return tags

    def read(self, examples: Examples, column: str, like: str) -> list[list[str]]:
        """The tags of each example as the data writes them; an unknown one is told by its line."""
        names = self.names
        if self.scheme is not None:
            outer = _tags(names.names, self.inner or "", self.scheme)
            names = LabelSet(outer, [0] * len(outer))
        names.encode_tags(examples, column, like)
        return columns.tags(examples, column)

    def encode(self, row: Sequence[str]) -> list[int]:
        """Tags of the data -> ids."""
        return self.names.encode(row if self.scheme is None else convert(row, self.scheme, self.inner or ""))

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Ids -> tags as the data writes them."""
        row = self.names.decode(ids)
        return row if self.scheme is None else convert(row, self.inner or "", self.scheme)

    def discounts(self, outside: float) -> Tensor:
        """`[K]`: what is taken off the score of each tag: of "O" this, of others nothing.

        Raises:
            Fault: there is something to take off, and tags mark no spans.
        """
        if outside and self.scheme is None:
            raise Fault(f"model.outside_discount = {outside}: these tags mark no spans, so none is outside")
        return torch.tensor([outside if name == "O" else 0.0 for name in self.names.names])

    def converter(self) -> TagConverter | None:
        """`decode` for tags that come one by one; None: they are the data's as they are."""
        return None if self.scheme is None else TagConverter(self.inner or "", self.scheme)

    def spans(
        self, row: Sequence[str], words: Sequence[str], shares: Sequence[float]
    ) -> list[dict[str, Any]]:
        """The spans that tags of the data mark, JSON-ready; `probability`: the least of their tags'.

        Args:
            shares: how probable each tag is.
        """
        return [
            {
                "label": label,
                "start": start,
                "end": end,
                "text": " ".join(words[start:end]),
                "probability": min(shares[start:end]),
            }
            for label, start, end in spans(row, self.scheme or "")
        ]

    def counts(self) -> dict[str, int]:
        """How often training has each tag that the network chooses from."""
        return dict(zip(self.names.names, self.names.counts, strict=True))

    def kinds(self) -> dict[str, list[str]]:
        """Each label of spans, or tag where tags mark none, and the network's tags for it."""
        kinds: dict[str, list[str]] = {}
        for name in self.names.names:
            label = name if self.inner is None else split_tag(name, self.inner)[1] or name
            kinds.setdefault(label, []).append(name)
        return kinds

    def save(self, folder: Path) -> None:
        """Writes a JSON file."""
        schemes = {"scheme": self.scheme, "inner": self.inner}
        write_json(folder / TAGS, {"format": FORMAT, **schemes, "names": self.names.to_dict()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote."""
        where = str(folder / TAGS)
        description = read_json(folder / TAGS)
        check_format(description, FORMAT, where)
        scheme, inner = description.get("scheme"), description.get("inner")
        texts = all(each is None or isinstance(each, str) for each in (scheme, inner))
        if not texts or not {scheme, inner} <= {None, *PREFIXES} or (scheme is None) != (inner is None):
            raise Fault(
                f"{where}: schemes {quoted(scheme)} and {quoted(inner)} found, expected two of "
                f"{', '.join(PREFIXES)}"
            )
        return cls(
            LabelSet.from_dict(Fields(description, where).table("names"), f"{where}: names"), scheme, inner
        )


def _tags(names: Sequence[str], source: str, target: str) -> list[str]:
    """Every tag of the scheme `target` for the labels of tags of the scheme `source`."""
    labels = {split_tag(name, source)[1] for name in names} - {""}
    return all_tags([f"B-{label}" for label in labels], target)


def _guess(rows: Sequence[Sequence[str]], names: LabelSet, where: str) -> str:
    """The scheme of the data; "none" unless every tag is O or looks like B-LABEL."""
    marked = [name for name in names.names if name != "O"]
    if not all(_MARKED.fullmatch(name) for name in marked):
        return "none"
    try:
        return guess_scheme(rows)
    except Fault as fault:
        raise Fault(f"{where}: {fault}; or say which: scheme = ...") from None
