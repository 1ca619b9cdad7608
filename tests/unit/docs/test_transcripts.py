"""Transcripts in the docs: their blocks are run as they stand, and the commands print what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
import transcripts

PAGES = sorted(transcripts.TUTORIALS.glob("*.md"))
FIRST_HOUR = ("classify", "tag", "forecast", "transcribe")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_transcript_is_what_its_commands_print(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert transcripts.without_figures(transcripts.renewed(text)) == transcripts.without_figures(text)


@pytest.mark.parametrize("name", FIRST_HOUR)
def test_a_first_hour_takes_five_commands(name: str) -> None:
    text = (transcripts.TUTORIALS / f"{name}.md").read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line.startswith("$ ")]
    assert 1 <= len(found) <= 5
    assert found[0].startswith(f"$ recurra new {name} --data ")


def test_another_line_is_seen_and_another_figure_is_not() -> None:
    page = "```console\n$ recurra env\nsteps 3\n```"
    same = transcripts.renewed(page, lambda words: f"steps {len(words)}\n")
    assert transcripts.without_figures(same) == transcripts.without_figures(page)
    other = transcripts.renewed(page, lambda words: "stops 3\n")
    assert transcripts.without_figures(other) != transcripts.without_figures(page)
    with pytest.raises(ValueError, match="expected a command of recurra"):
        transcripts.renewed("```console\n$ rm -r x\n```")
