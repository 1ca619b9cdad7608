"""What a command answers item by item: arguments, the lines of a file, or those of stdin as they come."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from recurra.cli.arguments import Format
from recurra.cli.writers import Write
from recurra.data.readers.conllu import read_conllu
from recurra.errors import Fault
from recurra.storage.files import file_blocks, replacing
from recurra.storage.text import arriving_lines, check_text, parse_json
from recurra.tasks.base import AT_ONCE

_BLOCK = 65536


class Item(NamedTuple):
    """One item: where it stands, and what it is, or why it is none."""

    place: str
    value: Any | Fault


def item_groups(arguments: list[str] | None, file: Path | None, form: Format) -> Iterator[list[Item]]:
    """Items as arguments, else the lines of a file, or of stdin: those that have come, without waiting for
    others.
    """
    if arguments and file is not None:
        raise Fault("give items as arguments or --file, not both")
    if form is Format.conllu:
        yield from _sentences(file)
        return
    groups: Iterator[list[tuple[str, str | Fault]]]
    if arguments:
        groups = iter([[(f"argument {n}", item) for n, item in enumerate(arguments, 1)]])
    elif file is None or str(file) == "-":
        groups = arriving_lines(stdin_blocks(), "stdin")
    else:
        groups = arriving_lines(file_blocks(file), str(file))
    for group in groups:
        items = [Item(place, _value(place, text, form)) for place, text in group]
        for first in range(0, len(items), AT_ONCE):
            yield items[first : first + AT_ONCE]


def _sentences(file: Path | None) -> Iterator[list[Item]]:
    """The words of each sentence of a file."""
    if file is None or str(file) == "-":
        raise Fault("--format conllu reads a file: give --file")
    examples = read_conllu(file)
    for first in range(0, len(examples), AT_ONCE):
        last = first + AT_ONCE
        pairs = zip(examples.places[first:last], examples["form"][first:last], strict=True)
        yield [Item(str(place), words) for place, words in pairs]


def all_items(groups: Iterable[Sequence[Item]]) -> list[Any]:
    """Every item at once. Fault for the first that is none."""
    values = []
    for item in (item for group in groups for item in group):
        if isinstance(item.value, Fault):
            raise item.value
        values.append(item.value)
    return values


def emit_answers(
    groups: Iterable[Sequence[Item]],
    row: Callable[[Any], Any],
    answers: Callable[[Sequence[Any]], Iterable[dict[str, Any]]],
    write: Write,
    output: Path | None = None,
) -> None:
    """The answer to each item, in order; `{"error": ...}` for one that has none.

    Args:
        row: what the model reads of an item. answers: those to what `row` gave.
        write: an answer as text.
        output: the file that gets them, whole or not at all; None: stdout, as they come.

    Raises:
        Fault: at the end, where an item had no answer.
    """
    count, errors = 0, list[str]()
    with _opened(output) as put:
        for group in groups:
            for answer in _answers(group, row, answers):
                count += 1
                if isinstance(answer, Fault):
                    errors.append(str(answer))
                    answer = {"error": str(answer)}
                put(write(count, answer))
    if errors:
        share = f"{len(errors)} of {count} items have no answer; the first: " if count > 1 else ""
        raise Fault(f"{share}{errors[0]}")


@contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[str], None]]:
    """What writes a text: to a file that takes its name at the end, or to stdout at once."""
    if output is None:
        yield lambda text: print(text, end="", flush=True)
        return
    with replacing(output) as file:

        def put(text: str) -> None:
            file.write(text.encode("utf-8", "surrogatepass"))

        yield put


def stdin_blocks() -> Iterator[bytes]:
    """What has arrived on stdin, without waiting for a line or a block to fill up."""
    if sys.stdin is None:  # closed by whoever started us
        return
    try:
        number = sys.stdin.fileno()
    except (AttributeError, OSError):  # no file, but what stands in for one
        yield sys.stdin.buffer.read()
        return
    while block := os.read(number, _BLOCK):
        yield block


def _answers(
    group: Sequence[Item],
    row: Callable[[Any], Any],
    answers: Callable[[Sequence[Any]], Iterable[dict[str, Any]]],
) -> list[dict[str, Any] | Fault]:
    """The answer to each item, or why it has none."""
    rows = [item.value if isinstance(item.value, Fault) else _row_of(item, row) for item in group]
    readable = [each for each in rows if not isinstance(each, Fault)]
    try:
        replies: Iterator[dict[str, Any] | Fault] = iter(list(answers(readable)) if readable else [])
    except Fault:  # one of them only shows as it is answered
        replies = iter(
            [
                _answer(item, each, answers)
                for item, each in zip(group, rows, strict=True)
                if not isinstance(each, Fault)
            ]
        )
    return [each if isinstance(each, Fault) else next(replies) for each in rows]


def _row_of(item: Item, row: Callable[[Any], Any]) -> Any | Fault:
    try:
        return row(item.value)
    except Fault as fault:
        return Fault(f"{item.place}: {fault}")


def _answer(
    item: Item, row: Any, answers: Callable[[Sequence[Any]], Iterable[dict[str, Any]]]
) -> dict[str, Any] | Fault:
    try:
        (answer,) = answers([row])
    except Fault as fault:
        return Fault(f"{item.place}: {fault}")
    return answer


def _value(place: str, text: str | Fault, form: Format) -> Any | Fault:
    if isinstance(text, Fault):
        return text
    try:
        return check_text(text, place) if form is Format.text else parse_json(text, place)
    except Fault as fault:
        return fault
