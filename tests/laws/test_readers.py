"""Every reader: the same examples when read again, out of packed files, and however lines begin and end."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from recurra.data import Examples, read
from recurra.data.readers import ENDINGS
from recurra.data.readers import READERS as REGISTRY
from tests.laws.table_readers import READERS, Files, Sample, gzipped

CHANGES = {
    "as it is": lambda text: text,
    "carriage returns": lambda text: text.replace(b"\n", b"\r\n"),
    "byte order mark": lambda text: codecs.BOM_UTF8 + text,
    "carriage returns doubled": lambda text: text.replace(b"\n", b"\r\r\n"),
    "a mark at every line": lambda text: codecs.BOM_UTF8 + text.replace(b"\n", b"\n" + codecs.BOM_UTF8),
    "no last line end": lambda text: text.removesuffix(b"\n"),
}
"""Law -> what it does to a text without changing what it says."""


@pytest.fixture(params=READERS)
def name(request: pytest.FixtureRequest) -> str:
    extra = READERS[request.param].extra
    if extra is not None:
        pytest.importorskip(extra, reason=f"{extra} is not installed")
    return str(request.param)


def examples(name: str, files: Files, folder: Path, packed: bool = False) -> Examples:
    """What is read of the files, by the ending of the name where that tells the format."""
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    sample, path = READERS[name], READERS[name].path
    kind = name.split()[0]
    form = {} if ENDINGS.get(Path(path).suffix, "parallel") == kind else {"format": kind}
    return read(folder / (f"{path}.gz" if packed else path), **form, **sample.options)


def plain(cell: Any) -> Any:
    """A cell as what can be compared: arrays as lists."""
    if isinstance(cell, (np.ndarray, Tensor)):
        return cell.tolist()
    if isinstance(cell, tuple):
        return [type(cell).__name__, *map(plain, cell)]
    return [plain(each) for each in cell] if isinstance(cell, list) else cell


def told(found: Examples) -> Any:
    """All that is read, but for the names of files."""
    columns = {name: plain(cells) for name, cells in found.columns.items()}
    return columns, [(place.number, place.unit, place.lines) for place in found.places]


def original(name: str, folder: Path) -> Any:
    return told(examples(name, READERS[name].files(CHANGES["as it is"]), folder / "original"))


def test_an_example_is_what_its_entry_says(name: str, tmp_path: Path) -> None:
    sample: Sample = READERS[name]
    assert name.split()[0] in REGISTRY
    found = examples(name, sample.files(CHANGES["as it is"]), tmp_path)
    assert len(found) == sample.examples
    assert list(found.columns) == list(sample.columns)


def test_read_twice_gives_the_same(name: str, tmp_path: Path) -> None:
    assert original(name, tmp_path) == original(name, tmp_path)


def test_packed_gives_the_same(name: str, tmp_path: Path) -> None:
    files = gzipped(READERS[name].files(CHANGES["as it is"]))
    assert told(examples(name, files, tmp_path / "packed", packed=True)) == original(name, tmp_path)


@pytest.mark.parametrize("law", [law for law in CHANGES if law != "as it is"])
def test_how_lines_begin_and_end_changes_nothing(name: str, law: str, tmp_path: Path) -> None:
    sample = READERS[name]
    changed, same = sample.files(CHANGES[law]), sample.files(CHANGES["as it is"])
    if law in sample.escapes:
        assert changed == same, f"{name} escapes: {sample.escapes[law]}"
        return
    assert changed != same
    assert told(examples(name, changed, tmp_path / "changed")) == original(name, tmp_path)
