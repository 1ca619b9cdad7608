"""Trees of constituents as text: in brackets, and as a tree of lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.data.text.constituents import indented, one_tree


def brackets_text(answer: Mapping[str, Any]) -> str:
    """A line of brackets, which the format "brackets" reads.

    Args:
        answer: has the tree as `brackets`.
    """
    return f"{answer['brackets']}\n"


def tree_text(answer: Mapping[str, Any]) -> str:
    """A line for each node below the one that it is a part of, and an empty line.

    Args:
        answer: has the tree as `brackets`.
    """
    return f"{indented(one_tree(answer['brackets'], 'answer'))}\n\n"
