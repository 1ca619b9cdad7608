"""What is written is never what stdout can't hold."""

from __future__ import annotations

import io
import json
import sys

import pytest

from recurra.cli.app import main
from recurra.cli.output import emit, escape_output, table

WORDS = "größe 中 😀"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("text", [WORDS, f"{WORDS} \ud83d"])
def test_any_text_is_written_in_any_encoding(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    escape_output()
    emit({"text": text})
    print(text)
    table(("word",), [[text]])
    sys.stdout.flush()
    line, plain, *_ = raw.getvalue().decode(encoding).splitlines()
    assert json.loads(line) == {"text": text}
    assert plain == text.encode(encoding, "backslashreplace").decode(encoding)


def test_every_command_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["cells", "gru"]) == 0
    assert sys.stdout.errors == "backslashreplace"
