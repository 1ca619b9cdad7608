"""A run folder's task for a command, or one line that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from recurra.errors import Fault
from recurra.runs import load
from recurra.tasks.base import Task


def load_run(
    run: Path, device: str, changes: Sequence[str] | None = None, removals: Sequence[str] | None = None
) -> Task:
    """The task of a run, some settings changed. Fault for a device that is not there, too."""
    return load(run, device_of(device), changes or [], removals or [])


def device_of(device: str) -> torch.device:
    """A device by its name. Fault where it is not there."""
    try:
        return torch.empty(0, device=torch.device(device)).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise Fault(f"--device {device}: not to be had here: {reason}") from None
