"""Files that can't be a run's are refused before anything is built, read without end, or unpacked."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recurra.cells import GRU, Elman
from recurra.errors import Fault
from recurra.layers.recurrent import Recurrent
from recurra.layers.stack import Stack
from recurra.storage.fields import Fields
from recurra.storage.files import read_json, write_json
from recurra.storage.json_text import MOST_DEPTH, parse_json
from recurra.storage.models import CONFIG, load_model, save_model
from recurra.storage.toml_text import parse_toml, read_toml
from tests.fuzz.mutations import with_fitting_digests


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": ' + "9" * 5000 + "}", "a number of 5,000 digits"),
        ('{"a": ' + "9" * 21 + "}", "a number of 21 digits"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a": ' * 50_000, "within each other"),
        ('{"a": ' + "[" * 120 + "]" * 120 + "}", "within each other"),
        ('{"a": [' + "1," * 9_000_000 + "1]}", "values found, expected 8,000,000 at most"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        ("[1]", "a JSON list found"),
        ("", "not a complete JSON file"),
    ],
    ids=range(9),
)
def test_json_that_no_file_of_ours_holds(text: str | bytes, said: str) -> None:
    with pytest.raises(Fault, match=f"^a.json: .*{said}"):
        parse_json(text, "a.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "9" * 5000, "not TOML: Exceeds the limit"),
        ("a = " + "9" * 30, "a is a number of about 30 digits, expected one that 64 bits hold"),
        ("a.b = " + "[" * 5000, "too many brackets"),
        ("a" + ".a" * 5000 + " = 1", "names joined by dots"),
        ("a = 1\n" * 50_000, "larger than 262,144 bytes"),
        ("a = '" + "x" * 200_000, "not TOML"),
        ("a = \x00", "not TOML"),
    ],
    ids=range(7),
)
def test_toml_that_no_recipe_is(text: str, said: str) -> None:
    with pytest.raises(Fault, match=f"^a.toml: .*{said}") as raised:
        parse_toml(text.encode(), "a.toml")
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop", "packed", "sparse"])
@pytest.mark.parametrize("read", [read_json, read_toml])
def test_what_is_no_plain_file_is_refused_at_once(
    tmp_path: Path, read: Callable[[Path], Any], kind: str
) -> None:
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind in ("device", "loop"):
        path.symlink_to("/dev/zero" if kind == "device" else path)
    else:
        path.write_bytes(gzip.compress(b"{}") if kind == "packed" else b"{}")
    if kind == "sparse":
        os.truncate(path, 2**40)
    with pytest.raises(Fault, match="file: "):
        read(path)


def test_a_link_to_a_plain_file_is_one(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"a": 1})
    (tmp_path / "b").symlink_to("a")
    assert read_json(tmp_path / "b") == {"a": 1}


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"a": nested(MOST_DEPTH - 1)})
    assert read_json(tmp_path / "a") == {"a": nested(MOST_DEPTH - 1)}
    with pytest.raises(Fault, match="within each other"):
        write_json(tmp_path / "b", {"a": nested(MOST_DEPTH)})


@pytest.mark.parametrize(
    ("key", "value"),
    [("hidden_size", value) for value in (2**31, -1, 0, 10**12, 2**63, True, 4.0, "4", None, [4], {})]
    + [("order", 10**9)],
)
def test_a_size_that_the_weights_do_not_have(tmp_path: Path, key: str, value: Any) -> None:
    save_model(Recurrent(Elman(3, 4, order=2)), tmp_path)
    description = json.loads((tmp_path / CONFIG).read_text())
    description["model"]["cell"][key] = value
    (tmp_path / CONFIG).write_text(json.dumps(description))
    with_fitting_digests(tmp_path)
    with pytest.raises(Fault):
        load_model(tmp_path)


def test_more_layers_than_the_weights_are_for(tmp_path: Path) -> None:
    save_model(Stack(Recurrent(GRU(4, 4))), tmp_path)
    description = json.loads((tmp_path / CONFIG).read_text())
    for count, said in ((5, "weights do not fit the model"), (100_000, "200,001 modules found")):
        layers = description["model"]["layers"][:1] * count
        model = {**description["model"], "layers": layers}
        (tmp_path / CONFIG).write_text(json.dumps({**description, "model": model}))
        with_fitting_digests(tmp_path)
        with pytest.raises(Fault, match=said):
            load_model(tmp_path)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, [1], float("nan")])
def test_an_entry_has_one_type(value: Any) -> None:
    with pytest.raises(Fault, match=r"^a.json: size = .* found, expected a whole number"):
        Fields({"size": value}, "a.json").whole("size")
    with pytest.raises(Fault, match=r"^a.json: sizes\[1\] = .* found, expected a list of whole numbers"):
        Fields({"sizes": [1, value]}, "a.json").wholes("sizes")
