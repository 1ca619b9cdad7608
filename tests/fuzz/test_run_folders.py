"""Altered run folders, checkpoints, streams and word vectors: one clear line, or the same answers."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_EACH = 10  # alterations a round


def test_an_altered_run_gives_one_line_or_the_same_answers(
    rounds: Iterator[random.Random], tmp_path: Path
) -> None:
    for module in ("tokenizers", "PIL"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.fuzz.run_folder_worker", str(tmp_path)]
    outcomes: Counter[str] = Counter()
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            assert worker.stdout.readline() == "ready\n"
            for draw in rounds:
                for _ in range(_EACH):
                    worker.stdin.write(f"{draw.random()}\n")
                    worker.stdin.flush()
                    line = worker.stdout.readline()
                    assert line, "the process that read the folder died"
                    said: str = json.loads(line)
                    outcomes[said.split()[0]] += 1
                    assert not said.startswith("WRONG"), said
        finally:
            worker.kill()
    print(dict(outcomes))
