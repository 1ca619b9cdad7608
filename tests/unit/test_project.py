"""The ground the tests stand on, and the package's own description of itself."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import results
import torch

import recurra

ROOT = Path(__file__).resolve().parents[2]


def test_fresh_memory_is_nan() -> None:
    like = torch.zeros(2, 3)
    tensors = [
        torch.empty(2, 3),
        torch.empty_like(like),
        torch.empty_strided((2, 3), (3, 1)),
        like.new_empty(2, 3),
        like.new_empty_strided((2, 3), (3, 1)),
    ]
    assert all(tensor.isnan().all() for tensor in tensors)


def test_installed_version_is_the_packages() -> None:
    assert importlib.metadata.version("recurra") == recurra.__version__


def test_a_citation_names_this_version() -> None:
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"version: {recurra.__version__}" in lines


def test_the_changelog_begins_with_this_version_and_its_date() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.search(r"^## (.*)$", text, flags=re.MULTILINE)
    assert heading is not None
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    date = re.search(r"^date-released: (\d{4}-\d\d-\d\d)$", citation, flags=re.MULTILINE)
    assert date is not None
    assert heading[1] in ("Unreleased", f"{recurra.__version__} - {date[1]}")


def test_no_format_depends_on_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.layers import Recurrent
    from recurra.storage import models

    monkeypatch.setattr(models, "__version__", "9.9.9")
    models.save_model(Recurrent(recurra.cells.GRU(2, 3)), tmp_path)
    monkeypatch.undo()
    assert isinstance(models.load_model(tmp_path), Recurrent)


def test_every_requirement_is_pinned() -> None:
    pinned = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requirements = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    requirements += [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    words = [re.match(r"[\w.-]+", requirement) for requirement in requirements]
    names = {word.group().lower().replace("_", "-") for word in words if word is not None}
    assert names - pinned == {"recurra"}


def test_the_results_are_those_that_were_measured() -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert results.with_tables(text) == text


@pytest.mark.parametrize(
    ("folder", "module"),
    [("engine", "recurra.engines.native._engine"), ("vectors", "recurra.vectors._vectors")],
)
def test_native_code_is_built_where_it_can_be(folder: str, module: str) -> None:
    if not (ROOT / "native" / folder / "CMakeLists.txt").exists():
        pytest.skip(f"native/{folder} is not there")
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler")
    importlib.import_module(module)


def test_decisions_are_numbered_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))
    titles = {path: path.read_text().splitlines()[0].removeprefix("# ") for path in files}
    entries = [
        f"- [{path.name[:4]}]({path.name}): {title[0].lower()}{title[1:]}" for path, title in titles.items()
    ]
    index = (folder / "README.md").read_text().splitlines()
    assert [line for line in index if line.startswith("- [")] == entries


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_laboratory_is_described_whole() -> None:
    from recurra.inspect import thresholds
    from recurra.inspect.inspections import INSPECTIONS

    text = (ROOT / "docs" / "laboratory.md").read_text(encoding="utf-8")
    assert [name for name in INSPECTIONS if f"| `{name}` |" not in text] == []
    assert [name for name in re.findall(r"`([A-Z]+_[A-Z]+)`", text) if not hasattr(thresholds, name)] == []
