"""Dependency trees as text: in the columns of CoNLL-U, and as a tree of lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BLANKS = re.compile(r"\s+")


def conllu_text(answer: Mapping[str, Any]) -> str:
    """A sentence in CoNLL-U (universaldependencies.org/format.html), with the empty line that ends it.

    Args:
        answer: see `DependencyTask.answers`. Its tags `upos` and `xpos` have columns; others are left out,
            and so are blanks around a word and all but one of those within it.
    """
    words = [_BLANKS.sub(" ", word).strip() or "_" for word in answer["tokens"]]
    missing = ["_"] * len(words)
    lines = [f"# text = {' '.join(words)}"]
    upos, xpos = (answer["tags"].get(name, missing) for name in ("upos", "xpos"))
    columns = zip(words, upos, xpos, answer["heads"], answer["labels"], strict=True)
    for number, (word, universal, own, head, label) in enumerate(columns, 1):
        lines.append(f"{number}\t{word}\t_\t{universal}\t{own}\t_\t{head}\t{label}\t_\t_")
    return "".join(f"{line}\n" for line in [*lines, ""]) if words else ""


def tree_text(answer: Mapping[str, Any]) -> str:
    """A line for each word below the one that governs it, in the order of the sentence among its sisters.

    Args:
        answer: see `DependencyTask.answers`.
    """
    words, labels = answer["tokens"], answer["labels"]
    below: list[list[int]] = [[] for _ in range(len(words) + 1)]
    for number, head in enumerate(answer["heads"], 1):
        below[head].append(number)
    lines = []
    # word, what stands before it, what stands before the words below it
    stack = [(number, "", "") for number in reversed(below[0])]
    while stack:
        number, branch, indent = stack.pop()
        lines.append(f"{branch}{words[number - 1]} ({labels[number - 1]})")
        for place, child in enumerate(reversed(below[number])):
            last = place == 0
            stack.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
    return "".join(f"{line}\n" for line in [*lines, ""]) if words else ""
