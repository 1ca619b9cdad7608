"""From the columns of a person's data to the settings that a task needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recurra.data import columns
from recurra.data.filling import Filling
from recurra.data.series import read_series
from recurra.data.sound.recording import read_recording
from recurra.errors import Fault
from recurra.train.looks import Data

Settings = dict[str, Any]
"""Key -> value, as "data.tokens" -> "text"."""

_TEXTS = (
    "text",
    "sentence",
    "tokens",
    "words",
    "review",
    "comment",
    "content",
    "message",
    "body",
    "sequence",
    "title",
)
_LABELS = ("label", "class", "category", "sentiment", "topic", "intent", "target", "y", "tag")
_TARGETS = ("target", "price", "score", "rating", "value", "y", "label")
_TAGS = ("tag", "tags", "ner", "ner_tags", "upos", "pos", "label", "labels", "chunk")
_WORDS = ("token", "tokens", "form", "word", "words")
_SOURCES = ("source", "src", "input", "question", "english", "en", "text")
_GOALS = ("target", "tgt", "output", "answer", "translation", "reply", "german", "de")
_SPOKEN = ("text", "transcript", "transcription", "sentence", "label")
_TIMES = ("time", "date", "datetime", "timestamp", "ds")
_MISSING: Filling = "previous"
"""What stands for missing numbers of a series."""
_MOST_LABELS = 200


def guess(task: str, data: Data) -> Settings:
    """The settings of [data], and those of [model] that depend on it, for a task.

    Raises:
        Fault: the columns show too little, or a task's recipe can't be guessed.
    """
    if task not in GUESSES:
        raise Fault(
            f"a recipe of the task {task!r} can't be guessed from data: start from one of `recurra recipes`, "
            f"with `recurra options {task}` beside it"
        )
    return _held_out(task, data) | GUESSES[task](data)


def _held_out(task: str, data: Data) -> Settings:
    """A part of few examples as a number, since a tenth of them may be none."""
    count = len(data.examples)
    if task in ("forecast", "language_model"):
        return {}
    if count < 2:
        raise Fault(f"{data.examples.source}: one example found, expected some more: a part is held out")
    return {"data.hold_out": max(1, count // 5)} if count < 10 else {}


def _rows(data: Data, *others: str) -> Settings:
    """The column of rows: texts, lists of words, or rows of numbers."""
    kinds = {name: data.kind(name) for name in data.examples.columns if name not in others}
    for kind in ("tokens", "text"):
        if kind in kinds.values():
            names = _TEXTS if kind == "text" else _WORDS
            name = data.column("texts", lambda name, kind=kind: kinds.get(name) == kind, names)  # type: ignore[misc]
            plain = kind == "text" and not _is_tokenised(columns.text(data.examples, name))
            return {"data.tokens": name, **({"data.tokenizer.rule": "words"} if plain else {})}
    if "vectors" in kinds.values():
        return {"data.vectors": data.column("rows", lambda name: kinds.get(name) == "vectors", ("vectors",))}
    name = data.column(
        "texts, of lists of words or of rows of numbers", lambda name: kinds.get(name) == "word", _TEXTS
    )
    return {"data.tokens": name}


def _is_tokenised(texts: list[str]) -> bool:
    """Whether marks stand by themselves, as in text that is cut into words already."""
    glued = sum(
        text[-2:-1].isalnum() and text[-1] in ".!?," for text in map(str.strip, texts) if len(text) > 1
    )
    return glued < 0.1 * len(texts)


def _classify(data: Data) -> Settings:
    def few(name: str) -> bool:
        if data.kind(name) not in ("word", "number", "text"):
            return False
        counts = Counter(map(str, data.examples[name]))
        return 2 <= len(counts) <= min(_MOST_LABELS, max(2, len(data.examples) // 2))

    label = data.column("labels (two or more, each several times)", few, _LABELS)
    return {**_rows(data, label), "data.label": label}


def _regress(data: Data) -> Settings:
    target = data.column("numbers", lambda name: data.kind(name) == "number", _TARGETS)
    return {**_rows(data, target), "data.target": target}


def _tag(data: Data) -> Settings:
    words = data.column("words", lambda name: data.kind(name) in ("tokens", "text"), _WORDS)

    def matches(name: str) -> bool:
        if name == words or data.kind(name) not in ("tokens", "text", "word"):
            return False
        try:
            columns.tags(data.examples, name, words)
        except Fault:
            return False
        return True

    tags = data.column("tags, one for each word", matches, _TAGS)
    scheme = {"data.scheme": "none"} if tags in ("upos", "pos", "xpos") else {}
    return {"data.tokens": words, "data.tags": tags, **scheme}


def _language_model(data: Data) -> Settings:
    name = data.column("texts", lambda name: data.kind(name) in ("text", "word"), _TEXTS)
    size = sum(map(len, columns.text(data.examples, name)))
    settings: Settings = {"data.column": name, "data.unit": "character"}
    if size < 100_000:  # so that a text this short has some windows
        settings |= {"data.batch_size": 8 if size > 5_000 else 2, "data.window": 64 if size > 5_000 else 16}
    return settings


def _pairs(data: Data) -> tuple[str, str]:
    def texts(name: str) -> bool:
        return data.kind(name) in ("text", "word", "number")

    source = data.column("texts", texts, _SOURCES)
    return source, data.column("texts to write", lambda name: name != source and texts(name), _GOALS)


def _translate(data: Data) -> Settings:
    source, target = _pairs(data)
    settings: Settings = {"data.source": source, "data.target": target, "data.unit": "word"}
    if not _is_tokenised(columns.text(data.examples, source)):
        settings["data.tokenizer.rule"] = "words"
    return settings


def _transduce(data: Data) -> Settings:
    source, target = _pairs(data)
    texts = [columns.text(data.examples, name) for name in (source, target)]
    sizes: dict[str, Callable[[str], int]] = {"character": len, "word": lambda text: len(text.split())}
    for unit, size in sizes.items():
        lengths = [(size(a), size(b)) for a, b in zip(*texts, strict=True)]
        ratios = {a / b if b else 0.0 for a, b in lengths}
        several = any(b > 1 for _, b in lengths)  # else words tell nothing
        if several and len(ratios) == 1 and (ratio := ratios.pop()) >= 1 and ratio.is_integer():
            return {"data.source": source, "data.target": target, "data.unit": unit, "data.ratio": int(ratio)}
    raise Fault(
        f"{data.examples.source}: columns {source!r} and {target!r}: their lengths have no one ratio, in "
        f"characters or words: a transduction needs one; a recipe of `translate` does not"
    )


def _autoencode(data: Data) -> Settings:
    rows = _rows(data)
    if "data.vectors" in rows:
        return rows
    rule = {"data.tokenizer.rule": "words"} if "data.tokenizer.rule" in rows else {}
    if data.kind(rows["data.tokens"]) == "tokens":
        raise Fault(f"{data.examples.source}: lists of words found, expected texts or rows of numbers")
    return {"data.text": rows["data.tokens"], "data.unit": "word", **rule}


def _transcribe(data: Data) -> Settings:
    audio = data.column(
        "recordings", lambda name: data.kind(name) == "sound", ("audio", "path", "file", "wav")
    )
    text = data.column(
        "transcripts", lambda name: name != audio and data.kind(name) in ("text", "word"), _SPOKEN
    )
    return {"data.audio": audio, "data.text": text, **_sound(data, audio)}


def _forecast(data: Data) -> Settings:
    kinds = {name: data.kind(name) for name in data.examples.columns}
    time = next(
        (name for name in kinds if name.lower() in _TIMES and kinds[name] in ("time", "number")), None
    )
    time = time or next((name for name, kind in kinds.items() if kind == "time"), None)
    targets = [name for name, kind in kinds.items() if kind == "number" and name != time]
    if not targets:
        raise Fault(f"{data.examples.source}: no column of numbers found; its columns: {data.overview()}")
    series = next(
        (name for name, kind in kinds.items() if kind in ("word", "text") and _repeats(data, name)), None
    )
    settings: Settings = {"data.time": time} if time else {}
    settings |= {"data.series": series} if series else {}
    gaps, longest, runs = _gaps(data, targets, time, series)
    settings |= {"data.gaps": gaps} if gaps != "error" else {}
    settings |= {"data.incomplete": _MISSING} if _lacks(data, targets) else {}
    settings |= {"data.scale": "series"} if runs > 1 and series else {}
    horizon = max(1, min(24, longest // 20))
    context = max(1, min(96, longest // 5))
    if int(0.7 * longest) < context + horizon or int(0.1 * longest) < horizon:
        raise Fault(
            f"{data.examples.source}: series of at most {longest} rows without a gap found, expected more"
        )
    return settings | {"data.targets": targets, "data.context": context, "data.horizon": horizon}


def _repeats(data: Data, name: str) -> bool:
    return len(set(map(str, data.examples[name]))) <= len(data.examples) // 5


def _lacks(data: Data, targets: list[str]) -> bool:
    """Whether a number is missing."""
    return any(each.missing for each in columns.read_numbers(data.examples, *targets)[1])


def _gaps(data: Data, targets: list[str], time: str | None, series: str | None) -> tuple[str, int, int]:
    """What to do with missing time stamps, the rows of the longest series then, and how many there are."""
    filling = _MISSING if _lacks(data, targets) else None
    for gaps in ("error", "allow"):
        try:
            runs, _ = read_series(data.examples, targets, time=time, name=series, gaps=gaps, filling=filling)
        except Fault as fault:
            if gaps == "allow" or "set gaps" not in str(fault):
                raise
        else:
            return gaps, max(len(run.values) for run in runs), len({run.name for run in runs})
    raise AssertionError("rows without a series")


def _trajectory(data: Data) -> Settings:
    def numbers(name: str) -> bool:
        return data.kind(name) == "number"

    x = data.column("places x", lambda name: numbers(name) and name.lower() in ("x", "lon", "longitude"), ())
    y = data.column("places y", lambda name: numbers(name) and name.lower() in ("y", "lat", "latitude"), ())
    time = next((name for name in data.examples.columns if name.lower() in ("frame", *_TIMES)), None)
    path = ("id", "track", "track_id", "agent", "agent_id", "walker", "path")
    series = next((name for name in data.examples.columns if name.lower() in path), None)
    settings: Settings = {"data.x": x, "data.y": y}
    settings |= {"data.time": time} if time else {}
    settings |= {"data.series": series} if series else {}
    ids = [str(entry) for entry in data.examples[series]] if series else [""] * len(data.examples)
    longest = max(Counter(ids).values())
    context, horizon = (8, 12) if longest >= 20 else (max(2, longest // 3), max(1, longest // 4))
    if longest < 20:
        settings |= {"data.context": context, "data.horizon": horizon}
    return settings | {"data.hold_out": _whole_paths(ids, context + horizon)}


def _whole_paths(ids: list[str], steps: int) -> int:
    """Rows at the end, a tenth or more, in which some path has so many steps."""
    counts: Counter[str] = Counter()
    for rows, name in enumerate(reversed(ids), 1):
        counts[name] += 1
        whole = rows == len(ids) or ids[-rows - 1] != name
        if whole and rows >= len(ids) / 10 and max(counts.values()) >= steps:
            return min(rows, len(ids) - 1)
    return max(1, len(ids) // 10)


def _caption(data: Data) -> Settings:
    image = data.column("pictures", lambda name: data.kind(name) == "picture", ("image", "file", "path"))
    caption = data.column("captions", lambda name: data.kind(name) in ("text", "word"), ("caption", "text"))
    return {"data.image": image, "data.caption": caption, "data.tokenizer.rule": "words"}


def _answer(data: Data) -> Settings:
    question = data.column("questions", lambda name: data.kind(name) == "text", ("question",))
    if {"passage", "answers", "spans"} <= data.examples.columns.keys():
        return {"data.evidence": "passage", "data.question": question}

    def few(name: str) -> bool:
        if name == question or data.kind(name) not in ("word", "number", "text"):
            return False
        return len(set(map(str, data.examples[name]))) <= max(2, len(data.examples) // 2)

    answer = data.column("answers (each several times)", few, ("answer", "label", "target"))
    columns = {"data.question": question, "data.answer": answer, "data.unseen": "wrong"}
    evidence = {
        "sound": ("recording", "audio"),
        "picture": ("picture", "image"),
        "tokens": ("story", "story"),
    }
    for name in data.examples.columns:
        if data.kind(name) in evidence:
            kind, key = evidence[data.kind(name)]
            rate = _sound(data, name) if kind == "recording" else {}
            return {"data.evidence": kind, f"data.{key}": name, **columns, **rate}
    return {"data.evidence": "none", **columns}


def _sound(data: Data, audio: str) -> Settings:
    """The rate and channels of recordings, as the first one has them."""
    first, place = data.examples[audio][0], data.examples.places[0]
    recording = read_recording(Path(place.file).parent / Path(first)) if isinstance(first, str) else first
    mix = {"data.sound.mix": True} if recording.samples.shape[1] > 1 else {}
    return {"data.sound.rate": int(recording.rate), **mix}


def _column(data: Data) -> Settings:
    """Of drawings and of music: rows of numbers."""
    return {
        "data.column": data.column("rows of numbers", lambda name: data.kind(name) == "vectors", ("vectors",))
    }


GUESSES: dict[str, Callable[[Data], Settings]] = {
    "classify": _classify,
    "regress": _regress,
    "tag": _tag,
    "language_model": _language_model,
    "translate": _translate,
    "transduce": _transduce,
    "autoencode": _autoencode,
    "transcribe": _transcribe,
    "forecast": _forecast,
    "trajectory": _trajectory,
    "caption": _caption,
    "answer": _answer,
    "draw": _column,
    "compose": _column,
}
"""Task -> what its data's columns tell."""
