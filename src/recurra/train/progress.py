"""What a training tells while it runs: a bar or plain lines, JSON lines, TensorBoard."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from recurra.errors import Fault
from recurra.runs.folder import LOG, TENSORBOARD
from recurra.storage.files import open_regular

_PLAIN_SECONDS = 10.0


class Progress:
    """The one that speaks: process 0 of a training, and no other.

    Args:
        folder: the run. total: planned steps. first: the step to begin from.
        log_bytes: what the log held at the checkpoint; later entries are made again, so they are cut off.
        tensorboard: writes for it as well; "auto": if a writer is installed.
        quiet: writes files, shows nothing.
        item_name: what is counted a second; see `Task`.
    """

    def __init__(
        self,
        folder: Path,
        total: int,
        first: int,
        log_bytes: int,
        tensorboard: bool | Literal["auto"],
        quiet: bool,
        item_name: str = "items",
    ) -> None:
        self._log = folder / LOG
        if os.path.lexists(self._log):
            with open_regular(self._log) as file:
                whole = file.seek(0, os.SEEK_END)
            os.truncate(self._log, min(log_bytes, whole))
        self._writer = _writer(folder / TENSORBOARD, first, tensorboard) if tensorboard else None
        self._item_name = item_name
        self._quiet, self._total, self._first = quiet, total, first
        self._console = Console(stderr=True)
        self._bar: Bar | None = None
        if not quiet and self._console.is_terminal:
            self._bar = Bar(
                TextColumn("epoch {task.fields[epoch]}"),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TextColumn("loss {task.fields[loss]:.4f}"),
                TextColumn(f"{{task.fields[rate]:,.0f}} {item_name}/s"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task("", total=total, completed=first, epoch=1, loss=0.0, rate=0.0)
            self._bar.start()
        self._smooth: float | None = None
        self._since = self._spoke = time.perf_counter()
        self._started = self._since
        self._items = 0
        self._rate = 0.0

    def step(self, step: int, epoch: int, loss: float, items: int) -> None:
        """After each step: mean loss and items of the batch."""
        self._smooth = loss if self._smooth is None else 0.95 * self._smooth + 0.05 * loss
        self._items += items
        now = time.perf_counter()
        if now - self._since > 0.5:
            self._rate = self._items / (now - self._since)
            self._items, self._since = 0, now
        if self._bar is not None:
            self._bar.update(self._task, completed=step, epoch=epoch + 1, loss=self._smooth, rate=self._rate)
        elif not self._quiet and now - self._spoke > _PLAIN_SECONDS:
            self._spoke = now
            left = (now - self._started) / max(1, step - self._first) * (self._total - step)
            self.say(
                f"step {step}/{self._total} epoch {epoch + 1} loss {self._smooth:.4f} "
                f"{self._rate:,.0f} {self._item_name}/s {left:.0f} s left"
            )

    def validation(self, step: int, epoch: int, metrics: Mapping[str, float], best: bool) -> None:
        """After each validation."""
        self.log({"step": step, "epoch": epoch, "validation": dict(metrics), "best": best})
        text = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self.say(f"step {step}  validation: {text}{'  (best)' if best else ''}")

    def log(self, entry: Mapping[str, Any]) -> None:
        """One line of `log.jsonl`, and its numbers for TensorBoard."""
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise Fault(f"{self._log}: can't be written: {error.strerror or error}") from None
        if self._writer is not None:
            for name, value in entry.items():
                if isinstance(value, Mapping):
                    for metric, number in value.items():
                        self._writer.add_scalar(f"{name}/{metric}", number, entry["step"])
                elif isinstance(value, float):
                    self._writer.add_scalar(f"train/{name}", value, entry["step"])

    def log_bytes(self) -> int:
        """How long the log is now."""
        return self._log.stat().st_size if self._log.exists() else 0

    def say(self, line: str) -> None:
        """A line to the person who waits."""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
        elif not self._quiet:
            try:
                print(line, file=sys.stderr, flush=True)
            except OSError:  # nobody listens any more; the log has it all, and the training goes on
                self._quiet = True

    def close(self) -> None:
        """Ends the bar and the files."""
        if self._bar is not None:
            self._bar.stop()
        if self._writer is not None:
            self._writer.close()


def _writer(folder: Path, step: int, wish: bool | Literal["auto"]) -> Any:
    for module in ("torch.utils.tensorboard", "tensorboardX"):
        try:
            writer: Any = import_module(module).SummaryWriter
        except ModuleNotFoundError:
            continue
        return writer(str(folder), purge_step=step or None)
    if wish == "auto":
        return None
    raise Fault(
        "train.tensorboard = true, but no writer is installed: pip install tensorboard, or leave it out"
    )
