"""Examples drawn by seed, each in one part of the data alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from recurra.data.builtin.scene_parts import PARTS, part_of
from recurra.data.examples import Examples, Place
from recurra.errors import Fault

Entries = dict[str, Any]


def sampled(
    name: str,
    part: str,
    count: int,
    seed: int,
    draw: Callable[[random.Random], Entries],
    key: Callable[[Entries], str],
) -> Examples:
    """`count` examples of a part.

    Args:
        draw: the entries of one example, by column. key: what it is, as text: equal ones are in one part.

    Raises:
        Fault: no such part, or no example asked for.
    """
    if part not in PARTS or type(count) is not int or count < 1:
        raise Fault(
            f"{name}: part = {part!r}, count = {count!r} found, expected one of {', '.join(PARTS)}, and at "
            f"least 1"
        )
    rng = random.Random(f"{name}:{part}:{seed}")
    rows: list[Entries] = []
    while len(rows) < count:
        entries = draw(rng)
        if part_of(key(entries)) == part:
            rows.append(entries)
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    return Examples(columns, [Place(name, n + 1, "example") for n in range(count)], name)
