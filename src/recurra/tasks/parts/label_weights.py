"""Labels that weigh more in the loss than others, as rare ones may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from recurra.errors import Fault, nearest

LabelWeights = Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]]


def weights_of(
    choice: LabelWeights | None, counts: Mapping[str, int], kinds: Mapping[str, Sequence[str]]
) -> Tensor | None:
    """The weight of each label, `[labels]`; None: all weigh the same.

    Args:
        choice: "balanced": a label that n of N examples have weighs `N / (labels n)`, so that all labels
            together weigh the same (King and Zeng, 2001); one that none has weighs 1. A table: labels it does
            not name weigh 1.
        counts: of each label, in order. kinds: what a table may name, and the labels that are meant.

    Raises:
        Fault: a table names a label that training has none of.
    """
    if choice is None:
        return None
    if choice == "balanced":
        present = [count for count in counts.values() if count]
        total = sum(present)
        return torch.tensor([total / (len(present) * count) if count else 1.0 for count in counts.values()])
    weights = dict.fromkeys(counts, 1.0)
    for name, weight in choice.items():
        if name not in kinds:
            raise Fault(
                f"model.label_weights: no label of the training data is called {name!r}{nearest(name, kinds)}"
            )
        weights.update(dict.fromkeys(kinds[name], weight))
    return torch.tensor(list(weights.values()))
