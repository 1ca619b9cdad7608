"""MIDI files: every byte read back by the format's own rules."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from recurra.data.midi import LOWEST, to_midi
from recurra.errors import Fault


def read_midi(data: bytes) -> tuple[int, list[tuple[int, int, int]]]:
    """Ticks a quarter note, and (tick, status, key) of every event but meta ones, whose end is checked."""
    assert data[:4] == b"MThd"
    assert int.from_bytes(data[4:8], "big") == 6
    assert data[8:12] == b"\0\0\0\1"
    assert data[14:18] == b"MTrk"
    assert int.from_bytes(data[18:22], "big") == len(data) - 22
    at, tick, events = 22, 0, []
    while at < len(data):
        delta = 0
        while True:
            delta = delta << 7 | data[at] & 0x7F
            at += 1
            if data[at - 1] < 0x80:
                break
        tick += delta
        status = data[at]
        if status == 0xFF:
            kind, length = data[at + 1], data[at + 2]
            at += 3 + length
            if kind == 0x2F:
                assert at == len(data)
                events.append((tick, status, 0))
        elif status & 0xF0 == 0xC0:
            at += 2
        else:
            events.append((tick, status, data[at + 1]))
            at += 3
    return int.from_bytes(data[12:14], "big"), events


def test_notes_are_held_and_end() -> None:
    roll = torch.zeros(4, 88)
    roll[0:2, 39] = 1  # middle C over two steps
    roll[1, 43] = 1
    roll[3, 39] = 1
    division, events = read_midi(to_midi(roll, steps_a_quarter=2))
    step = division // 2
    assert events == [
        (0, 0x90, 60),
        (step, 0x90, 64),
        (2 * step, 0x80, 60),
        (2 * step, 0x80, 64),
        (3 * step, 0x90, 60),
        (4 * step, 0x80, 60),
        (4 * step, 0xFF, 0),
    ]


def test_long_silences_need_several_bytes() -> None:
    roll = torch.zeros(400, 88)
    roll[399, 0] = 1
    _, events = read_midi(to_midi(roll))
    assert events[0] == (399 * 240, 0x90, LOWEST)


@given(
    st.lists(st.lists(st.integers(0, 87), max_size=3), min_size=1, max_size=12),
    st.integers(1, 32_767),
    st.floats(1, 1000) | st.integers(1, 1000),
)
@example([[0], [], [5]], 7, 3.5)
@example([[0], [], [5]], 1000, 1)
@example([[0], [], [5]], 32_767, 1)
def test_a_roll_comes_back_in_its_own_time(keys: list[list[int]], steps: int, tempo: float) -> None:
    roll = torch.zeros(len(keys), 88)
    for number, step in enumerate(keys):
        roll[number, step] = 1
    data = to_midi(roll, steps_a_quarter=steps, tempo=tempo)
    division, events = read_midi(data)
    at = data.index(b"\xff\x51\x03") + 3
    seconds_a_tick = int.from_bytes(data[at : at + 3], "big") / 1e6 / division
    step_of = {tick: round(tick * seconds_a_tick * tempo / 60 * steps) for tick, _, _ in events}
    assert all(
        tick * seconds_a_tick == pytest.approx(step * 60 / tempo / steps, rel=2e-5)
        for tick, step in step_of.items()
    )
    sounding: set[int] = set()
    found = torch.zeros_like(roll)
    marks = [(step_of[tick], status & 0xF0, key) for tick, status, key in events]
    for step in range(len(roll)):
        sounding -= {key for at, status, key in marks if (at, status) == (step, 0x80)}
        sounding |= {key for at, status, key in marks if (at, status) == (step, 0x90)}
        found[step, [key - LOWEST for key in sounding]] = 1
    assert torch.equal(found, roll)
    assert marks[-1] == (len(roll), 0xF0, 0)


def test_a_wait_longer_than_one_event_can_say() -> None:
    roll = torch.zeros(20_000, 88)
    roll[19_999, 0] = 1
    _, events = read_midi(to_midi(roll, steps_a_quarter=1, tempo=1))
    assert events[0][0] == 19_999 * 480 * 4
    roll = torch.zeros(600_000, 1)
    roll[599_999, 0] = 1
    _, events = read_midi(to_midi(roll, steps_a_quarter=1))
    assert events[0] == (599_999 * 480, 0x90, LOWEST)


def test_steps_finer_than_the_format_are_told() -> None:
    with pytest.raises(Fault, match="steps_a_quarter = 32768: expected at most 32,767"):
        to_midi(torch.zeros(1, 88), steps_a_quarter=32_768)


def test_an_empty_roll_is_a_file() -> None:
    assert read_midi(to_midi(torch.zeros(0, 88)))[1] == [(0, 0xFF, 0)]


def test_tempo_is_in_microseconds_a_quarter_note() -> None:
    assert b"\xff\x51\x03" + (500_000).to_bytes(3, "big") in to_midi(torch.zeros(1, 88), tempo=120)


@pytest.mark.parametrize("wrong", [{"steps_a_quarter": 0}, {"tempo": 0.5}, {"program": 128}])
def test_settings_out_of_range_are_told(wrong: dict[str, float]) -> None:
    with pytest.raises(Fault, match="expected at least 1, 1 to 1000, and 0 to 127"):
        to_midi(torch.zeros(1, 88), **wrong)


def test_too_many_keys_are_told() -> None:
    with pytest.raises(Fault, match=r"shape \[1, 120\]"):
        to_midi(torch.zeros(1, 120))
