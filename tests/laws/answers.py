"""All that a task says when it is asked, as plain data: what a restored task and a later version repeat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
import torch

from recurra import scan


def answers(task: Any, questions: Mapping[str, Any]) -> dict[str, Any]:
    """Predictions, scores, and where they are asked for what a stream, a sample and an encoding say.

    Args:
        task: one whose files lie in the working directory.
        questions: `items` to predict, `held_out` data of the recipe's kind, `stream`: what it reads (text or
            bytes; None: no stream), `sample`: a prompt and options (None: no sample), `encode`: whether the
            items become vectors.
    """
    items = questions["items"]
    told: dict[str, Any] = {
        "predictions": list(task.predict(items)),
        "scores": dict(task.evaluate()),
        "scores of other data": dict(task.evaluate(questions["held_out"])),
    }
    if questions["stream"] is not None:
        stream = task.open_stream()
        told["stream"] = [*stream.feed(questions["stream"]), *stream.finish()]
    if questions["sample"] is not None:
        told["samples"] = list(task.sample(**questions["sample"]))
    if questions["encode"]:
        told["vectors"] = list(task.encode(items))
        told["nearest"] = list(task.nearest(items[:1], items))
    return told


def outputs_of(cell: Any, rows: Any) -> Any:
    """What a cell makes of rows `[batch, time, features]`, as nested lists."""
    with torch.no_grad():
        return scan(cell, torch.tensor(rows))[0].tolist()


def rounded(value: Any) -> Any:
    """The same with numbers of seven significant digits, as a file keeps them."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


def alike(value: Any, expected: Any) -> bool:
    """Whether numbers agree but for rounding, on whatever processor, and everything else exactly; a table may
    tell more than was expected, as later versions do.
    """
    if isinstance(value, float) and isinstance(expected, (int, float)):
        shown = (
            1.1e-4 if expected == round(expected, 4) else 1e-5
        )  # what is rounded may be rounded the other way
        return value == pytest.approx(expected, rel=1e-4, abs=shown)
    if isinstance(expected, dict):
        return value.keys() >= expected.keys() and all(
            same_times(value[key], expected[key]) if key == "time" else alike(value[key], expected[key])
            for key in expected
        )
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(alike, value, expected))
    return bool(value == expected)


def same_times(stamps: Any, expected: Any) -> bool:
    """Whether time stamps tell the same times: the first versions wrote them all in one form."""
    if not all(isinstance(stamp, str) for stamp in [*stamps, *expected]):
        return alike(stamps, expected)
    if [*stamps] == [*expected]:
        return True
    return [*map(datetime.fromisoformat, stamps)] == [*map(datetime.fromisoformat, expected)]
