"""Each lesson in a small setting, run as its notebook; notebooks are what the lessons say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import notebooks
import pytest
import torch

from recurra.errors import Fault
from recurra.inspect.lessons import NAMES, Lesson, about, vanishing
from recurra.inspect.lessons import lesson as give
from recurra.inspect.practice import backward_curve

ROOT = Path(__file__).resolve().parents[3]
SMALL: dict[str, dict[str, Any]] = {
    "vanishing": {"STEPS": 30, "HIDDEN": 8, "ROWS": 3},
    "exploding": {"STEPS": 30, "HIDDEN": 16, "ROWS": 2, "BATCHES": 4},
    "surface": {"POINTS": 21, "SLICE_POINTS": 5, "HIDDEN": 4},
    "clipping": {"UPDATES": 70, "POINTS": 21, "STARTS": 2},
    "gates": {"STEPS": 10, "HIDDEN": 6, "UPDATES": 8},
    "truncation": {"STEPS": 12, "HIDDEN": 6, "UPDATES": 6, "TRUNCATIONS": (3, 6, 12)},
    "memory": {"STEPS": 12, "HIDDEN": 6, "UPDATES": 6, "CHECKED_EVERY": 3},
}


def code_cells(name: str) -> list[str]:
    content = json.loads((ROOT / "examples" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def test_every_lesson_has_a_small_setting_and_a_notebook() -> None:
    assert set(SMALL) == set(NAMES) == set(notebooks.names())
    assert notebooks.stale() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_says_five_sentences(name: str, tmp_path: Path) -> None:
    cells = code_cells(name)
    namespace: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells[:-1]:
        exec(compile(cell, f"{name}.ipynb", "exec"), namespace)
        namespace.update({key: value for key, value in SMALL[name].items() if key in namespace})
    assert SMALL[name].keys() <= namespace.keys()
    for dark in (False, True):
        result: Lesson = eval(cells[-1].replace("()", f"({dark})"), namespace)
        assert len(result.sentences) == 5
        assert all(sentence.strip().endswith(".") and "nan" not in sentence for sentence in result.sentences)
        assert len(result.pictures) == 2
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["title"] == result.title
        assert result._repr_html_().count("<img") == 2
        paths = result.save(tmp_path)
        assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
        assert str(result).splitlines() == [result.title, *result.sentences]


def test_a_lesson_is_given_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in SMALL["vanishing"].items():
        monkeypatch.setattr(vanishing, key, value)
    assert give("vanishing").title == "Vanishing gradients"
    assert about("vanishing") == "How far back does a gradient reach?"
    with pytest.raises(Fault, match="no lesson is called 'vanishng'.*did you mean 'vanishing'"):
        give("vanishng")


@pytest.mark.parametrize("seed", range(5))
def test_an_orthogonal_tanh_network_keeps_the_gradient_over_200_steps(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanishing, "HIDDEN", 16)
    torch.manual_seed(seed)
    curve = backward_curve(vanishing.orthogonal(), torch.rand(8, 200, 2) - 0.5)
    assert len(curve) == 201
    assert 0.1 <= float(curve.min()) <= float(curve.max()) <= 10
