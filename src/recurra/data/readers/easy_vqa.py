"""Questions about pictures of one shape each, in the layout of easy-VQA, as they are or read as captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.archive import archive_files
from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.text import decode_text, parse_json, split_lines

COLOURS = {"black", "blue", "brown", "gray", "green", "red", "teal", "yellow"}
SHAPES = {"circle", "rectangle", "triangle"}


def read_easy_vqa(path: str | Path, *, part: str = "train", questions: bool = False) -> Examples:
    """Columns `image`, the bytes of a PNG, and `caption`, a list: "a red circle", or nothing where the
    questions do not tell both colour and shape. Or `image`, `question`, `answer`, and `number`, that of the
    picture, one entry for each question.

    The file is a tar archive, gzipped or not, of `PART/images/NUMBER.png` and `PART/questions.json`, a list
    of `[question, answer, number]`. What a question names is there when it asks for something else of it
    ("what color is the circle?"), or when its yes or no says so; its answer is, unless that is yes or no.

    Args:
        path: the archive. part: "train" or "test". questions: whether questions are read, not captions.
    """
    contents = archive_files(path, f"{part}/")
    name = f"{part}/questions.json"
    if name not in contents:
        raise Fault(f"{path}: no {name} in the archive: expected part to be one of its folders")
    words_of: dict[int, set[str]] = {}
    rows: list[tuple[str, str, int]] = []
    try:
        text = decode_text(contents[name], f"{path}: {name}")
        for question, answer, number in parse_json("\n".join(split_lines(text)), f"{path}: {name}"):
            words_of.setdefault(int(number), set()).update(_words(question, answer))
            rows.append((question, answer, int(number)))
    except Fault:
        raise
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Fault(f"{path}: {name}: expected a list of [question, answer, number]: {error}") from None
    if questions:
        return _questions(rows, contents, str(path), part)
    columns: dict[str, list[Any]] = {"image": [], "caption": []}
    places = []
    for number, words in sorted(words_of.items()):
        place = Place(str(path), number, f"{part} image")
        picture = f"{part}/images/{number}.png"
        if picture not in contents:
            raise Fault(f"{place}: no {picture} in the archive")
        colours, shapes = words & COLOURS, words & SHAPES
        if len(colours) > 1 or len(shapes) > 1:
            raise Fault(f"{place}: its questions tell {', '.join(sorted(words))}: expected one shape")
        columns["image"].append(contents[picture])
        columns["caption"].append([f"a {colours.pop()} {shapes.pop()}"] if colours and shapes else [])
        places.append(place)
    return Examples(columns, places, f"{path} ({part})")


def _questions(
    rows: list[tuple[str, str, int]], contents: dict[str, bytes], path: str, part: str
) -> Examples:
    columns: dict[str, list[Any]] = {"image": [], "question": [], "answer": [], "number": []}
    places = []
    for place_number, (question, answer, number) in enumerate(rows, 1):
        place = Place(path, place_number, f"{part} question")
        picture = f"{part}/images/{number}.png"
        if picture not in contents:
            raise Fault(f"{place}: no {picture} in the archive")
        for column, entry in zip(columns, (contents[picture], question, answer, str(number)), strict=True):
            columns[column].append(entry)
        places.append(place)
    if not places:
        raise Fault(f"{path}: no question in {part}/questions.json")
    return Examples(columns, places, f"{path} ({part})")


def _words(question: str, answer: str) -> set[str]:
    """The colours and shapes that a question and its answer say are there."""
    words = set(question.rstrip("?").split())
    named = words & (COLOURS | SHAPES)
    if answer in ("yes", "no"):
        denies = bool(words & {"not", "no"})
        return named if (answer == "yes") != denies else set()
    return named | {answer}
