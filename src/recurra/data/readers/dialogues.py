"""Conversations in YAML: each turn and the reply to it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import check_text, split_lines


def read_dialogues(path: str | Path, *, encoding: str = "utf-8") -> Examples:
    """Columns `source` and `target`: every turn of every conversation but the last, and the turn after it.

    The file is a mapping whose `conversations` is a list of lists of texts, as in the corpus of ChatterBot; a
    text by itself is a conversation of one turn, which has no reply.

    Args:
        path: the file.
        encoding: the encoding of the file.
    """
    try:
        yaml: Any = importlib.import_module("yaml")
    except ModuleNotFoundError:
        raise Fault("conversations in YAML need PyYAML: install recurra[data]") from None
    text = read_text(path, encoding)
    try:
        document = yaml.safe_load("\n".join(split_lines(text)) + "\n")
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:  # a date of day 99
        raise Fault(f"{path}: not YAML: {str(error)[:300]}") from None
    talks = document.get("conversations") if isinstance(document, dict) else None
    if not isinstance(talks, list):
        raise Fault(f"{path}: no list 'conversations' found, expected one of lists of texts")
    source: list[str] = []
    target: list[str] = []
    places: list[Place] = []
    for number, talk in enumerate(talks, 1):
        place = Place(str(path), number, "conversation")
        talk = [talk] if isinstance(talk, str) else talk
        if not isinstance(talk, list) or not all(isinstance(turn, str) for turn in talk):
            raise Fault(f"{place}: expected a list of texts (quote what YAML reads as a number or a date)")
        for turn in talk:
            check_text(turn, str(place))
        source += talk[:-1]
        target += talk[1:]
        places += [place] * max(0, len(talk) - 1)
    if not places:
        raise Fault(f"{path}: no conversation has two turns: nothing to reply to")
    return Examples({"source": source, "target": target}, places, str(path))
