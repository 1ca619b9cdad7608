"""From measurements to the figures that were promised, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import geometric_mean
from typing import NamedTuple

from recurra.bench.cases import STANDARD, WRITTEN
from recurra.bench.memory import Remembered
from recurra.bench.steps import BLOCK, Stepped
from recurra.bench.training import Measured


class Reach(NamedTuple):
    """One promised figure: what, the bound as written, what was found, whether it holds."""

    what: str
    wanted: str
    found: str
    holds: bool


def training_reaches(measured: Iterable[Measured]) -> list[Reach]:
    """The figures over whole layers: forward with the backward pass, all threads."""
    runs = [m for m in measured if m.backward]
    equal = [m for m in runs if m.lengths == "equal"]
    uneven = [m for m in runs if m.lengths == "uneven"]
    lstm = {(m.rows, m.width): m for m in equal if m.cell == "lstm"}
    reaches = []
    for names, mean, worst in ((("gru", "vanilla"), 2.5, 1.2), (("lstm",), 1.4, 1.0)):
        gains = [m.gain("torch dense") for m in equal if m.cell in names]
        reaches.append(_least(f"{', '.join(names)} against torch.nn dense", gains, mean, worst))
    packed = [m.gain("torch packed") for m in uneven if m.cell in STANDARD]
    reaches.append(_least("the three against torch.nn packed, uneven lengths", packed, 3.0, None))
    same = {(m.cell, m.rows, m.width): m for m in equal}
    speeds = [m.speed() / same[m.cell, m.rows, m.width].speed() for m in uneven if m.cell in STANDARD]
    reaches.append(_least("useful arithmetic a second, uneven lengths against equal", speeds, 0.9, None))
    shares = [m.speed() / m.limit for m in equal if m.cell in STANDARD and m.width >= 256]
    reaches.append(_least("share of torch.mm's speed, hidden 256 and 512", shares, 0.75, None))
    own = [m for m in equal if m.cell in WRITTEN]
    dearer = [lstm[m.rows, m.width].speed() / m.speed() for m in own]
    mean = geometric_mean(dearer)
    reaches.append(
        Reach(
            "cells a user writes: time per unit of arithmetic against our LSTM",
            "<= 1.5",
            f"mean {mean:.2f}, worst {max(dearer):.2f}",
            mean <= 1.5,
        )
    )
    loops = [m.gain("python loop") for m in own]
    reaches.append(_least("the same against a Python loop", loops, 8.0, None))
    return reaches


def step_reaches(measured: Iterable[Stepped]) -> list[Reach]:
    """The figures of streaming: one stream, LSTM 128, float32, all threads."""
    blocks = {m.block: m for m in measured if (m.cell, m.rows, m.width) == ("lstm", 1, 128)}
    one, block, peer = blocks[1], blocks[BLOCK], "onnx runtime"
    streamed = one.seconds[peer] / block.seconds["recurra"]
    return [
        _figure("one streamed step, LSTM 128, against ONNX Runtime", one.gain(peer), 4.0),
        _figure(f"a step in a block of {BLOCK}, against ONNX Runtime's streamed step", streamed, 7.0),
        _figure(f"the same, against ONNX Runtime over all {BLOCK} steps", block.gain(peer), 7.0),
    ]


def memory_reaches(measured: Iterable[Remembered]) -> list[Reach]:
    """The figure of long rows: the worst cell."""
    cases = list(measured)
    share, slower = max(m.share() for m in cases), max(m.slower() for m in cases)
    what = (
        f"memory of training at T = {cases[0].case.steps:,} with checkpoint_every against without, and time"
    )
    bound, figure = "memory <= 1/8, time <= 1.4", f"memory 1/{1 / share:.1f}, time {slower:.2f}"
    return [Reach(what, bound, figure, share <= 1 / 8 and slower <= 1.4)]


def _figure(what: str, value: float, bound: float) -> Reach:
    return Reach(what, f">= {bound:g}", f"{value:.2f}", value >= bound)


def _least(what: str, figures: list[float], mean: float, worst: float | None) -> Reach:
    average, low = geometric_mean(figures), min(figures)
    bound = f">= {mean:g}" + (f", never below {worst:g}" if worst is not None else "")
    holds = average >= mean and (worst is None or low >= worst)
    return Reach(what, bound, f"mean {average:.2f}, least {low:.2f}", holds)


def reach_table(reaches: Iterable[Reach]) -> list[str]:
    """A Markdown table of promised figures."""
    lines = ["| figure | promised | measured | holds |", "|---|---|---|---|"]
    return lines + [
        f"| {r.what} | {r.wanted} | {r.found} | {'yes' if r.holds else '**no**'} |" for r in reaches
    ]


def training_table(measured: Iterable[Measured]) -> list[str]:
    """A Markdown table of speeds: useful GFLOP/s, ours and every peer's."""
    peers = ("torch dense", "torch packed", "python loop")
    lines = [
        "| cell | rows, steps, width | lengths | pass | threads | recurra | torch dense | torch packed "
        "| python loop | torch.mm |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for m in measured:
        lines.append(
            f"| {m.cell} | {m.rows}, {m.steps}, {m.width} | {m.lengths} | "
            f"{'forward + backward' if m.backward else 'forward'} | {m.threads} | {m.speed():.0f} | "
            + " | ".join(f"{m.speed(peer):.0f}" if peer in m.seconds else "" for peer in peers)
            + f" | {m.limit:.0f} |"
        )
    return lines


def step_table(measured: Iterable[Stepped]) -> list[str]:
    """A Markdown table of microseconds a step, ours and every peer's."""
    columns = ("recurra", "onnx runtime", "torch", "recurra bfloat16", "recurra int8")
    lines = [
        f"| cell | width | streams | steps a call | threads | {' | '.join(columns)} |",
        "|---" * (5 + len(columns)) + "|",
    ]
    for m in measured:
        times = " | ".join(f"{1e6 * m.seconds[name]:.2f}" if name in m.seconds else "" for name in columns)
        lines.append(f"| {m.cell} | {m.width} | {m.rows} | {m.block} | {m.threads} | {times} |")
    return lines
