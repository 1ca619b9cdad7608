"""Recordings and what is said in them: read, checked and in features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from recurra.data import Examples, Place, columns
from recurra.data.lengths import check_lengths
from recurra.data.sound.recording import Recording, is_clipped, one_channel, read_recording
from recurra.data.sound.resample import resample
from recurra.data.sound.strings import SpokenTexts, join_recordings
from recurra.errors import Fault
from recurra.tasks.transcribe.options import TranscribeDataOptions


class Utterances(NamedTuple):
    """Recordings in features, with their transcripts.

    Attributes:
        features: `[T, bands]` each, one for each speed that was asked for. texts, places: what is said, and
            where it stands.
    """

    features: list[list[Tensor]]
    texts: list[str]
    places: list[Place]


def speakers_to_train(examples: Examples, options: TranscribeDataOptions) -> Examples:
    """The examples to train or validate on."""
    return _by_speaker(examples, options, False)


def speakers_to_test(examples: Examples, options: TranscribeDataOptions) -> Examples:
    """The examples to test on."""
    return _by_speaker(examples, options, True)


def read_utterances(
    examples: Examples,
    options: TranscribeDataOptions,
    *,
    count: int,
    seed: int,
    speeds: Sequence[float] = (1.0,),
) -> tuple[Utterances, list[str]]:
    """Recordings read, checked and, where the options say so, joined to strings.

    Args:
        count: strings, drawn from `seed`; 0: recordings stay as they are.
        speeds: that features are made at.

    Returns:
        The utterances, and notes on what is odd.
    """
    sound = options.sound
    texts = columns.text(examples, options.text)
    samples = samples_of(examples, options)
    full = [len(row) if text.strip() else 0 for row, text in zip(samples, texts, strict=True)]
    indices, remarks = check_lengths(full, examples.places, empty=options.empty, longest=None)
    notes = [str(remark) for remark in remarks]
    loud = [examples.places[i] for i in indices if is_clipped(samples[i])]
    if loud:
        notes.append(
            f"{loud[0].file}: clipped (at full scale), as are {len(loud) - 1} more of {len(indices)}"
        )
    parts = SpokenTexts(
        [samples[i] for i in indices], [texts[i] for i in indices], [examples.places[i] for i in indices]
    )
    if options.strings is not None and count:
        strings = options.strings
        speakers = [""] * len(indices)
        if options.speaker is not None:
            labels = columns.labels(examples, options.speaker)
            speakers = [labels[i] for i in indices]
        parts = join_recordings(
            parts,
            speakers,
            count=count,
            shortest=strings.min_items,
            longest=strings.max_items,
            pauses=(round(strings.pause[0] * sound.rate), round(strings.pause[1] * sound.rate)),
            seed=seed,
        )
    for row, place in zip(parts.samples, parts.places, strict=True):
        if len(row) > options.max_seconds * sound.rate:
            raise Fault(
                f"{place}: {len(row) / sound.rate:.1f} seconds found, expected at most "
                f"{options.max_seconds:g}: cut it into pieces, or raise the limit (max_seconds)"
            )
    features = sound.features()
    rows = [
        [features(sound.within(resample(row, round(speed * sound.rate), sound.rate))) for speed in speeds]
        for row in parts.samples
    ]
    return Utterances(rows, parts.texts, parts.places), notes


def samples_of(examples: Examples, options: TranscribeDataOptions) -> list[Tensor]:
    """The sound `[N]` of each example."""
    sound, rows = options.sound, []
    for entry, place in zip(examples[options.audio], examples.places, strict=True):
        where = str(place)
        if isinstance(entry, str):
            path = Path(place.file).parent / Path(entry).expanduser()
            where, entry = f"{place}: {path}", _recording(path, where)
        if not isinstance(entry, Recording):
            raise Fault(
                f"{place}: column {options.audio!r}: {entry!r} found, expected the path of a recording"
            )
        rows.append(one_channel(entry, where, sound.rate, sound.resample, sound.mix))
    return rows


def sound_of(item: Any, options: TranscribeDataOptions) -> Tensor:
    """The sound of one thing to predict: a path, a table with `audio`, or a `Recording`."""
    entry = item.get("audio") if isinstance(item, dict) else item
    where = "the recording"
    if isinstance(entry, (str, Path)):
        where, entry = str(entry), read_recording(Path(entry).expanduser())
    if not isinstance(entry, Recording):
        raise Fault(f"{item!r} found, expected the path of a recording, or a table with the key 'audio'")
    if not len(entry.samples):
        raise Fault(f"{where}: an empty recording: no sound found")
    sound = options.sound
    return one_channel(entry, where, sound.rate, sound.resample, sound.mix)


def _recording(path: Path, where: str) -> Recording:
    try:
        return read_recording(path)
    except Fault as fault:
        raise Fault(f"{where}: {fault}") from None


def _by_speaker(examples: Examples, options: TranscribeDataOptions, test: bool) -> Examples:
    names = [options.leave_out] if isinstance(options.leave_out, str) else options.leave_out
    if not names or options.speaker is None:
        return examples
    speakers = columns.labels(examples, options.speaker)
    matches = examples.take(i for i, name in enumerate(speakers) if (name in names) == test)
    if not len(matches):
        raise Fault(
            f"{examples.source}: leave_out = {names} leaves nothing to {'test' if test else 'train'} on; "
            f"its speakers are: {', '.join(sorted(set(speakers)))}"
        )
    return matches
