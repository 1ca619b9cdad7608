"""Answers as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.errors import Fault, quoted


def flat(answer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """One row: of tables within the answer each key, after the table's name and a dot.

    Raises:
        Fault: the answer holds a list.
    """
    row: dict[str, Any] = {}
    for key, value in answer.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            row.update(flat(value, f"{name}."))
        elif isinstance(value, list):
            raise Fault(
                f"an answer is no row of a table: its {name!r} is a list, {quoted(value)}; "
                f"write it as JSON, one answer a line (--as jsonl)"
            )
        else:
            row[name] = value
    return row


def some(answer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """These keys of an answer, as far as it has them."""
    return {name: answer[name] for name in names if name in answer}


def plain_text(answer: Mapping[str, Any], task: str) -> str:
    """What a person reads of an answer: its text, target, restored text or label, on one line.

    Raises:
        Fault: it has none of them.
    """
    for name in ("text", "target", "restored", "label"):
        if name != "text" or "perplexity" not in answer:  # a language model's text is the question
            value = answer.get(name)
            if isinstance(value, str):
                return " ".join(value.split("\n")) + "\n"
    raise Fault(f"--as text: a {task} model answers with no text: write --as jsonl")
