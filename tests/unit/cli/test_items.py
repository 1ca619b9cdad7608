"""What is asked item by item: each answered as it comes, each wrong one told by its own place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import IO, Any

import pytest

from .command_line import Command, told

PROGRAM = [sys.executable, "-m", "recurra.cli"]


@pytest.fixture
def server(here: Path) -> Iterator[subprocess.Popen[str]]:
    """`recurra predict` on a pipe that stays open."""
    process = opened("predict", "sentiment")
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stderr):
        assert stream is not None
        stream.close()


def opened(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*PROGRAM, *arguments], text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def answers_of(process: subprocess.Popen[str]) -> Queue[dict[str, Any]]:
    """What a process says, as it says it."""
    queue: Queue[dict[str, Any]] = Queue()
    assert process.stdout is not None

    def listen(stream: IO[str]) -> None:
        with stream:
            for line in stream:
                queue.put(json.loads(line))

    threading.Thread(target=listen, args=(process.stdout,), daemon=True).start()
    return queue


def ask(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def test_each_line_is_answered_as_it_comes(server: subprocess.Popen[str]) -> None:
    queue = answers_of(server)
    for line in ("so good\n", "very bad\nso good\n", "\n", "good film\n"):
        ask(server, line)
        for one in line.splitlines():
            answer = queue.get(timeout=120)
            assert ("label" in answer) == bool(one)
    assert server.stdin is not None
    server.stdin.close()
    assert server.wait(60) == 2  # the empty line had no answer
    assert server.stderr is not None
    (line,) = server.stderr.read().splitlines()
    assert line.startswith("recurra: 1 of 5 items have no answer; the first: stdin:4: nothing to read")


def test_a_signal_ends_it_by_one_line(server: subprocess.Popen[str]) -> None:
    queue = answers_of(server)
    ask(server, "so good\n")
    queue.get(timeout=120)
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 130
    assert server.stderr is not None
    assert server.stderr.read() == "recurra: interrupted\n"


def test_a_reader_that_goes_away_is_no_defect(here: Path) -> None:
    lines = "so good\n" * 20_000
    for command in ("predict", "stream"):
        pipe: dict[str, Any] = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        process = subprocess.Popen([*PROGRAM, command, "sentiment"], text=True, **pipe)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        writer = threading.Thread(target=_write, args=(process.stdin, lines))
        writer.start()
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(120) == 0, process.stderr.read()
        assert process.stderr.read() == ""
        process.stderr.close()
        writer.join()


def test_items_that_cannot_be_answered_leave_the_others(call: Command, here: Path, tmp_path: Path) -> None:
    alone = call("predict", "sentiment", "so good").out
    some = call("predict", "sentiment", "so good", "", "so good")
    assert some.code == 2
    assert [some.out[0], some.out[2]] == alone * 2
    assert json.loads(some.out[1]) == {
        "error": "argument 2: nothing to read: expected at least one word or step"
    }
    assert some.error[-1].startswith("recurra: 1 of 3 items have no answer; the first: argument 2: nothing")
    lines = [b'"so good"', b"so good", b'"\xff"', b"[" * 100_000, b"7", b'{"tokens": ["so", "good"]}']
    (tmp_path / "items").write_bytes(b"\n".join(lines))
    asked = call("predict", "sentiment", "--format", "json", "--file", tmp_path / "items")
    assert asked.code == 2
    replies = [json.loads(line) for line in asked.out]
    assert [next(iter(reply)) for reply in replies] == ["label", *["error"] * 4, "label"]
    for number in range(1, 5):
        assert replies[number]["error"].startswith(f"{tmp_path / 'items'}:{number + 1}: ")
        assert len(replies[number]["error"]) < 400


def test_a_task_names_the_item_that_it_cannot_answer(here: Path) -> None:
    import recurra
    from recurra.errors import Fault

    task = recurra.load("sentiment")
    with pytest.raises(Fault, match="^item 3: nothing to read"):
        list(task.predict(["so good", "very bad", ""]))
    with pytest.raises(Fault, match="makes no vectors"):
        list(task.encode(["so good"]))


def test_an_interruption_while_it_starts_is_one_line(tmp_path: Path) -> None:
    """Whatever is being imported: the signal comes from within an import."""
    # SIGTERM, as a shell that put the tests into its background has them ignore SIGINT
    (tmp_path / "stop_at_once.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nraise OSError"
    )
    process = subprocess.run(
        [*PROGRAM, "--import", "stop_at_once", "cells"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (process.returncode, process.stderr) == (130, "recurra: interrupted\n")


def test_what_cannot_be_written_is_told(here: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            [*PROGRAM, "recipes"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert process.returncode == 2
    assert process.stderr.startswith("recurra: the output can't be written: ")


def test_imports_of_ones_own(call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("beside_1.py").write_text("NUMBER = 1\n")
    Path("mine_1.py").write_text("import beside_1\n")
    assert call("--import", "mine_1", "cells").code == 0
    os.mkdir("deep")
    Path("deep/beside_2.py").write_text("NUMBER = 1\n")
    Path("deep/mine_2.py").write_text("import beside_2\n")
    assert call("--import", "deep/mine_2.py", "cells").code == 0
    Path("broken_1.py").write_text("x = 1\nx.y\n")
    assert "broken_1.py:2: AttributeError" in told(call("--import", "broken_1", "cells"))
    Path("broken_2.py").write_text("x = (\n")
    assert "broken_2.py:1: " in told(call("--import", "broken_2.py", "cells"))
    Path("needs.py").write_text("import not_to_be_had\n")
    assert "needs.py:1: ModuleNotFoundError" in told(call("--import", "needs", "cells"))


def test_a_forgotten_import_is_guessed(call: Command, here: Path) -> None:
    change = ["--set", "model.cell=a_cell_of_mine"]
    line = told(call("check", "language.toml", *change))
    assert line.endswith("; one of your own is known after recurra --import FILE.py")
    Path("of_mine.py").write_text('@cell("a_cell_of_mine")\n')
    line = told(call("check", "language.toml", *change))
    assert line.endswith("; of_mine.py speaks of it: perhaps recurra --import of_mine.py ...")


def test_settings_are_unset_and_suggested(call: Command, here: Path) -> None:
    assert "rows" in "".join(call("check", "sentiment.toml").out)
    assert "data.train is missing" in told(call("check", "sentiment.toml", "--unset", "data.train"))
    line = told(call("check", "sentiment.toml", "--unset", "data.holdout"))
    assert "does not set it: did you mean 'data.hold_out'?" in line
    line = told(call("check", "sentiment.toml", "--set", "train.lr=1"))
    assert line.endswith("unknown key train.lr: did you mean 'train.optimiser.lr'?")
    line = told(call("check", "sentiment.toml", "--set", "epochs=1"))
    assert line.endswith("unknown key epochs: did you mean 'train.epochs'?")


def _write(stream: Any, text: str) -> None:
    try:
        with stream:
            stream.write(text)
    except BrokenPipeError:
        pass
