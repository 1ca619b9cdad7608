"""How fast the step of a Neural Turing Machine is in the native engine, against the plain loop over its step.

    python benchmarks/memory_step.py                  128 slots of 20, an LSTM of 100, 1, 8 and 16 rows
    python benchmarks/memory_step.py --cell mlstm     another cell with matrices in its state

Milliseconds of a run over 41 steps, forward and backward, medians of rounds that take turns. With --cpu it is
time of the processor, for a machine that others use too; with one thread then.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from recurra import cells, scan
from recurra.cells import Cell
from recurra.cli.app import exit_code

STEPS, INPUTS = 41, 10

BUILD: dict[str, Callable[[], Cell]] = {
    "ntm": lambda: cells.NTM(INPUTS, 100),
    "ntm_feed_forward": lambda: cells.NTM(INPUTS, 100, controller="feed_forward"),
    "mlstm": lambda: cells.MLSTM(INPUTS, 128, heads=4),
    "fast_weights": lambda: cells.FastWeights(INPUTS, 50),
}


def plain(cell: Cell, x: Tensor) -> Tensor:
    """The step by itself, one after the other."""
    state, outputs = cell.begin(cell.initial_state(len(x))), []
    for t in range(x.shape[1]):
        y, state = cell.step(x[:, t], state)
        outputs.append(y)
    return torch.stack(outputs, 1)


def native(cell: Cell, x: Tensor) -> Tensor:
    """Its program."""
    return scan(cell, x, strict=True)[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cell", choices=BUILD, default="ntm")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cpu", action="store_true", help="time of the processor, not of the clock")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    print(f"{options.cell}, {STEPS} steps; {threads} threads, {processor}, load {load:.1f}")
    print("rows\tplain ms\tnative ms\tratio\tplain backward\tnative backward\tratio")
    torch.manual_seed(0)
    cell = BUILD[options.cell]()
    for rows in options.rows:
        x = torch.randn(rows, STEPS, INPUTS)
        times: dict[str, list[tuple[float, float]]] = {"plain": [], "native": []}
        for number in range(options.rounds + 1):
            for name, way in (("plain", plain), ("native", native)):
                start = clock()
                y = way(cell, x)
                middle = clock()
                y.sum().backward()
                stop = clock()
                # else its graph of thousands of nodes would go within the next one's time
                del y
                if number:  # the first is warm-up
                    times[name].append((1e3 * (middle - start), 1e3 * (stop - middle)))
        columns = []
        for part in (0, 1):
            slow, fast = (median(each[part] for each in times[name]) for name in ("plain", "native"))
            columns += [f"{slow:.1f}", f"{fast:.2f}", f"{slow / fast:.1f}"]
        print("\t".join([str(rows), *columns]), flush=True)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
