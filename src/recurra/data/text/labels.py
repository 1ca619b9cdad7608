"""Labels <-> ids: classes and tags. There is no unknown label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recurra.data import columns
from recurra.data.examples import Examples
from recurra.data.remarks import Note
from recurra.data.text.spans import all_tags
from recurra.data.text.widening import widened
from recurra.errors import Fault, nearest
from recurra.storage.fields import is_text, is_whole
from recurra.storage.files import check_format, read_json, write_json

FORMAT = 1


class LabelSet:
    """The labels of the training data, sorted by name. Where another run began the set, its labels keep their
    ids, and the others follow.

    Attributes:
        names: the label of each id.
        counts: how often each was seen.
        notes: remarks made while building (a label seen once); not saved.
        base: how many of the labels another run began it with.
    """

    __slots__ = ("_ids", "base", "counts", "names", "notes")

    def __init__(self, names: Sequence[str], counts: Sequence[int], notes: Sequence[Note] = ()) -> None:
        self.base = 0
        if len(names) == len(counts):
            names, counts, self.base = widened("labels", names, counts)
        self.names = tuple(names)
        self.counts = tuple(counts)
        self.notes = tuple(notes)
        self._ids = {name: index for index, name in enumerate(self.names)}
        if len(self._ids) != len(self.names) or len(self.counts) != len(self.names):
            raise Fault("a label set holds each label once, with one count for each")
        if len(self.names) < 2:
            content = f"one label ({self.names[0]!r})" if self.names else "no label"
            raise Fault(f"a set of {content} leaves nothing to learn: expected at least two")

    @classmethod
    def build(cls, pairs: Iterable[tuple[str, str]]) -> LabelSet:
        """From pairs of a label and its place."""
        counts: Counter[str] = Counter()
        first: dict[str, str] = {}
        for label, place in pairs:
            counts[label] += 1
            if label not in first:
                first[label] = place
        names = sorted(counts)
        notes = [
            Note(first[name], f"label {name!r} is seen only once in training: too little to learn it")
            for name in names
            if counts[name] == 1
        ]
        return cls(names, [counts[name] for name in names], notes)

    @classmethod
    def from_column(
        cls, examples: Examples, column: str, *, sequences: bool = False, scheme: str | None = None
    ) -> LabelSet:
        """From a column of labels or, with `sequences`, of lists of labels.

        A `scheme` ("BIO", ...) adds the tags that its labels can take though training has none of them (I-LST
        where only B-LST was seen), with count 0.
        """
        pairs = list(_labels_with_places(examples, column, sequences))
        try:
            labels = cls.build(pairs)
            return labels if scheme is None else labels.completed(scheme)
        except Fault as fault:
            raise Fault(f"{examples.source}: column {column!r}: {fault}") from None

    def completed(self, scheme: str) -> LabelSet:
        """With every tag of the scheme for every label; those not seen have count 0."""
        counts = dict.fromkeys(all_tags(self.names, scheme), 0) | dict(
            zip(self.names, self.counts, strict=True)
        )
        return LabelSet(sorted(counts), [counts[name] for name in sorted(counts)], self.notes)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._ids

    def __getitem__(self, name: str) -> int:
        """The id of a label; Fault with the nearest name for one not seen in training."""
        if name not in self._ids:
            raise Fault(f"label {name!r} was not seen in training{nearest(name, self.names)}")
        return self._ids[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelSet) and (self.names, self.counts) == (other.names, other.counts)

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"LabelSet({', '.join(self.names)})"

    def encode(self, names: Iterable[str]) -> list[int]:
        """Ids of labels."""
        return [self[name] for name in names]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Labels of ids."""
        return [self.names[index] for index in ids]

    def encode_labels(self, examples: Examples, column: str) -> list[int]:
        """The id of each example's label; an unknown one is told by its place."""
        names = columns.labels(examples, column)
        return [self._at(name, str(place)) for name, place in zip(names, examples.places, strict=True)]

    def encode_tags(self, examples: Examples, column: str, like: str | None = None) -> list[list[int]]:
        """The ids of each example's tags; an unknown one is told by its line. `like`: see `columns.tags`."""
        rows = columns.tags(examples, column, like)
        return [
            [
                self._ids[name] if name in self._ids else self._at(name, place.item(k))
                for k, name in enumerate(row)
            ]
            for row, place in zip(rows, examples.places, strict=True)
        ]

    def _at(self, name: str, place: str) -> int:
        try:
            return self[name]
        except Fault as fault:
            raise Fault(f"{place}: {fault}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` takes back."""
        base = {"base": self.base} if self.base else {}
        return {"format": FORMAT, "labels": list(self.names), "counts": list(self.counts), **base}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any], where: str = "labels") -> LabelSet:
        """The inverse of `to_dict`; `where` is named in a Fault, of labels in another order, too."""
        check_format(description, FORMAT, where)
        names, counts, base = description.get("labels"), description.get("counts"), description.get("base", 0)
        if (
            not isinstance(names, list)
            or not (is_whole(base) and 0 <= base <= len(names))
            or not isinstance(counts, list)
            or not all(map(is_text, names))
            or not all(is_whole(n) and n >= 0 for n in counts)
        ):
            raise Fault(
                f"{where}: not a label set: expected lists 'labels' (texts) and 'counts' (whole numbers)"
            )
        if names[base:] != sorted(names[base:]):
            raise Fault(
                f"{where}: labels are not in the order of the alphabet: it is damaged or from another version"
            )
        try:
            labels = cls(names, counts)
            labels.base = base
            return labels
        except Fault as fault:
            raise Fault(f"{where}: {fault}") from None

    def save(self, path: str | Path) -> None:
        """Writes a JSON file atomically."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> LabelSet:
        """Reads what `save` wrote."""
        return cls.from_dict(read_json(path), str(path))


def _labels_with_places(examples: Examples, column: str, sequences: bool) -> Iterator[tuple[str, str]]:
    if sequences:
        for row, place in zip(columns.tags(examples, column), examples.places, strict=True):
            for k, name in enumerate(row):
                yield name, place.item(k)
    else:
        for name, place in zip(columns.labels(examples, column), examples.places, strict=True):
            yield name, str(place)
