"""Every task draws its answers to items, and to the examples it is measured on, on light and dark ground."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recurra.errors import Fault
from recurra.storage.colours import colours
from recurra.tasks import Task
from recurra.train.recipe import recipe_of
from tests.laws.table_tasks import TASKS, table_of
from tests.laws.test_tasks import name
from tests.unit.tasks.fitting import fit

__all__ = ["name"]

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

LOOKS_NOWHERE = ("answer by an LSTM", "answer from nothing")
"""What draws nothing, and says so."""


def prepared(name: str) -> Task:
    """Trained a little."""
    task = recipe_of(table_of(name), name).prepare()
    fit(task, 1, lr=0.05)
    task.model.eval()
    return task


def test_every_task_draws(name: str) -> None:
    task = prepared(name)
    if name in LOOKS_NOWHERE:
        with pytest.raises(Fault, match="there is nothing to draw"):
            task.picture(None, "none.png", count=1)
        return
    folder = Path(os.environ.get("RECURRA_PICTURES", "."))  # to look at them
    light, dark = (folder / f"{name.replace(' ', '_')}{end}" for end in ("-examples.png", "-items-dark.svg"))
    task.picture(None, light, count=1)
    task.picture(TASKS[name].items[:1], dark, True)
    assert light.read_bytes()[:4] == b"\x89PNG"
    assert colours(True).ground in dark.read_text("utf-8")
    with pytest.raises(Fault, match="nothing to draw"):
        task.picture([], "none.png")
    with pytest.raises(Fault, match="expected one of .png, .svg, .pdf"):
        task.picture(None, "none.bmp")
    assert not Path("none.png").exists()

    examples = list(task.examples())
    for example, answer in zip(examples, task.answers([each.row for each in examples]), strict=True):
        mistake = None if example.truth is None else task.mistake(answer, example.truth)
        assert mistake is None or mistake >= 0
        if mistake == 0 and isinstance(example.truth, str):
            assert example.truth in {str(value) for value in answer.values()}
