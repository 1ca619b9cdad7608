"""Files written whole or not at all, with the mode that the umask asks for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from recurra import vectors
from recurra.errors import Fault
from recurra.storage import files
from recurra.storage.files import replacing, write_bytes, write_text
from recurra.train import read_recipe, train

ROWS = "text,label\n" + "so good,yes\nvery bad,no\ngood film,yes\nbad film,no\n" * 6
RECIPE = """
task = "classify"
data = { train = "ROWS", tokens = "text", hold_out = 0.25 }
model = { embedding = 4, hidden = 4 }
train = { epochs = 1, tensorboard = false }
"""
_SLOW_WRITE = """
import sys, time
from recurra.storage import files
if sys.argv[2] == "named":
    files._open_nameless = lambda folder: None
with files.replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    usual = os.umask(mask)
    try:
        yield
    finally:
        os.umask(usual)


def modes(folder: Path) -> dict[str, str]:
    """Name -> mode of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): oct(path.stat().st_mode & 0o777) for path in files}


@pytest.mark.parametrize(("mask", "mode"), [(0o022, "0o644"), (0o027, "0o640")])
def test_every_file_of_a_run_has_the_mode_that_the_umask_asks_for(
    tmp_path: Path, mask: int, mode: str
) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "recipe.toml").write_text(RECIPE.replace("ROWS", str(tmp_path / "rows.csv")))
    with umask(mask):
        train(read_recipe(tmp_path / "recipe.toml"), tmp_path / "run", quiet=True)
    run = modes(tmp_path / "run")
    kinds = {"recipe.toml", "model.json", "model.safetensors", "labels.json", "words.json", "log.jsonl"}
    assert set(run) >= kinds | {"metrics.json", "last/state.json"}
    assert set(run.values()) == {mode}
    assert not any(Path(name).name.startswith(".") for name in run)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, "0o644"), (0o027, "0o640")])
def test_so_has_every_file_of_word_vectors(tmp_path: Path, mask: int, mode: str) -> None:
    pytest.importorskip("recurra.vectors._vectors", reason="the word-vector trainer is not built here")
    (tmp_path / "text").write_text("one two three four\n" * 50)
    with umask(mask):
        vectors.train(tmp_path / "text", tmp_path / "run", vectors.Options(dimensions=4), threads=1)
        words = vectors.WordVectors(["a", "b"], np.ones((2, 3), np.float32))
        for binary in (False, True):
            vectors.write_word2vec(words, tmp_path / "run" / f"{binary}.vectors", binary=binary)
    assert modes(tmp_path / "run") == dict.fromkeys(
        ("vectors.json", "vectors.safetensors", "vocabulary.tsv", "False.vectors", "True.vectors"), mode
    )


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ZeroDivisionError()]
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    def write() -> None:
        with replacing(tmp_path / "a") as file:
            file.write(b"half")
            raise error

    write_text(tmp_path / "a", "old")
    with pytest.raises(Fault if isinstance(error, OSError) else type(error)):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_fault_tells_the_size_where_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        Fault, match="folder: 1,234 bytes can't be written: Is a directory; nothing was changed"
    ):
        write_bytes(tmp_path / "folder", b"x" * 1234)
    with pytest.raises(Fault, match="folder: can't be written: Is a directory; nothing was changed"):
        write_text(tmp_path / "folder", "x")


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("nameless", [True, False])
def test_a_killed_write_leaves_the_old_file_and_the_next_one_clears_up(
    tmp_path: Path, kill: signal.Signals, nameless: bool
) -> None:
    if nameless and not _nameless(tmp_path):
        pytest.skip("this system has no files without a name")
    write_text(tmp_path / "a", "old")
    name = "nameless" if nameless else "named"
    command = [sys.executable, "-c", _SLOW_WRITE, str(tmp_path / "a"), name]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(list(tmp_path.iterdir())) == 2 - nameless
        write_text(tmp_path / "b", "what is being written stays")
        write_text(tmp_path / "a", "new")
        assert len(list(tmp_path.iterdir())) == 3 - nameless
        process.send_signal(kill)
        process.wait(60)
    assert (tmp_path / "a").read_text() == "new"
    if nameless:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    hours_ago = time.time() - 2 * 3600
    for draft in tmp_path.glob(".a.*"):
        os.utime(draft, (hours_ago, hours_ago))
    write_text(tmp_path / "a", "newer")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def _nameless(folder: Path) -> bool:
    number = files._open_nameless(folder)
    if number is not None:
        os.close(number)
    return number is not None
