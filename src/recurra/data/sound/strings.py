"""Longer recordings made of short ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.data.examples import Place
from recurra.errors import Fault


class SpokenTexts(NamedTuple):
    """Recordings `[N]` with their texts, and where they come from."""

    samples: list[Tensor]
    texts: list[str]
    places: list[Place]


def join_recordings(
    parts: SpokenTexts,
    groups: Sequence[str],
    *,
    count: int,
    shortest: int,
    longest: int,
    pauses: tuple[int, int],
    seed: int,
) -> SpokenTexts:
    """`count` strings of `shortest` to `longest` recordings, silence between them, texts with blanks between.

    Each string is of one group, the groups in turn; what it holds, and how long each pause is, is drawn from
    `seed` alone.

    Args:
        groups: for each part the group (a speaker, say) that it belongs to.
        pauses: the shortest and the longest silence, in samples.
    """
    if not 1 <= shortest <= longest or count < 1 or not 0 <= pauses[0] <= pauses[1]:
        raise Fault(
            f"strings: count = {count}, {shortest} to {longest} recordings, pauses of {pauses[0]} to "
            f"{pauses[1]} samples: expected at least 1, and the smaller number first"
        )
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    # the standard library's generator, seeded by text, draws the same numbers everywhere
    rng, names = random.Random(f"join_recordings:{seed}"), sorted(members)
    strings = SpokenTexts([], [], [])
    for number in range(count):
        numbers = rng.choices(members[names[number % len(names)]], k=rng.randint(shortest, longest))
        pieces: list[Tensor] = []
        for index in numbers:
            if pieces:
                pieces.append(torch.zeros(rng.randint(*pauses)))
            pieces.append(parts.samples[index])
        strings.samples.append(torch.cat(pieces))
        strings.texts.append(" ".join(parts.texts[index] for index in numbers))
        strings.places.append(Place(parts.places[numbers[0]].file, number + 1, "first of string"))
    return strings
