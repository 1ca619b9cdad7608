"""Sentences of a small grammar of English, with what linguists say of them; opinions; dates."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from recurra.data.builtin.sampled import Entries, sampled
from recurra.data.examples import Examples
from recurra.data.text.constituents import brackets, tags_of
from recurra.data.text.linearised import linearised
from recurra.data.text.trees import Tree

_WORDS = {
    "NOUN": "dog cat child teacher boat garden letter song watch train light plant park green kind".split(),
    "NAME": "Ann Bob Carla David Eve".split(),
    "ADJ": "old small light green open quiet kind".split(),
    "VERB": "sees finds likes watches trains plants lights opens paints".split(),
    "RUNS": "sleeps sings waits runs plays".split(),
    "ADV": "often always quietly never".split(),
    "ADP": "in near behind with".split(),
    "DET": "the a every this".split(),
    "PRON": "she he it".split(),
}
_UPOS = {"NAME": "PROPN", "RUNS": "VERB"}


class Phrase(NamedTuple):
    """A constituent: its tree, and which of its words governs the others, counted from 0."""

    tree: Tree
    head: int
    arcs: list[tuple[int, str]]
    """Governor of each word (its own number for the head), and the relation."""


def sentences(*, part: str = "train", count: int = 1000, seed: int = 0) -> Examples:
    """Sentences of a small grammar, some of whose words are of two kinds ("the light", "a light boat").

    Columns `text`, `tokens`, `tags` (universal parts of speech, as `upos`), `form`, `upos`, `head` and
    `deprel` (universal dependencies), `tree`, `brackets` and `linearised` (constituents, as the format
    `brackets`).

    Args:
        part: "train", "validation" or "test"; no sentence is in two. count: sentences.
        seed: another one draws other sentences of the same part.
    """
    return sampled("sentences", part, count, seed, _sentence, lambda entries: str(entries["text"]))


def opinions(*, part: str = "train", count: int = 1000, seed: int = 0) -> Examples:
    """Sentences about films and the like: columns `text` and `label`, "good" or "bad".

    "Not" turns an opinion round, and after "but" stands the one that counts.

    Args:
        part: "train", "validation" or "test"; no sentence is in two. count: sentences.
        seed: another one draws other sentences of the same part.
    """
    return sampled("opinions", part, count, seed, _opinion, lambda entries: str(entries["text"]))


def dates(*, part: str = "train", count: int = 1000, seed: int = 0) -> Examples:
    """Days of 1950 to 2049 as people write them (`source`) and as ISO 8601 has them (`target`).

    Args:
        part: "train", "validation" or "test"; no day is in two. count: dates.
        seed: another one draws other dates of the same part.
    """
    return sampled("dates", part, count, seed, _date, lambda entries: str(entries["target"]))


def _sentence(rng: random.Random) -> Entries:
    subject, verb = _noun_phrase(rng, "subject"), _verb_phrase(rng)
    mark = Phrase(Tree("PUNCT", "."), 0, [(0, "root")])
    whole = _joined("S", [(subject, "nsubj"), (verb, ""), (mark, "punct")], 1)
    tree = Tree("ROOT", None, (whole.tree,))
    words = tree.words()
    tags = tags_of(tree)
    return {
        "text": " ".join(words),
        "tokens": words,
        "tags": tags,
        "form": words,
        "upos": tags,
        "head": [0 if head == k else head + 1 for k, (head, _) in enumerate(whole.arcs)],
        "deprel": ["root" if head == k else name for k, (head, name) in enumerate(whole.arcs)],
        "tree": tree,
        "brackets": brackets(tree),
        "linearised": linearised(tree),
    }


def _word(rng: random.Random, kind: str) -> Phrase:
    return Phrase(Tree(_UPOS.get(kind, kind), rng.choice(_WORDS[kind])), 0, [(0, "root")])


def _joined(label: str, parts: Sequence[tuple[Phrase, str]], head: int) -> Phrase:
    """A phrase of others, each with its relation to the one that governs."""
    starts = [sum(len(phrase.arcs) for phrase, _ in parts[:k]) for k in range(len(parts))]
    governor = starts[head] + parts[head][0].head
    arcs: list[tuple[int, str]] = []
    for start, (phrase, relation) in zip(starts, parts, strict=True):
        for k, (above, name) in enumerate(phrase.arcs):
            inner = k != phrase.head
            arcs.append((start + above, name) if inner else (governor, relation))
    arcs[governor] = (governor, "root")
    return Phrase(Tree(label, None, tuple(phrase.tree for phrase, _ in parts)), governor, arcs)


def _noun_phrase(rng: random.Random, place: str, deep: int = 0) -> Phrase:
    kind = rng.random()
    if kind < 0.15:
        return _joined("NP", [(_word(rng, "NAME"), "")], 0)
    if kind < 0.25 and place == "subject":
        return _joined("NP", [(_word(rng, "PRON"), "")], 0)
    parts = [(_word(rng, "DET"), "det")]
    parts += [(_word(rng, "ADJ"), "amod") for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    parts.append((_word(rng, "NOUN"), ""))
    head = len(parts) - 1
    if rng.random() < 0.25 and deep < 2:
        parts.append((_prepositional(rng, deep + 1), "nmod"))
    return _joined("NP", parts, head)


def _prepositional(rng: random.Random, deep: int = 0) -> Phrase:
    return _joined("PP", [(_word(rng, "ADP"), "case"), (_noun_phrase(rng, "object", deep), "")], 1)


def _verb_phrase(rng: random.Random) -> Phrase:
    transitive = rng.random() < 0.6
    parts = [(_word(rng, "ADV"), "advmod")] if rng.random() < 0.3 else []
    head = len(parts)
    parts.append((_word(rng, "VERB" if transitive else "RUNS"), ""))
    if transitive:
        parts.append((_noun_phrase(rng, "object"), "obj"))
    if rng.random() < 0.3:
        parts.append((_prepositional(rng), "obl"))
    return _joined("VP", parts, head)


_THINGS = "the film,the story,the music,the ending,the acting,the hero,the dialogue,every scene".split(",")
_GOOD = "wonderful,moving,clever,funny,fresh,beautiful,a joy".split(",")
_BAD = "dull,clumsy,silly,stale,ugly,far too long,a bore".split(",")
_DEGREES = ("", "", "quite ", "really ", "always ")


def _opinion(rng: random.Random) -> Entries:
    parts = [_judged(rng) for _ in range(rng.choice((1, 1, 2)))]
    text = f"{parts[0][0]} ."
    if len(parts) > 1:
        # two that agree are joined by "and", of others the last one counts
        text = f"{parts[0][0]} {'and' if parts[0][1] == parts[1][1] else 'but'} {parts[1][0]} ."
    return {"text": text, "label": "good" if parts[-1][1] else "bad"}


def _judged(rng: random.Random) -> tuple[str, bool]:
    good, turned = rng.random() < 0.5, rng.random() < 0.3
    degree = "not " if turned else rng.choice(_DEGREES)
    return f"{rng.choice(_THINGS)} is {degree}{rng.choice(_GOOD if good else _BAD)}", good != turned


_MONTHS = "January February March April May June July August September October November December".split()
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def _date(rng: random.Random) -> Entries:
    day = date(1950, 1, 1) + timedelta(days=rng.randrange(36525))
    month, year = _MONTHS[day.month - 1], f"{day.year % 100:02}" if day.year >= 2000 else str(day.year)
    forms: list[Any] = [
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day} {month[:3]} {year}",
        f"{_WEEKDAYS[day.weekday()]}, {month} {day.day}, {day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"the {_ordinal(day.day)} of {month}, {day.year}",
    ]
    return {"source": rng.choice(forms), "target": day.isoformat()}


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
