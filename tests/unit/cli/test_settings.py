"""What tells a person of the settings: commands that rewrite, list and make recipes."""

from __future__ import annotations

from pathlib import Path

from .command_line import Command, told


def test_an_old_recipe_is_rewritten(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text("# Mine.\ntask = 'language_model'\n[data]\ntrain = 'a.txt'\nsteps = 3  # short\n")
    said = call("recipes", "upgrade", path)
    assert (said.code, said.out, said.error) == (0, ["data.steps -> data.window"], [])
    assert path.read_text() == (
        "# Mine.\nformat = 2\ntask = 'language_model'\n[data]\ntrain = 'a.txt'\nwindow = 3  # short\n"
    )
    assert call("recipes", "upgrade", path).out == [f"{path}: nothing to change"]


def test_comments_that_cannot_stay_are_told(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text("# Mine.\ntask = 'language_model'\ndata.train = 'a.txt'\ndata.steps = 3  # short\n")
    said = call("recipes", "upgrade", path)
    assert said.code == 0
    assert "written anew" not in said.out[-1] or "short" not in path.read_text()
    assert path.read_text().startswith("# Mine.\n")
    assert call("recipes", "upgrade", path).out == [f"{path}: nothing to change"]


def test_what_can_not_be_rewritten_stays_as_it_was(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    for text, said in [
        ("task = 'tga'", "did you mean 'tag'?"),
        ("format = 3\ntask = 'tag'", "format 3 found"),
    ]:
        path.write_text(text)
        assert said in told(call("recipes", "upgrade", path))
        assert path.read_text() == text
