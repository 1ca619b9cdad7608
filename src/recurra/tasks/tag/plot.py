"""Tagged sentences drawn: each tag below its word, the surer the stronger its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurra.storage.colours import colours
from recurra.tasks.parts.word_lines import Word, draw_words


def draw_tags(
    answers: Sequence[Mapping[str, Any]],
    truths: Sequence[Sequence[str] | None],
    names: Sequence[str],
    scheme: str | None,
    dark: bool,
) -> Any:
    """A figure of sentences with their tags.

    Args:
        answers: see `TagTask.answers`. truths: the tags that the data have, None where there are none.
        names: every tag, in the order of the colours. scheme: by which tags mark spans.
    """
    series = colours(dark).series
    kinds = dict.fromkeys(_kind(name, scheme) for name in names)
    kinds.pop("", None)
    palette = {kind: series[number % len(series)] for number, kind in enumerate(kinds)}
    return draw_words(
        [_words(answer, truth, palette, scheme) for answer, truth in zip(answers, truths, strict=True)], dark
    )


def _words(
    answer: Mapping[str, Any], truth: Sequence[str] | None, palette: Mapping[str, str], scheme: str | None
) -> list[Word]:
    inside = {place for span in answer.get("spans", []) for place in range(span["start"], span["end"] - 1)}
    rows = zip(answer["tokens"], answer["tags"], answer["probabilities"], strict=True)
    words = []
    for k, (token, tag, share) in enumerate(rows):
        kind = _kind(tag, scheme)
        correction = "" if truth is None or truth[k] == tag else f"✗ {truth[k]}"
        plain = not kind and not correction and share > 0.995
        below = () if plain else (tag, f"{share:.0%}")
        words.append(Word(token, below, palette.get(kind), share, correction, k in inside))
    return words


def _kind(tag: str, scheme: str | None) -> str:
    """What a tag is coloured by: the label of its span, the tag itself where tags mark none; "" outside."""
    return tag if scheme is None else tag.partition("-")[2]
