"""Token ids in the place of numbers: what a whole model's step reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """How ids become the x of a step.

    Attributes:
        count: how many ids there are.
        name: of the table `[count, width]` whose rows are looked up, among the step's weights; None: a one in
            the place of the id.
    """

    count: int
    name: str | None
