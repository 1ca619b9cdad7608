"""Items are answered together as they are alone, in their order; answers become tables, or say why not."""

from __future__ import annotations

import csv
import io

import pytest

from recurra.cli.writers import writer
from recurra.errors import Fault
from tests.laws.answers import alike, rounded
from tests.laws.table_tasks import TASKS
from tests.laws.test_tasks import name, prepared

__all__ = ["name"]
NO_TABLE = ("autoencode rows of numbers",)


def test_items_are_answered_together_as_alone_and_become_rows(name: str) -> None:
    task = prepared(name)
    items = [*TASKS[name].items, *reversed(TASKS[name].items)] * 2
    together = list(task.predict(items))
    alone = [answer for item in items for answer in task.predict([item])]
    assert alike(rounded(together), rounded(alone))
    if name in NO_TABLE:
        with pytest.raises(Fault, match="is a list, .*write it as JSON, one answer a line"):
            writer("csv", task, True)(1, together[0])
        return
    rows = [task.table_rows(answer) for answer in together]
    assert len({tuple(row) for group in rows for row in group}) <= 1
    write = writer("csv", task, True)
    text = "".join(write(number, answer) for number, answer in enumerate(together, 1))
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0][0] == "item"
    assert [int(line[0]) for line in lines[1:]] == [k + 1 for k, group in enumerate(rows) for _ in group]
    assert all(len(line) == len(lines[0]) for line in lines)
