"""The tags that a parser predicts itself, and reads instead of true ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data import LabelSet
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json

OWN_TAGS = "own_tags.json"
FORMAT = 1
UNKNOWN = -1
"""The number of a tag that training had none of, and of "_", which stands for no tag."""

Rows = Sequence[Sequence[str]]


class OwnTags:
    """The tags of each column.

    Args:
        sets: column -> its tags.
    """

    def __init__(self, sets: Mapping[str, LabelSet]) -> None:
        self.sets = dict(sets)

    @classmethod
    def build(cls, columns: Mapping[str, Rows], where: str) -> Self:
        """From training data: column -> for each sentence a tag for each word.

        Raises:
            Fault: a column with less than two tags; begins with `where`.
        """
        sets = {}
        for name, rows in columns.items():
            try:
                sets[name] = LabelSet.build((tag, "") for tag in chain.from_iterable(rows) if tag != "_")
            except Fault as fault:
                raise Fault(f"{where}: column {name!r}: {fault}: leave it out of data.tags") from None
        return cls(sets)

    @property
    def sizes(self) -> dict[str, int]:
        """Column -> how many tags it has."""
        return {name: len(tags) for name, tags in self.sets.items()}

    def encode(self, columns: Mapping[str, Rows]) -> dict[str, Ragged]:
        """Column -> `[N]` int64, for sentences in the order of a Ragged of their words; see `UNKNOWN`."""
        return {
            name: Ragged.from_list([_numbers(tags, row) for row in columns[name]])
            for name, tags in self.sets.items()
        }

    def decode(self, steps: Ragged, scores: Mapping[str, Tensor]) -> dict[str, list[list[str]]]:
        """Column -> for each sentence the likeliest tag of each word.

        Args:
            steps: any Ragged over the words. scores: column -> `[N, K]`, in its layout.
        """
        return {
            name: [tags.decode(row.tolist()) for row in steps.with_data(scores[name].argmax(-1)).to_list()]
            for name, tags in self.sets.items()
        }

    def save(self, folder: Path) -> None:
        """Writes a JSON file."""
        sets = {name: tags.to_dict() for name, tags in self.sets.items()}
        write_json(folder / OWN_TAGS, {"format": FORMAT, "columns": sets})

    @classmethod
    def load(cls, folder: Path, sizes: Mapping[str, int]) -> Self:
        """Reads what `save` wrote. Fault where a model of these sizes is another's."""
        where = str(folder / OWN_TAGS)
        description: dict[str, Any] = read_json(folder / OWN_TAGS)
        check_format(description, FORMAT, where)
        columns = Fields(description, where).table("columns")
        fields = Fields(columns, f"{where}: columns")
        tags = cls(
            {name: LabelSet.from_dict(fields.table(name), f"{where}: columns.{name}") for name in columns}
        )
        if tags.sizes != dict(sizes):
            raise Fault(
                f"{where}: {tags.sizes} tags found, the model has {dict(sizes)}: one of them is damaged or "
                f"from another version"
            )
        return tags


def _numbers(tags: LabelSet, row: Sequence[str]) -> Tensor:
    numbers = {name: number for number, name in enumerate(tags.names)}
    return torch.tensor([numbers.get(tag, UNKNOWN) for tag in row], dtype=torch.int64)
