"""Training on long rows: memory and time with `checkpoint_every` against without.

Memory is that of a process of its own: its highest resident set while one pass forward and backward runs,
less what it held just before (weights, x, the gradient of y; nothing larger was held and given back) and less
what the caller gets (y, the gradients of x and of the weights).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.bench.cases import make_cell
from recurra.bench.measure import medians
from recurra.loop.scan import scan
from recurra.ragged import Ragged

CELLS = ("lstm", "gru")
WAYS = ("with", "without")


class Long(NamedTuple):
    """Rows of equal length, input = hidden = width."""

    rows: int = 16
    steps: int = 10_000
    width: int = 128
    every: int = 400


class Remembered(NamedTuple):
    """One cell, by "with" and "without" `checkpoint_every`.

    Attributes:
        kept: bytes at the peak beyond what is the caller's.
        peak: bytes of the highest resident set of the whole process.
        seconds: of one pass forward and backward, in turn in one process.
    """

    cell: str
    case: Long
    threads: int
    kept: dict[str, int]
    peak: dict[str, int]
    seconds: dict[str, float]

    def share(self) -> float:
        """Memory with against without."""
        return self.kept["with"] / self.kept["without"]

    def slower(self) -> float:
        """Time with against without."""
        return self.seconds["with"] / self.seconds["without"]


def measure_memory(
    threads: int, tell: Callable[[str], None], cells: Sequence[str] = CELLS, case: Long | None = None
) -> Iterator[Remembered]:
    """Every cell with this many threads."""
    case = case or Long()
    for name in cells:
        tell(f"{threads} threads, {name} {tuple(case)}, memory")
        bytes_of = {way: _in_a_process(name, case, way, threads) for way in WAYS}
        seconds = medians({way: _call(name, case, way) for way in WAYS})
        kept, peak = ({way: values[what] for way, values in bytes_of.items()} for what in ("kept", "peak"))
        yield Remembered(name, case, threads, kept, peak, seconds)


def _call(name: str, case: Long, way: str) -> Callable[[], list[Tensor]]:
    torch.manual_seed(0)
    data = torch.randn(case.rows * case.steps, case.width, requires_grad=True)
    x, cell = Ragged(data, (case.rows,) * case.steps), make_cell(name, case.width)
    inputs = [data, *cell.parameters()]
    cotangent = torch.randn(len(data), cell.output_size)
    every = case.every if way == "with" else None

    def run() -> list[Tensor]:
        y, _ = scan(cell, x, checkpoint_every=every)
        return [y.data, *torch.autograd.grad(y.data, inputs, cotangent)]

    return run


def _in_a_process(name: str, case: Long, way: str, threads: int) -> dict[str, int]:
    request = json.dumps([name, case, way, threads])
    process = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import tell_peak; tell_peak()", request],
        check=True,
        capture_output=True,
        text=True,
    )
    bytes_of: dict[str, int] = json.loads(process.stdout)
    return bytes_of


def tell_peak() -> None:
    """What a process of its own does: measures one pass, prints `kept` and `peak` as JSON."""
    name, numbers, way, threads = json.loads(sys.argv[1])
    case = Long(*numbers)
    torch.set_num_threads(threads)
    _call(name, case._replace(rows=1, steps=4, every=2), way)()  # what is made once and for all
    run = _call(name, case, way)
    start = highest()
    results = run()
    peak = highest()
    print(json.dumps({"kept": peak - start - sum(t.nbytes for t in results), "peak": peak}))


def highest() -> int:
    """Bytes of the highest resident set of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells there may be of the process that started this one
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def memory_table(measured: Iterable[Remembered]) -> list[str]:
    """A Markdown table: mebibytes and seconds, with and without."""
    lines = [
        "| cell | rows, steps, width | checkpoint_every | beyond the caller's, MiB | without | whole process "
        "at its peak, MiB | without | seconds | without |",
        "|---" * 9 + "|",
    ]
    for m in measured:
        size = f"{m.case.rows}, {m.case.steps}, {m.case.width}"
        columns = [f"{values[way] / 2**20:.0f}" for values in (m.kept, m.peak) for way in WAYS]
        columns += [f"{m.seconds[way]:.2f}" for way in WAYS]
        lines.append(f"| {m.cell} | {size} | {m.case.every} | {' | '.join(columns)} |")
    return lines
