"""Runs the transcripts in docs/tutorials, each in an empty folder, and writes what their commands print into
the page. `--check` only says which pages would read otherwise, figures aside. Pages may be named.

Of a page the `python` blocks are run, and the commands of the `console` blocks (`$ recurra ...`), in order.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import groupby, zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / "docs" / "tutorials"

_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WAIT = re.compile(r"^step \d+/\d+ epoch .* s left$")
_FIGURE = re.compile(r"-?\d[\d,]*(\.\d+)?(e[-+]?\d+)?|\(best\)")


def commands(block: str) -> list[str]:
    """The commands of a `console` block, without their prompt."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def words_of(command: str) -> list[str]:
    """What the program `recurra` is given. ValueError for another program."""
    program, *words = shlex.split(command, comments=True)
    if program != "recurra":
        raise ValueError(f"{command}: expected a command of recurra")
    return words


def run(words: list[str]) -> str:
    """What a command writes, to stdout and stderr in one, its tables in columns."""
    from recurra.cli.app import main

    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = main(words)
    text = output.getvalue()
    if code:
        raise RuntimeError(f"recurra {shlex.join(words)}: exit code {code}: {text}")
    lines = [line for line in text.splitlines() if not _WAIT.match(line)]
    return "".join(f"{line}\n" for line in in_columns(lines))


def in_columns(lines: list[str]) -> Iterator[str]:
    """Lines, the tab-separated ones that follow one another as a table."""
    for is_table, group in groupby(lines, key=lambda line: "\t" in line):
        rows = [line.split("\t") for line in group]
        widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
        for row in rows:
            padded = (cell.ljust(width + 2) for cell, width in zip(row, widths, strict=False))
            yield "".join(padded).rstrip() if is_table else row[0]


def renewed(page: str, answer: Callable[[list[str]], str] = run) -> str:
    """A page whose blocks have been run in the working directory, with what its commands wrote."""

    def block(match: re.Match[str]) -> str:
        language, content = match.groups()
        if language == "python":
            exec(compile(content, "block.py", "exec"), {"__name__": "__main__"})
            return match[0]
        lines = (f"$ {command}\n{answer(words_of(command))}" for command in commands(content))
        return f"```console\n{''.join(lines)}```"

    return _BLOCK.sub(block, page)


def without_figures(text: str) -> list[str]:
    """The lines of a page, each number as one sign and every column as wide."""
    return [" ".join(_FIGURE.sub("#", line).split()) for line in text.splitlines()]


def renew(path: Path) -> str:
    """A page run in an empty folder."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            return renewed(path.read_text(encoding="utf-8"))
        finally:
            os.chdir(before)


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if name != "--check"]
    wrong = 0
    for path in [Path(name).resolve() for name in names] or sorted(TUTORIALS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        result = renew(path)
        if without_figures(result) != without_figures(text):
            wrong += 1
            print(f"{path.relative_to(ROOT)}: {'reads otherwise' if '--check' in arguments else 'written'}")
        if "--check" not in arguments:
            path.write_text(result, encoding="utf-8")
    return int("--check" in arguments and wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
