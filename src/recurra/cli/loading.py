"""A run folder's task for a command, or one line that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from recurra.errors import Fault
from recurra.runs import load


def load_run(run: Path, device: str, able: str | None = None) -> Any:
    """The task of a run; `able` names a method it must have.

    Raises Fault for a device that is not there, and for a task that can't do what is asked.
    """
    try:
        placed = torch.empty(0, device=torch.device(device)).device
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        raise Fault(f"--device {device}: not to be had here: {said}") from None
    task = load(run, placed)
    if able is not None and not hasattr(task, able):
        what = {"sample": "write texts", "open_stream": "be streamed"}[able]
        raise Fault(f"{run}: a {task.name} run can't {what}")
    return task
