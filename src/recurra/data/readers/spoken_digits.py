"""Strings of spoken digits, with a question in words about each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from recurra.data.examples import Examples, Place
from recurra.data.readers.audio import read_audio
from recurra.data.sound.recording import Recording
from recurra.errors import Fault, quoted

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLURALS = (*(f"{name}s" for name in NAMES[:6]), "sixes", "sevens", "eights", "nines")
_FILES = r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d{1,9})"
_ORDINALS = ("first", "second", "third")
_MOST = 3  # times that a counted digit is there: as many as the shortest string has room for


def read_spoken_digits(
    path: str | Path,
    *,
    part: str = "train",
    count: int = 1000,
    items: tuple[int, int] = (3, 7),
    pause: tuple[float, float] = (0.05, 0.3),
    test: int = 5,
    validation: int = 0,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    seed: int = 0,
) -> Examples:
    """Columns `audio`, a `Recording` of several digits by one speaker; `question`; `answer`; `kind` of
    question; `digits`, what is said, and `story`, the same as a list of words; `speaker`.

    Asked is which digit is first, second, third or last, which one comes after another, which is the largest,
    how often one is said, and whether one is. A string is made for its question: how long it is is drawn
    first, and the answer without regard to that, so that length gives nothing away.

    Args:
        path: recordings of one digit each, called `DIGIT_SPEAKER_INDEX`, as `format = "audio"` reads them.
        part: "train", "validation" or "test".
        count: strings.
        items: the least and the most digits of a string.
        pause: the shortest and the longest silence between two digits, in seconds.
        test: recordings with an index below this are to test on. validation: so many that follow are to
            validate on.
        only: speakers that are read alone; none: all. without: speakers that are left out.
        seed: another one makes other strings.
    """
    if part not in ("train", "validation", "test") or count < 1 or not _MOST <= items[0] <= items[1]:
        raise Fault(
            f"{path}: part = {part!r}, count = {count}, items = {list(items)}: expected train, validation "
            f"or test, at least 1, and from {_MOST} up, the smaller number first"
        )
    if not 0 <= pause[0] <= pause[1]:
        raise Fault(f"{path}: pause = {list(pause)}: expected seconds from 0, the shorter one first")
    if min(test, validation) < 0 or (part == "validation" and not validation):
        raise Fault(
            f"{path}: part = {part!r}, test = {test}, validation = {validation}: expected how many "
            f"recordings of each digit are kept for that, from 1 (data.common.validation)"
        )
    recordings = _recordings(path, part, (test, test + validation), only, without)
    # the standard library's generator, seeded by text, draws the same numbers everywhere
    rng = random.Random(f"spoken_digits:{part}:{seed}")
    columns: dict[str, list[Any]] = {
        name: [] for name in ("audio", "question", "answer", "kind", "digits", "story", "speaker")
    }
    speakers, kinds = sorted(recordings), list(_KINDS)
    for number in range(count):
        speaker, kind = speakers[number % len(speakers)], kinds[rng.randrange(len(kinds))]
        question, digits, answer = _KINDS[kind](rng, rng.randint(*items))
        audio = _joined(rng, recordings[speaker], digits, pause)
        words = [NAMES[digit] for digit in digits]
        row = audio, question, answer, kind, " ".join(words), words, speaker
        for column, entry in zip(columns, row, strict=True):
            columns[column].append(entry)
    places = [Place(f"{path} ({part})", number + 1, "string") for number in range(count)]
    return Examples(columns, places, f"{path} ({part})")


def _recordings(
    path: str | Path, part: str, ends: tuple[int, int], only: Sequence[str], without: Sequence[str]
) -> dict[str, list[list[Recording]]]:
    """Of each speaker, the recordings of each digit; `ends` are the first index not to test on, and the first
    one to train on.
    """
    examples = read_audio(path, names=_FILES)
    recordings: dict[str, list[list[Recording]]] = {}
    for audio, digit, speaker, index in zip(
        *(examples[name] for name in ("audio", "digit", "speaker", "index")), strict=True
    ):
        if (
            part == ("test" if int(index) < ends[0] else "validation" if int(index) < ends[1] else "train")
            and speaker not in without
            and (not only or speaker in only)
        ):
            recordings.setdefault(speaker, [[] for _ in NAMES])[int(digit)].append(audio)
    lacking = [name for name, digits in recordings.items() if not all(digits)]
    if not recordings or lacking:
        speakers = sorted(set(examples["speaker"]))
        what = f"no recording of some digit by {lacking[0]}" if lacking else "no recording left"
        raise Fault(f"{path}: {what} to {part} on: its speakers are {quoted(speakers)}")
    return recordings


def _joined(
    rng: random.Random, recordings: list[list[Recording]], digits: list[int], pause: tuple[float, float]
) -> Recording:
    """One recording of several, silence between them."""
    pieces: list[torch.Tensor] = []
    rate = 0
    for digit in digits:
        samples, rate = rng.choice(recordings[digit])
        if pieces:
            silence = rng.randint(round(pause[0] * rate), round(pause[1] * rate))
            pieces.append(samples.new_zeros(silence, samples.shape[1]))
        pieces.append(samples)
    return Recording(torch.cat(pieces), rate)


Made = tuple[str, list[int], str]
"""A question, the digits of a string, and the answer."""


def _place(rng: random.Random, length: int) -> Made:
    digits = [rng.randrange(10) for _ in range(length)]
    place = rng.randrange(len(_ORDINALS) + 1)
    if place == len(_ORDINALS):
        return "which digit is last?", digits, NAMES[digits[-1]]
    return f"which digit is {_ORDINALS[place]}?", digits, NAMES[digits[place]]


def _next(rng: random.Random, length: int) -> Made:
    digit = rng.randrange(10)
    digits = [_other(rng, digit) for _ in range(length)]
    place = rng.randrange(length - 1)
    digits[place] = digit
    return f"which digit comes after the {NAMES[digit]}?", digits, NAMES[digits[place + 1]]


def _largest(rng: random.Random, length: int) -> Made:
    largest = rng.randrange(10)
    digits = [rng.randint(0, largest) for _ in range(length)]
    digits[rng.randrange(length)] = largest
    return "which digit is the largest?", digits, NAMES[largest]


def _count(rng: random.Random, length: int) -> Made:
    digit, times = rng.randrange(10), rng.randint(0, _MOST)
    digits = [digit] * times + [_other(rng, digit) for _ in range(length - times)]
    rng.shuffle(digits)
    return f"how many {_PLURALS[digit]} are there?", digits, str(times)


def _presence(rng: random.Random, length: int) -> Made:
    digit, there = rng.randrange(10), rng.random() < 0.5
    digits = [_other(rng, digit) for _ in range(length)]
    if there:
        digits[rng.randrange(length)] = digit
    article = "an" if digit == 8 else "a"
    return f"is there {article} {NAMES[digit]}?", digits, "yes" if there else "no"


def _other(rng: random.Random, digit: int) -> int:
    """Any digit but this one."""
    return (digit + rng.randrange(1, 10)) % 10


_KINDS: dict[str, Callable[[random.Random, int], Made]] = {
    "place": _place,
    "next": _next,
    "largest": _largest,
    "count": _count,
    "presence": _presence,
}
