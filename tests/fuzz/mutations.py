"""Ways in which a file can be wrong, drawn at random."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

ODD: list[Any] = [
    *(True, False, None, 0, -1, 1, 2, 3, 1.0, 0.5, -0.5, 1e308, float("nan"), float("inf")),
    *(10**9, 2**31, 2**63, -(2**63), 10**18, 10**400),
    *("", "1", "x", "\x1b[2J", "\ud800", "é" * 300, "x" * 100_000, "../../etc/passwd", "/dev/zero"),
    *([], {}, [[]], [1, "a"], {"type": "lstm"}, {"type": "stack", "layers": []}, {"type": 3}, {"format": 1}),
]
ODD_TOML = [
    *("true", "1.0", "-1", "0", '"1"', "nan", "inf", "[]", "{}", "[1, 'a']", "10000000", "1979-05-27", '""'),
    *("9" * 25, "9" * 5000, "[" * 500, "{ a = " * 300, "'" + "x" * 9000 + "'"),
]


def mutate(draw: random.Random, folder: Path, others: list[Path]) -> str:
    """Alters one file below a folder, and says how.

    Args:
        others: folders with files of the same kinds.
    """
    files = sorted(
        each
        for each in folder.rglob("*")
        if each.is_file() and not each.is_symlink() and each.stat().st_size < 10**7
    )
    if not files:
        return "nothing is left to alter"
    path = draw.choice(files)
    kinds: list[Callable[[random.Random, Path, list[Path]], str]] = [_bytes, _place]
    if path.suffix == ".json":
        kinds += [_json] * 6
    elif path.suffix == ".toml":
        kinds += [_toml] * 6
    elif path.suffix in (".safetensors", ".stream"):
        kinds += [_header] * 4
    try:
        how = draw.choice(kinds)(draw, path, others)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # altered already
        how = _bytes(draw, path, others)
    return f"{path.relative_to(folder)}: {how}"


def _bytes(draw: random.Random, path: Path, others: list[Path]) -> str:
    content = bytearray(path.read_bytes())
    way = draw.choice(["flip", "flip", "flip", "cut", "insert", "repeat", "random", "digits", "brackets"])
    place = draw.randrange(len(content) + 1)
    if way == "flip" and content:
        content[place - 1] ^= 1 << draw.randrange(8)
    elif way == "cut":
        del content[place:]
    elif way == "insert":
        content[place:place] = draw.randbytes(draw.choice([1, 8, 1000]))
    elif way == "repeat":
        content[place:place] = content[place : place + draw.choice([1, 20, 400])]
    elif way == "random":
        content = bytearray(draw.randbytes(draw.choice([0, 7, 8, 9, 5000])))
    elif way == "digits":
        content[place:place] = b"9" * draw.choice([5, 30, 5000])
    else:
        content[place:place] = draw.choice([b"[", b"{", b'{"a":', b"]"]) * draw.choice([1, 200, 50_000])
    path.write_bytes(content)
    return f"{way} at {place}"


def _place(draw: random.Random, path: Path, others: list[Path]) -> str:
    ways = [
        "gone",
        "empty",
        "folder",
        "pipe",
        "device",
        "loop",
        "packed",
        "sparse",
        "spaces",
        "other",
        "other",
    ]
    way = draw.choice(ways)
    content = path.read_bytes()
    if way != "sparse":
        path.unlink()
    if way == "empty":
        path.touch()
    elif way == "folder":
        path.mkdir()
    elif way == "pipe":
        os.mkfifo(path)
    elif way == "device":
        path.symlink_to(draw.choice(["/dev/zero", "/dev/null", "/dev/full", "/proc/self/mem"]))
    elif way == "loop":
        path.symlink_to(path.name)
    elif way == "packed":
        path.write_bytes(gzip.compress(content + b" " * draw.choice([0, 3 * 10**7]), 1))
    elif way == "sparse":
        os.truncate(path, draw.choice([2**28, 2**33, 2**40]))
    elif way == "spaces":
        path.write_bytes(content + b" " * 2 * 10**7)
    elif way == "other":
        files = [each for other in others for each in other.rglob("*") if each.is_file()]
        alike = [each for each in files if each.name == path.name and each.read_bytes() != content]
        path.write_bytes(draw.choice(alike or files).read_bytes())
    return way


def _json(draw: random.Random, path: Path, others: list[Path]) -> str:
    return _edited(draw, json.loads(path.read_text()), lambda value: path.write_text(_text(value)))


def _header(draw: random.Random, path: Path, others: list[Path]) -> str:
    """The header of a safetensors file, or the description of ours in it."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])

    def write(value: Any) -> None:
        text = _text(value).encode("utf-8", "surrogatepass")
        text += b" " * (-len(text) % 8)
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])

    def write_ours(value: Any) -> None:
        header["__metadata__"]["recurra"] = _text(value)
        write(header)

    if draw.random() < 0.5 and "recurra" in header.get("__metadata__", {}):
        return _edited(draw, json.loads(header["__metadata__"]["recurra"]), write_ours)
    return _edited(draw, header, write)


def _edited(draw: random.Random, value: Any, write: Callable[[Any], Any]) -> str:
    places = list(_places(value)) or [({"a": 1}, "a")]
    table, key = draw.choice(places)
    way = draw.choice(["odd", "odd", "near", "near", "gone", "swap", "double", "deep", "more", "whole"])
    if way == "odd":
        table[key] = draw.choice(ODD)
    elif way == "near":
        table[key] = _near(draw, table[key])
    elif way == "gone":
        del table[key]
    elif way == "swap":
        table2, key2 = draw.choice(places)
        table[key], table2[key2] = table2[key2], table[key]
    elif way == "double" and isinstance(table, list):
        table.insert(key, table[key])
    elif way == "deep":
        for _ in range(draw.choice([10, 150, 900])):
            table[key] = [table[key]] if draw.random() < 0.5 else {"a": table[key]}
    elif way == "more":
        if isinstance(table, dict):
            table[draw.choice(["more", "type", "dropout", "format", ""])] = draw.choice(ODD)
        else:
            table.extend([table[key]] * draw.choice([1, 1000]))
    else:
        value = draw.choice(ODD)
    try:
        write(value)
    except (ValueError, RecursionError):
        return "nothing: it can't be written"
    return f"{way} at {key!r:.60}"


def _near(draw: random.Random, value: Any) -> Any:
    """Another value of the same kind, or one that Python takes for it."""
    if isinstance(value, bool):
        return draw.choice([not value, int(value)])
    if isinstance(value, int):
        return draw.choice(
            [value + 1, value - 1, -value, float(value), bool(value), str(value), value * 10**6]
        )
    if isinstance(value, float):
        return draw.choice([-value, value * 1.001, str(value), value * 1e30])
    if isinstance(value, str):
        return draw.choice([value[1:], value + "x", value.upper(), [value], value * 50])
    if isinstance(value, list):
        return draw.choice(
            [value[::-1], value[1:], [*value, *value[:1]], {str(n): v for n, v in enumerate(value)}]
        )
    return draw.choice([{}, [value], None, list(value.values()) if isinstance(value, dict) else 3])


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key in list(value):
            yield value, key
            yield from _places(value[key])
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield value, index
            yield from _places(each)


def _text(value: Any) -> str:
    return json.dumps(value)


def _toml(draw: random.Random, path: Path, others: list[Path]) -> str:
    lines = path.read_text().splitlines()
    number = draw.randrange(max(1, len(lines)))
    lines = lines or [""]
    way = draw.choice(["value", "value", "value", "gone", "double", "swap", "more"])
    if way == "value" and "=" in lines[number]:
        key = lines[number].partition("=")[0]
        lines[number] = f"{key}= {draw.choice(ODD_TOML)}"
    elif way == "gone":
        del lines[number]
    elif way == "double":
        lines.insert(number, lines[number])
    elif way == "swap":
        other = draw.randrange(len(lines))
        lines[number], lines[other] = lines[other], lines[number]
    else:
        lines.insert(number, draw.choice(["x = 1", "[more]", "a." * 3000 + "a = 1", "# \ud800é", "type = 3"]))
    path.write_text("\n".join(lines) + "\n", errors="surrogateescape" if way != "more" else "replace")
    return f"{way} at line {number + 1}"


def copied(source: Path, target: Path) -> Path:
    """A fresh copy of a folder, where there may be an older one, of whatever files."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target, symlinks=True)
    return target


def with_fitting_digests(run: Path) -> None:
    """Makes the digests in the weights fit an altered `model.json`, as whoever alters a folder might."""
    from recurra.storage.seals import value_digest

    path = run / "model.safetensors"
    if not (run / "model.json").is_file() or not path.is_file():
        return
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    ours = json.loads(header["__metadata__"]["recurra"])
    ours["model"] = value_digest(json.loads((run / "model.json").read_text())["model"])
    if "header" in ours:
        ours["header"] = value_digest({name: value for name, value in ours.items() if name != "header"})
    header["__metadata__"]["recurra"] = json.dumps(ours)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


def slug(name: str) -> str:
    """A name for a folder."""
    return re.sub(r"\W+", "_", name)
