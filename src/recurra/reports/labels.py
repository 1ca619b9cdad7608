"""Labels that were answered, beside those that are true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def label_pairs(answers: Iterable[tuple[Mapping[str, Any], Any]]) -> Iterator[tuple[str, str]]:
    """The true and the answered label of each answer with a `label`, of each tag of one with `tags`."""
    for answer, truth in answers:
        if "label" in answer:
            true = truth[-1] if isinstance(truth, list) else truth  # of a tree the root's
            if true:
                yield true, answer["label"]
        elif "tags" in answer and isinstance(truth, list):
            yield from zip(truth, answer["tags"], strict=True)
