"""Genes, Morse code, sales, walks, music and drawings: small data of every other kind."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import torch

from recurra.data.builtin.sampled import Entries, sampled
from recurra.data.builtin.scene_parts import PARTS
from recurra.data.examples import Examples, Place
from recurra.data.sound.recording import Recording
from recurra.errors import Fault

_BASES = "tcag"
_RESIDUES = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""Of the codons in the order of their bases (t, c, a, g), by the standard genetic code; * ends a gene."""

MORSE = {
    **dict(zip("abcdefghi", (".-", "-...", "-.-.", "-..", ".", "..-.", "--.", "....", ".."), strict=True)),
    **dict(zip("jklmnopqr", (".---", "-.-", ".-..", "--", "-.", "---", ".--.", "--.-", ".-."), strict=True)),
    **dict(zip("stuvwxyz", ("...", "-", "..-", "...-", ".--", "-..-", "-.--", "--.."), strict=True)),
}
"""Letter -> its dots and dashes (ITU-R M.1677)."""


def genes(*, part: str = "train", count: int = 1000, residues: int = 30, seed: int = 0) -> Examples:
    """Made-up genes: columns `dna`, three bases a residue, and `protein`, by the standard genetic code.

    Args:
        part: "train", "validation" or "test"; no protein is in two. count: genes.
        residues: of the longest one; the shortest has a third of them.
        seed: another one draws other genes of the same part.
    """
    if residues < 3:
        raise Fault(f"genes: residues = {residues} found, expected at least 3")
    codons = [f"{a}{b}{c}" for a in _BASES for b in _BASES for c in _BASES]
    table = {codon: residue for codon, residue in zip(codons, _RESIDUES, strict=True) if residue != "*"}

    def gene(rng: random.Random) -> Entries:
        sequence = ["atg", *rng.choices(list(table), k=rng.randint(residues // 3, residues) - 1)]
        return {"dna": "".join(sequence), "protein": "".join(table[codon] for codon in sequence)}

    return sampled("genes", part, count, seed, gene, lambda entries: str(entries["protein"]))


def morse(
    *, part: str = "train", count: int = 500, letters: int = 4, rate: int = 8000, seed: int = 0
) -> Examples:
    """Morse code as sound, of another pitch and speed each time and with some noise: columns `audio` and
    `text`.

    Args:
        part: "train", "validation" or "test"; no text is in two. count: recordings.
        letters: of the longest text. rate: samples a second.
        seed: another one draws other texts of the same part.
    """
    if letters < 1 or rate < 2000:
        raise Fault(f"morse: letters = {letters}, rate = {rate} found, expected at least 1 and 2,000")

    def telegram(rng: random.Random) -> Entries:
        text = "".join(rng.choices(list(MORSE), k=rng.randint(1, letters)))
        return {"audio": Recording(_keyed(rng, text, rate), rate), "text": text}

    return sampled("morse", part, count, seed, telegram, lambda entries: str(entries["text"]))


def _keyed(rng: random.Random, text: str, rate: int) -> torch.Tensor:
    """`[N, 1]`: tones of one and three units, gaps of one, and of three between letters."""
    unit = int(rate * rng.uniform(0.05, 0.08))
    keys = [0] * 2
    for letter in text:
        for sign in MORSE[letter]:
            keys += [1] * (1 if sign == "." else 3) + [0]
        keys += [0] * 2
    envelope = torch.tensor(keys, dtype=torch.float32).repeat_interleave(unit)
    times = torch.arange(len(envelope)) / rate
    tone = torch.sin(2 * math.pi * rng.uniform(500, 800) * times) * envelope * rng.uniform(0.2, 0.5)
    noise = torch.randn(len(tone), generator=torch.Generator().manual_seed(rng.getrandbits(60)))
    return (tone + 0.01 * noise)[:, None]


def sales(*, years: int = 12, shops: int = 3, seed: int = 0) -> Examples:
    """Sales of shops by month: columns `month`, `shop`, `open` (days open, known ahead) and `sales`.

    Each shop grows, has its own season of the year, and sells by the days that it is open; sizes differ by
    powers of ten.

    Args:
        years: of each. shops: how many.
        seed: another one draws other shops.
    """
    if years < 1 or not 1 <= shops <= 26:
        raise Fault(f"sales: years = {years}, shops = {shops} found, expected at least 1, and 1 to 26")
    rng = random.Random(f"sales:{seed}")
    columns: dict[str, list[Any]] = {"month": [], "shop": [], "open": [], "sales": []}
    for shop in range(shops):
        size, growth, phase = (
            10 ** (1 + shop % 4) * rng.uniform(1, 3),
            rng.uniform(0, 0.05),
            rng.uniform(0, 6.3),
        )
        for k in range(12 * years):
            days = rng.choice((24, 25, 26, 27))
            season = 1 + 0.3 * math.sin(2 * math.pi * k / 12 + phase)
            amount = size * (1 + growth * k / 12) * season * days / 25.5 * rng.gauss(1, 0.02)
            entries = (f"{2010 + k // 12}-{k % 12 + 1:02}", chr(ord("A") + shop), days, round(amount, 2))
            for column, entry in zip(columns.values(), entries, strict=True):
                column.append(entry)
    count = len(columns["month"])
    return Examples(columns, [Place("sales", n + 1, "row") for n in range(count)], "sales")


def walks(*, part: str = "train", count: int = 200, steps: int = 30, seed: int = 0) -> Examples:
    """People who cross a square, turning a little as they go: columns `frame`, `id`, `x` and `y`, in metres.

    Args:
        part: "train", "validation" or "test". count: people. steps: of each, 0.4 seconds long.
        seed: another one draws other walks of the same part.
    """
    if part not in PARTS or count < 1 or steps < 2:
        raise Fault(
            f"walks: part = {part!r}, count = {count}, steps = {steps}: expected a part, 1 and 2 at least"
        )
    rng = random.Random(f"walks:{part}:{seed}")
    columns: dict[str, list[Any]] = {"frame": [], "id": [], "x": [], "y": []}
    for person in range(count):
        x, y, way = rng.uniform(0, 20), rng.uniform(0, 20), rng.uniform(0, 2 * math.pi)
        speed, turn = rng.uniform(0.3, 0.7), rng.gauss(0, 0.06)
        for step in range(steps):
            for column, entry in zip(columns.values(), (person * steps + step, person, x, y), strict=True):
                column.append(entry)
            turn = 0.95 * turn + rng.gauss(0, 0.01)
            way += turn
            x, y = x + speed * math.cos(way), y + speed * math.sin(way)
    return Examples(columns, [Place("walks", n + 1, "row") for n in range(count * steps)], "walks")


_CHORDS = {"I": (0, 4, 7), "ii": (2, 5, 9), "IV": (5, 9, 12), "V": (7, 11, 14), "vi": (9, 12, 16)}
_NEXT = {
    "I": ("ii", "IV", "V", "vi"),
    "ii": ("V",),
    "IV": ("I", "ii", "V"),
    "V": ("I", "vi"),
    "vi": ("ii", "IV"),
}
_LOWEST = 21
_KEYS = 88


def cadences(*, part: str = "train", count: int = 100, bars: int = 8, seed: int = 0) -> Examples:
    """Chords that follow the rules of harmony, under a tune of their notes: column `vectors`, piano rolls
    `[4 * bars, 88]` of zeros and ones, four steps a bar.

    Args:
        part: "train", "validation" or "test". count: pieces. bars: of each, the last two a cadence.
        seed: another one draws other pieces of the same part.
    """
    if bars < 3:
        raise Fault(f"cadences: bars = {bars} found, expected at least 3")

    def piece(rng: random.Random) -> Entries:
        chords = ["I"]
        while len(chords) < bars - 2:
            chords.append(rng.choice(_NEXT[chords[-1]]))
        roll = torch.zeros(4 * bars, _KEYS)
        tonic = 60 - _LOWEST + rng.randrange(-5, 6)
        for bar, chord in enumerate([*chords, "V", "I"]):
            notes = [tonic + note for note in _CHORDS[chord]]
            roll[4 * bar : 4 * bar + 4, [note - 12 for note in notes]] = 1
            for beat in range(4):
                roll[4 * bar + beat, rng.choice(notes) + 12] = 1
        return {"vectors": roll}

    return sampled(
        "cadences", part, count, seed, piece, lambda entries: repr(entries["vectors"].nonzero().tolist())
    )


def doodles(*, part: str = "train", count: int = 500, seed: int = 0) -> Examples:
    """Drawings of one stroke: circles, squares, zigzags, spirals and stars. Columns `vectors`, `[T, 3]` of
    dx, dy and whether the pen is lifted then, and `label`, what is drawn.

    Args:
        part: "train", "validation" or "test". count: drawings.
        seed: another one draws other drawings of the same part.
    """

    def doodle(rng: random.Random) -> Entries:
        kind = rng.choice(list(_SHAPES))
        size, turn, grain = rng.uniform(10, 20), rng.gauss(0, 0.2), 0.3
        points = [
            (
                size * (x * math.cos(turn) - y * math.sin(turn)) + rng.gauss(0, grain),
                size * (x * math.sin(turn) + y * math.cos(turn)) + rng.gauss(0, grain),
            )
            for x, y in _SHAPES[kind]
        ]
        steps = [
            [b[0] - a[0], b[1] - a[1], float(k == len(points) - 2)]
            for k, (a, b) in enumerate(pairwise(points))
        ]
        return {"vectors": steps, "label": kind}

    return sampled("doodles", part, count, seed, doodle, lambda entries: repr(entries["vectors"]))


def _around(count: int, turns: float = 1.0, inwards: float = 0.0) -> list[tuple[float, float]]:
    angles = [2 * math.pi * turns * k / count for k in range(count + 1)]
    return [
        ((1 - inwards * k / count) * math.cos(angle), (1 - inwards * k / count) * math.sin(angle))
        for k, angle in enumerate(angles)
    ]


_SHAPES: dict[str, list[tuple[float, float]]] = {
    "circle": _around(14),
    "square": [(-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)],
    "zigzag": [(k / 4 - 1, (k % 2) * 1.2) for k in range(9)],
    "spiral": _around(20, turns=2.0, inwards=0.9),
    "star": _around(5, turns=2.0),
}
"""Kind -> its points, about 1 from the middle."""
