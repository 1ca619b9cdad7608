"""`recurra explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from recurra.cli.arguments import Device, Json, Run
from recurra.cli.output import emit, table


def explain(
    run: Run,
    device: Device = "cpu",
    profile: Annotated[
        bool, typer.Option("--profile", help="Also make 20 training steps, and tell where their time goes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Which engine runs each layer of a trained run, and its stream, and why not a faster one."""
    from recurra.cli.loading import load_run
    from recurra.explanation import explain
    from recurra.streaming.runner import streaming
    from recurra.train.profile import profile as measure
    from recurra.train.run import resumable

    model = load_run(run, device).model
    explanation, streams = explain(model), streaming(model)
    shares = measure(resumable(run)) if profile else None
    if as_json:
        parts = {} if shares is None else {"profile": [share._asdict() for share in shares]}
        emit({**explanation.to_dict(), "streams": streams, **parts})
        return
    print(explanation)
    print(f"streams: {streams}")
    if shares is not None:
        rows = [
            (s.part, f"{s.share:.1%}", f"{s.milliseconds:.2f}", _against(s.of_matrix_product)) for s in shares
        ]
        table(("part of a training step", "share", "ms a step", "of torch.mm's speed"), rows)


def _against(speed: float | None) -> str:
    return "" if speed is None else f"{speed:.0%}"
