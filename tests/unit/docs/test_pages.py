"""The pages of docs/: their code runs, their commands are ones, and what the code tells stands in them."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docs_site as site_builder
import pages
import pytest
import torch
import transcripts
import typer

from recurra.cli.commands import app

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = ("", "sh", "console")


def blocks(page: Path, *languages: str) -> list[str]:
    """The content of a page's blocks in these languages, without those that are marked as not run."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [content for mark, language, content in found if language in languages and not mark]


def command_lines(page: Path) -> Iterator[list[str]]:
    """The arguments of every command `recurra` in a page's blocks, pipes and comments taken apart."""
    for content in blocks(page, *SHELL):
        for line in content.replace("\\\n", " ").splitlines():
            for part in line.removeprefix("$ ").split(" | "):
                if part.startswith("recurra ") and not re.match(r"recurra: ", part):
                    yield shlex.split(part.partition(" < ")[0], comments=True)[1:]


@pytest.mark.parametrize(
    "page", [page for page in PAGES[1:] if blocks(page, "python")], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "\n".join(blocks(page, "python"))
    script = tmp_path / "page.py"  # a cell's source is read from its file
    script.write_text(code, encoding="utf-8")
    if "sklearn" in code:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    if "cell(" in code:  # what it registers is for its own process
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        run = subprocess.run(
            [sys.executable, script.name], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        return
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    runpy.run_path(str(script))


def test_explain_prints_what_its_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "explain.md").read_text(encoding="utf-8")
    exec(blocks(DOCS / "explain.md", "python")[0], {})
    assert capsys.readouterr().out.strip() in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_ones(page: Path) -> None:
    program: Any = typer.main.get_command(app)
    for words in command_lines(page):
        try:
            parse(program, "recurra", words)
        except typer.Exit:  # --help and the like
            pass
        except Exception as error:
            raise AssertionError(f"recurra {shlex.join(words)}: {error}") from None


def parse(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Reads the arguments of a command, and of the one within it, and runs none."""
    context = command.make_context(name, list(words), parent=parent)
    rest = [*getattr(context, "_protected_args", []), *context.args]
    if hasattr(command, "resolve_command") and rest:
        inner_name, inner, others = command.resolve_command(context, rest)
        parse(inner, inner_name, others, context)


def test_a_wrong_command_is_seen() -> None:
    program: Any = typer.main.get_command(app)
    parse(program, "recurra", ["inspect", "gradient", "runs/x", "--dark"])
    for words in (["trian"], ["train", "--sett", "a=1"], ["predict"]):
        with pytest.raises(Exception, match="trian|--sett|run"):
            parse(program, "recurra", words)


@pytest.mark.parametrize("name", pages.MARKS)
def test_what_the_code_tells_stands_in_a_page(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert pages.with_parts(text, pages.MARKS[name]) == text, "python scripts/pages.py writes it"


def anchors(page: Path) -> set[str]:
    """What the headings of a page can be reached by."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    words = (
        re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in re.findall(r"^#+ (.*)$", text, re.M)
    )
    return {re.sub(r"[-\s]+", "-", word) for word in words}


@pytest.mark.parametrize("page", [*PAGES, *transcripts.TUTORIALS.glob("*.md")], ids=lambda page: page.stem)
def test_links_into_pages_meet_a_heading(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [
        f"{path}#{anchor}"
        for path, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text)
        if anchor not in anchors(page.parent / path if path else page)
    ]
    assert missing == []


def test_every_page_has_its_place_in_the_site() -> None:
    places = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    own = {
        path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("*.md"), *(DOCS / "tutorials").glob("*.md")]
    }
    assert own <= places
    missing = {place for place in places - own if not (DOCS / place).exists()}
    assert missing == {"reference/index.md", "changelog.md", "contributing.md", "security.md"}


def test_the_reference_of_a_room_is_made_of_its_docstrings() -> None:
    text = pages._room("recurra.errors", "What a user is meant to read")
    assert "## Fault" in text
    assert "The command line prints that line and ends with exit code 2." in text


def test_dead_links_of_the_site_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "index.html").write_text('<a href="a/#b">x</a> <a href="c/">y</a> <a href="a/#d">z</a>')
    (tmp_path / "a" / "index.html").write_text('<h1 id="b">b</h1> <img src="../no.png">')
    found = [*site_builder.dead_links(tmp_path)]
    assert found == ["a/index.html: ../no.png", "index.html: c/", "index.html: a/#d"]


def test_transcripts_have_commands() -> None:
    assert all(
        transcripts.words_of(line)[0] in ("new", "check", "train", "evaluate", "predict", "sample", "recipes")
        for page in transcripts.TUTORIALS.glob("*.md")
        for block in blocks(page, "console")
        for line in transcripts.commands(block)
    )
