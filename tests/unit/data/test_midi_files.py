"""MIDI files as piano rolls: written and read again, odd resolutions, maps of tempos, and what is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from recurra.data import read
from recurra.data.midi import to_midi
from recurra.data.readers.midi import read_midi
from recurra.errors import Fault

mido: Any = pytest.importorskip("mido", reason="mido is not installed")


def saved(path: Path, *tracks: list[Any], division: int = 480, kind: int = 1) -> Path:
    file = mido.MidiFile(ticks_per_beat=division, type=kind)
    for track in tracks:
        file.tracks.append(mido.MidiTrack(track))
    file.save(path)
    return path


def note(key: int, wait: int, ticks: int, channel: int = 0) -> list[Any]:
    struck = mido.Message("note_on", note=key, velocity=64, time=wait, channel=channel)
    return [struck, mido.Message("note_off", note=key, time=ticks, channel=channel)]


def tempo(microseconds: int, wait: int = 0) -> Any:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=wait)


def cells(roll: Any) -> list[tuple[int, int]]:
    """Steps at which keys sound, the keys in MIDI's numbers."""
    return [(step, key + 21) for step, key in torch.as_tensor(roll).nonzero().tolist()]


@st.composite
def rolls(draw: Any) -> Tensor:
    steps = draw(st.integers(1, 12))
    sounding = draw(st.sets(st.tuples(st.integers(0, steps - 1), st.integers(0, 87)), min_size=1, max_size=9))
    roll = torch.zeros(steps, 88)
    for step, key in sounding:
        roll[step, key] = 1
    return roll


@settings(max_examples=60, deadline=None)
@given(rolls(), st.integers(1, 9), st.floats(1, 1000))
def test_what_is_written_is_read_again(roll: Tensor, steps_a_quarter: int, speed: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        data = to_midi(roll, steps_a_quarter=steps_a_quarter, tempo=max(speed, 4.0))
        patch.setattr("recurra.data.readers.midi.read_bytes", lambda path: data)
        found = read_midi("a.mid", steps_a_quarter=steps_a_quarter)
    assert torch.equal(torch.as_tensor(found["vectors"][0]).float(), roll)


@pytest.mark.parametrize("division", [1, 7, 96, 100, 479, 480, 960, 32767])
def test_any_resolution_gives_the_same_quarter_notes(tmp_path: Path, division: int) -> None:
    quarter = division
    path = saved(
        tmp_path / "a.mid", [*note(60, 0, quarter), *note(64, quarter, 2 * quarter)], division=division
    )
    (roll,) = read(path)["vectors"]
    assert cells(roll) == [(0, 60), (1, 60), (4, 64), (5, 64), (6, 64), (7, 64)]
    assert roll.shape == (8, 88)


def test_notes_begin_at_the_nearest_step(tmp_path: Path) -> None:
    # eighths of 120 ticks: a note a little early, one a little late, one too short to last a step
    path = saved(tmp_path / "a.mid", [*note(60, 110, 118), *note(62, 22, 90), *note(64, 30, 3)], division=240)
    assert cells(read(path)["vectors"][0]) == [(1, 60), (2, 62), (3, 64)]


def test_seconds_go_by_the_map_of_tempos(tmp_path: Path) -> None:
    # a quarter of half a second, then one of two seconds; the second track does not set a tempo
    conductor = [tempo(500_000), tempo(2_000_000, 480), mido.MetaMessage("end_of_track", time=960)]
    path = saved(tmp_path / "a.mid", conductor, [*note(60, 0, 480), *note(62, 0, 480)])
    assert cells(read(path, steps_a_second=2)["vectors"][0]) == [
        (0, 60),
        *((step, 62) for step in range(1, 5)),
    ]
    assert cells(read(path, steps_a_quarter=1)["vectors"][0]) == [(0, 60), (1, 62)]


def test_time_in_frames_needs_seconds(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mid", note(60, 1000, 1000))
    data = path.read_bytes()
    path.write_bytes(data[:12] + bytes([256 - 25, 40]) + data[14:])  # 25 frames of 40 ticks
    with pytest.raises(Fault, match="a.mid: it counts time in frames a second.*set steps_a_second"):
        read(path)
    assert cells(read(path, steps_a_second=4)["vectors"][0]) == [(step, 60) for step in range(4, 8)]


def test_how_notes_may_end(tmp_path: Path) -> None:
    on = mido.Message
    track = [
        on("note_on", note=60, velocity=64, time=0),
        on("note_on", note=60, velocity=0, time=240),  # let go
        on("note_off", note=61, time=0),  # never struck
        on("note_on", note=62, velocity=64, time=0),  # never let go
        mido.MetaMessage("end_of_track", time=480),
    ]
    path = saved(tmp_path / "a.mid", track)
    assert cells(read(path)["vectors"][0]) == [(0, 60), (1, 62), (2, 62)]


def test_drums_and_keys_that_no_piano_has(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mid", [*note(60, 0, 240), *note(36, 0, 240, channel=9)])
    assert cells(read(path)["vectors"][0]) == [(0, 60)]
    assert cells(read(path, drums=True)["vectors"][0]) == [(0, 60), (1, 36)]
    path = saved(tmp_path / "b.mid", [*note(10, 0, 240), *note(127, 0, 240), *note(60, 0, 240)])
    with pytest.raises(Fault, match="b.mid: note 10 found, expected 21 to 108, a piano's"):
        read(path)
    assert cells(read(path, outside="drop")["vectors"][0]) == [(2, 60)]
    assert [key % 12 for _, key in cells(read(path, outside="fold")["vectors"][0])] == [10, 7, 0]


def test_a_folder_and_an_archive_of_pieces(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    (folder / "deep").mkdir(parents=True)
    saved(folder / "b.mid", note(60, 0, 240))
    saved(folder / "deep" / "a.MIDI", note(62, 0, 240))
    found = read(folder, format="midi")
    assert found["file"] == ["b.mid", "deep/a.MIDI"]
    assert str(found.places[1]) == f"{folder}/deep/a.MIDI: piece 1"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in found["file"]:
            packed.writestr(name, (folder / name).read_bytes())
    (tmp_path / "music.zip").write_bytes(file.getvalue())
    assert read(tmp_path / "music.zip", format="midi")["file"] == found["file"]
    with pytest.raises(Fault, match="set format to one of abc, audio, labelled, midi"):
        read(folder)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: b"RIFF" + data[4:], "does not begin as a MIDI file"),
        (lambda data: data[:-9], "a.mid: not a whole MIDI file"),
        (lambda data: data[:9] + b"\2" + data[10:], "a file of type 2"),
        (lambda data: data[:12] + b"\0\0" + data[14:], "0 ticks a quarter note"),
        (
            lambda data: data[:22] + b"\xff\xff\xff\x7f" + data[22:],
            "not a whole MIDI file|steps found, expected at",
        ),
    ],
)
def test_what_is_no_midi_file_is_told(tmp_path: Path, change: Any, why: str) -> None:
    path = saved(tmp_path / "a.mid", note(60, 0, 240))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Fault, match=why):
        read(path)


def test_pieces_without_notes_or_without_end_are_told(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no note found but drums"):
        read(saved(tmp_path / "a.mid", note(36, 0, 240, channel=9)))
    with pytest.raises(Fault, match="steps found, expected at most 1,000,000"):
        read(saved(tmp_path / "a.mid", note(60, 200_000_000, 240), division=1))
    (tmp_path / "none").mkdir()
    with pytest.raises(Fault, match="no MIDI file found"):
        read(tmp_path / "none", format="midi")
    with pytest.raises(Fault, match="steps_a_quarter = 0"):
        read(tmp_path / "a.mid", steps_a_quarter=0)
