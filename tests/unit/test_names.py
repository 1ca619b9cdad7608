"""The check of names counts what a file binds, and nothing else."""

from __future__ import annotations

from pathlib import Path

import check_names
import pytest

TEXT = """
from somewhere import found                       # not bound here, but there

class Loop:
    held: int = 0                                 # an annotated field
    def given(self, wanted, *, told=None):        # a method, and arguments
        self.kept = wanted                        # an attribute; the name on the right is read alone
        for seen, _made in told:                  # both of a loop; underscores do not hide a word
            after = before = seen                 # twice
        with open(told) as read:                  # a variable, where the method below is the verb
            return [begun for begun in read if (shown := begun)]

    def read(self, holding, height_before):       # a verb; words that only contain one
        return self.held.found(told=1)            # a keyword that another function names
"""
COUNTS = {
    **dict.fromkeys(["held", "given", "wanted", "told", "kept", "seen", "made", "after", "before"], 1),
    **dict.fromkeys(["read", "begun", "shown"], 1),
}


def test_what_is_bound_is_counted(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(TEXT)
    assert check_names.count(tmp_path) == COUNTS
    (tmp_path / "further").mkdir()
    (tmp_path / "further" / "loop.py").write_text("held = 1\n")
    assert check_names.count(tmp_path) == {**COUNTS, "held": 2}


def test_more_than_before_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loop.py").write_text("held = found = 1\nheld = 2\n")
    monkeypatch.setattr(check_names.count, "__defaults__", (tmp_path,))
    monkeypatch.setattr(check_names, "MOST", 3)
    assert check_names.main() == 0
    assert capsys.readouterr().out.startswith("held 2, found 1\n3 names")
    monkeypatch.setattr(check_names, "MOST", 2)
    assert check_names.main() == 1
