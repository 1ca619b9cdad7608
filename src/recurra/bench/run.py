"""`recurra bench`: everything in one process, a table and a JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from recurra import __version__
from recurra.bench.measure import load, processor
from recurra.bench.memory import measure_memory, memory_table
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


def run_bench(tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measures everything.

    Returns:
        JSON-ready: `machine`, `reaches`, `training`, `steps`, `memory`, and `tables`: Markdown lines.
    """
    before, threads = load(), torch.get_num_threads()
    try:
        measured: list[Measured] = []
        stepped: list[Stepped] = []
        for count in dict.fromkeys((threads, 1)):
            torch.set_num_threads(count)
            stepped.extend(measure_steps(count, tell))
            measured.extend(measure_training(count, tell))
        torch.set_num_threads(threads)
        remembered = list(measure_memory(threads, tell))
    finally:
        torch.set_num_threads(threads)
    reaches: list[Reach] = training_reaches(case for case in measured if case.threads == threads)
    reaches += step_reaches(case for case in stepped if case.threads == threads)
    reaches += memory_reaches(remembered)
    machine = {
        "processor": processor(),
        "threads": threads,
        "torch": torch.__version__,
        "recurra": __version__,
        "load before": before,
    }
    return {
        "machine": machine,
        "reaches": [reach._asdict() for reach in reaches],
        "training": [case._asdict() for case in measured],
        "steps": [case._asdict() for case in stepped],
        "memory": [{**case._asdict(), "case": case.case._asdict()} for case in remembered],
        "tables": {
            "reaches": reach_table(reaches),
            "training": training_table(measured),
            "steps (microseconds)": step_table(stepped),
            "memory": memory_table(remembered),
        },
    }


def write_bench(results: dict[str, Any], path: Path) -> None:
    """Writes what `run_bench` returned as JSON."""
    kept = {name: held for name, held in results.items() if name != "tables"}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
