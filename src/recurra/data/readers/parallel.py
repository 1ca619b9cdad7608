"""Two text files side by side: line n of one belongs to line n of the other."""

from __future__ import annotations

import re
from pathlib import Path

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines

_BRACES = re.compile(r"\{([^{},]*),([^{},]*)\}")


def read_parallel(path: str | Path, *, encoding: str = "utf-8") -> Examples:
    """Columns `source` and `target`, a line an entry.

    Args:
        path: names both files by what differs, the source first: `train.{en,de}.gz` is `train.en.gz` and
            `train.de.gz`.
        encoding: the encoding of both files.

    Raises:
        Fault: the two files have different numbers of lines.
    """
    text = str(path)
    if not names_two_files(path):
        raise Fault(
            f"{path}: expected one {{source,target}} in the name, to name two files, as train.{{en,de}} does"
        )
    names = [_BRACES.sub(rf"\{side}", text) for side in (1, 2)]
    source, target = (split_lines(read_text(name, encoding)) for name in names)
    if len(source) != len(target):
        raise Fault(
            f"{names[0]} has {len(source):,} lines, {names[1]} has {len(target):,}: expected as many, "
            f"line by line"
        )
    places = [Place(names[0], number) for number in range(1, len(source) + 1)]
    return Examples({"source": source, "target": target}, places, text)


def names_two_files(path: str | Path) -> bool:
    """Whether a name holds one `{source,target}`."""
    return len(_BRACES.findall(str(path))) == 1
