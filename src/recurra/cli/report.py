"""`recurra report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recurra.cli.arguments import Device, Run


def report(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The page; report.html in the run's folder without it."),
    ] = None,
    device: Device = "cpu",
) -> None:
    """Write one page on a run: data, settings, learning curves, scores, examples right and wrong, speed."""
    from recurra.cli.loading import device_of
    from recurra.reports.report import write_report

    print(write_report(run, output, device=device_of(device)))
