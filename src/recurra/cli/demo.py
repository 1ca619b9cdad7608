"""`recurra demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="The run folder; replaced.")] = Path(
        "runs/demo"
    ),
) -> None:
    """Train a small character model on Python's own manual, and show what it learnt."""
    from recurra.cli.demo_run import run_demo
