"""Small files of every format, altered: each is read, or told in one line of reasonable length."""

from __future__ import annotations

import gzip
import io
import re
import struct
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from recurra import vectors
from recurra.data import Examples, columns, parse_trees, read
from recurra.data.readers import ENDINGS
from recurra.data.sound.wav_stream import WavStream
from recurra.errors import Fault
from recurra.storage.text import arriving_lines, split_lines, text_pieces
from tests.laws.table_readers import READERS, Files

LONGEST = 1500
NASTY = [
    *(b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\0", bytes(64), b"\r", b"\r\n", b"\n", b"\n\n", b"\t"),
    *(b" ", b'"', b"'", b"(", b")", b"[", b"{", b"}", b"/", b"=", b",", b":", b"-", b"#", b"\\", b"<<"),
    *(b"\\ud800", b"\\u0000", b"&a *a", b"!!int x", b"2001-99-99", b"\xc2\x85", b"\xe2\x80\xa8", b"\x0c"),
    *(b"0", b"-1", b"nan", b"inf", b"1e999", b"1_0", b"0x1F", b"9" * 21, b"9" * 5000, "٣".encode()),
    *(b"[" * 300, b"(" * 300, b"- " * 300, b"complement(" * 3000, b"true", b"null", b"one"),
    *(b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"),
]
"""What does not belong, or hardly does."""


def altered(random: Random, data: bytes) -> bytes:
    """One to three alterations of a file."""
    for _ in range(random.randint(1, 3)):
        data = random.choice(ALTERATIONS)(random, data)
    return data


def _span(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.choice([1, 2, 4, 16, len(data)]))


def _flip(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 10]) if data else 0):
        changed[random.randrange(len(data))] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)])
    return bytes(changed)


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randint(0, len(data))]


def _drop(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + data[end:]


def _double(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:end] + data[start:end] * random.choice([1, 1, 50]) + data[end:]


def _insert(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + random.choice(NASTY) + data[random.choice([start, end]) :]


def _number(random: Random, data: bytes) -> bytes:
    places = list(re.finditer(rb"\d+(?:\.\d+)?", data))
    if not places:
        return data
    place = random.choice(places)
    return data[: place.start()] + random.choice(NASTY) + data[place.end() :]


def _line(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    lines[number : number + 1] = random.choice([[], [lines[number]] * 2, [b""], [random.choice(lines)]])
    return b"\n".join(lines)


def _encoding(random: Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(
        random.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "cp037"]), "replace"
    )


def _packing(random: Random, data: bytes) -> bytes:
    return random.choice([gzip.compress(data, mtime=0), gzip.compress(data, mtime=0)[:-5], data[::-1]])


ALTERATIONS: list[Callable[[Random, bytes], bytes]] = [
    _flip, _flip, _cut, _drop, _double, _insert, _insert, _number, _line, _encoding, _packing,
]  # fmt: skip


def told(action: Callable[[], Any]) -> str:
    """The one line that tells bad input; empty where there is none. What else is raised passes through."""
    try:
        action()
    except Fault as fault:
        line = str(fault)
    else:
        return ""
    assert len(line) <= LONGEST, line
    return line


def use(examples: Examples) -> None:
    """Every column, taken for all that it may be."""
    for name in examples.columns:
        for kind in (
            columns.text,
            columns.tokens,
            columns.labels,
            columns.tags,
            columns.vectors,
            columns.numbers,
        ):
            told(lambda kind=kind, name=name: kind(examples, name))


def test_altered_files_are_read_or_told(rounds: Iterator[Random], tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    pytest.importorskip("soundfile")
    pytest.importorskip("pyarrow")
    for random in rounds:
        for _ in range(20):
            name = random.choice(list(READERS))
            sample = READERS[name]
            inside = random.random() < 0.3

            def change(text: bytes, random: Random = random, inside: bool = inside) -> bytes:
                return altered(random, text) if inside else text

            files: Files = sample.files(change)
            if not inside:
                file = random.choice(list(files))
                files[file] = altered(random, files[file])
            for file, content in files.items():
                (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / file).write_bytes(content)
            kind = name.split()[0]
            form = {} if ENDINGS.get(Path(sample.path).suffix, "parallel") == kind else {"format": kind}
            path = tmp_path / sample.path
            told(lambda path=path, form=form, sample=sample: use(read(path, **form, **sample.options)))


def vector_files() -> list[bytes]:
    matrix = np.arange(8, dtype="<f4").reshape(4, 2)
    names = ["größe", "a", "b", ". ."]
    text = "".join(f"{name} {row[0]} {row[1]}\n" for name, row in zip(names, matrix, strict=True)).encode()
    rows = b"".join(
        name.encode() + b" " + row.tobytes() + b"\n" for name, row in zip(names, matrix, strict=True)
    )
    return [text, b"4 2\n" + text, b"4 2\n" + rows.replace(b". .", b"..")]


def sounds() -> list[bytes]:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 4000, 0, "NONE", ""))
        sound.writeframes(np.arange(-100, 100, dtype="<i2").tobytes())
    data = file.getvalue()
    long = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, 0, 400, 200, 0) + data[12:]
    return [data, long, data[44:]]


def test_altered_vectors_sounds_trees_and_text(rounds: Iterator[Random], tmp_path: Path) -> None:
    path = tmp_path / "v"
    for random in rounds:
        for _ in range(20):
            path.write_bytes(altered(random, random.choice(vector_files())))
            told(lambda: vectors.load(path, errors="replace"))
            sound = altered(random, random.choice(sounds()))
            assert hear(sound, random.randint(1, 9)) == hear(sound, len(sound) + 1)
            tree = altered(random, b"( (S (NP (NN a)) (VP b)) (. .) )\n" * 2).decode("utf-8", "replace")
            told(lambda tree=tree: [str(root) for _, root in parse_trees(tree)])
            same_by_every_cut(altered(random, "größe\r\n\nzwei \r drei\nvier".encode()), random.randint(1, 9))


def hear(data: bytes, size: int) -> tuple[list[float], str]:
    """All samples of a stream cut into such pieces, and the line that refuses it."""
    stream, samples = WavStream(4000), []

    def run() -> None:
        for at in range(0, len(data), size):
            samples.extend(stream.feed(data[at : at + size]).tolist())
        samples.extend(stream.rest().tolist())
        stream.finish()

    line = told(run)
    return ([] if "finite" in line else samples), line


def same_by_every_cut(data: bytes, size: int) -> None:
    """Text by lines, and in pieces of such a size, is the same, or both are told."""
    lines: list[str] = []
    pieces: list[str] = []
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    wrong_line = told(lambda: lines.extend(_arrived(data)))
    wrong_piece = told(lambda: pieces.extend(text_pieces(blocks, "stdin")))
    if wrong_piece:
        assert wrong_line
    elif not wrong_line and b"\n" in data:
        assert split_lines("".join(pieces)) == lines


def _arrived(data: bytes) -> Iterator[str]:
    for _, line in (each for group in arriving_lines([data], "stdin") for each in group):
        if isinstance(line, Fault):
            raise line
        yield line
