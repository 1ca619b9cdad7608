"""`recurra bench`: everything in one process, a table and a JSON file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from recurra.bench.growth import Grown, growth_table, measure_growth
from recurra.bench.measure import level, load, processor
from recurra.bench.memory import Remembered, measure_memory, memory_table
from recurra.bench.report import (
    Reach,
    memory_reaches,
    reach_table,
    step_reaches,
    step_table,
    training_reaches,
    training_table,
)
from recurra.bench.steps import Stepped, measure_steps
from recurra.bench.training import Measured, measure_training
from recurra.errors import Fault
from recurra.storage.files import write_json
from recurra.version import __version__

PARTS = ("training", "steps", "memory", "growth")


def run_bench(
    tell: Callable[[str], None] = lambda line: None,
    parts: Sequence[str] = PARTS,
    one_thread: bool = True,
) -> dict[str, Any]:
    """Measures everything, or some parts.

    Args:
        one_thread: also with one thread; promised figures are those of all threads.

    Returns:
        JSON-ready: `machine`, `reaches`, each part, and `tables`: Markdown lines.

    Raises:
        Fault: there is no such part.
    """
    odd = next((part for part in parts if part not in PARTS), None)
    if odd is not None:
        raise Fault(f"{odd!r} is no part of the benchmark, expected some of {', '.join(PARTS)}")
    load_before, threads = load(), torch.get_num_threads()
    start = time.monotonic()
    measured: list[Measured] = []
    stepped: list[Stepped] = []
    remembered: list[Remembered] = []
    grown: list[Grown] = []
    try:
        for count in dict.fromkeys((threads, 1) if one_thread else (threads,)):
            torch.set_num_threads(count)
            if "steps" in parts:
                stepped.extend(measure_steps(count, tell))
            if "training" in parts:
                measured.extend(measure_training(count, tell, whole=count == threads))
        torch.set_num_threads(threads)
        if "memory" in parts:
            remembered.extend(measure_memory(threads, tell))
        if "growth" in parts:
            grown.extend(measure_growth(threads, tell))
    finally:
        torch.set_num_threads(threads)
    reaches: list[Reach] = []
    tables: dict[str, list[str]] = {"reaches": []}
    if measured:
        reaches += training_reaches(case for case in measured if case.threads == threads)
        tables["training"] = training_table(measured)
    if stepped:
        reaches += step_reaches(case for case in stepped if case.threads == threads)
        tables["steps (microseconds)"] = step_table(stepped)
    if remembered:
        reaches += memory_reaches(remembered)
        tables["memory"] = memory_table(remembered)
    if grown:
        tables["growth"] = growth_table(grown)
    tables["reaches"] = reach_table(reaches)
    machine = {
        "processor": processor(),
        "level": level(),
        "threads": threads,
        "torch": torch.__version__,
        "recurra": __version__,
        "load before": load_before,
        "minutes": (time.monotonic() - start) / 60,
    }
    return {
        "machine": machine,
        "reaches": [reach._asdict() for reach in reaches],
        "training": [case._asdict() for case in measured],
        "steps": [case._asdict() for case in stepped],
        "memory": [{**case._asdict(), "case": case.case._asdict()} for case in remembered],
        "growth": [{**case._asdict(), "size": case.size._asdict()} for case in grown],
        "tables": tables,
    }


def write_bench(results: dict[str, Any], path: Path) -> None:
    """Writes what `run_bench` returned as JSON."""
    figures = {name: part for name, part in results.items() if name != "tables"}
    write_json(path, figures)
