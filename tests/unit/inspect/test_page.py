"""All inspections in one page that needs nothing besides itself."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from torch import nn

from recurra.errors import Fault
from recurra.inspect.page import RunInspection
from recurra.inspect.run import OpenRun

from .said import Said


@pytest.fixture
def inspection(tmp_path: Path) -> RunInspection:
    task: Any = SimpleNamespace(name="tag")
    opened = OpenRun(tmp_path, task, nn.Linear(2, 3), None, 35)
    good, bad = (
        Said(("gates", "healthy", "healthy")),
        Said(("vanishing", "warning", "falls & falls"), title="<G>"),
    )
    return RunInspection(opened, {"gates": [good], "gradient": [bad]}, {"roads": "a GRU has one road"})


def test_the_verdict_stands_first_and_says_nothing_twice(inspection: RunInspection) -> None:
    assert str(inspection).splitlines() == ["falls & falls", "roads left out: a GRU has one road"]
    page = inspection.to_html()
    top = page[: page.index("<h2>")]
    assert "falls &amp; falls" in top
    assert "healthy</b>" not in top
    assert "9 parameters" in top
    assert "after 35 steps" in top


def test_it_needs_nothing_besides_itself(inspection: RunInspection) -> None:
    page = inspection.to_html()
    sources = re.findall(r"""(?:src|srcset|href)=['"]([^'"]*)""", page)
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    pictures = [base64.b64decode(source.partition(",")[2]) for source in sources]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    dark, light = pictures[:2]
    assert dark != light
    assert "://" not in re.sub("base64,[^'\"]*", "", page)
    assert "<script" not in page
    assert "&lt;G&gt;" in page
    assert "a &lt;line&gt;" in page


def test_it_is_written_whole_or_not_at_all(inspection: RunInspection, tmp_path: Path) -> None:
    assert inspection.write() == tmp_path / "inspect.html"
    assert [path.name for path in tmp_path.iterdir()] == ["inspect.html"]
    assert inspection.write(tmp_path / "other.html").read_text() == inspection.to_html()
    with pytest.raises(Fault, match="is a folder"):
        inspection.write(tmp_path)


def test_everything_is_there_for_programs(inspection: RunInspection) -> None:
    told = inspection.to_dict()
    assert [finding["text"] for finding in told["verdict"]] == ["falls & falls"]
    assert cast(dict[str, Any], told["inspections"])["gradient"][0]["line"] == [0.0, 1.0]
    assert told["left out"] == {"roads": "a GRU has one road"}
