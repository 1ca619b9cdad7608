"""The prose of Python's own manual: text that comes with every CPython."""

from __future__ import annotations

import importlib
import re

from recurra.data.examples import Examples, Place
from recurra.errors import Fault

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_CODE = re.compile(r">>>|::=|[{}]|^\S*[(=]|^\S+ = |^(class|def|import|from|try|async|Changed|New) ")
_BULLET = re.compile(r"^(\*|\[?\d+[.\]]) ")


def python_manual() -> str:
    """About 220,000 characters: paragraphs of English, one a line, in a fixed order; code, grammar, tables
    and headings are left out, quotation marks and dashes made ASCII. The text differs from one Python version
    to the next.

    Source: `pydoc_data.topics`, Python Software Foundation License.
    """
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ModuleNotFoundError:
        raise Fault(
            "this Python lacks its own manual (pydoc_data.topics): "
            "give a text file instead of builtin:python_manual, as in recurra demo --data my.txt"
        ) from None
    paragraphs: dict[str, None] = {}
    for name in sorted(topics):
        for block in topics[name].translate(_PLAIN).split("\n\n"):
            paragraph = _BULLET.sub("", " ".join(block.split()))
            if _is_prose(paragraph):
                paragraphs[paragraph] = None
    return "\n".join(paragraphs) + "\n"


def manual_examples() -> Examples:
    """Column `text`: the manual as one document."""
    return Examples({"text": [python_manual()]}, [Place("python_manual", 1)], "python_manual")


def _is_prose(paragraph: str) -> bool:
    letters = sum(c.isalpha() or c == " " for c in paragraph)
    return (
        len(paragraph) >= 40
        and paragraph.isascii()
        and paragraph[0].isupper()
        and paragraph[-1] in ".:"
        and letters >= 0.82 * len(paragraph)
        and not _CODE.search(paragraph)
    )
