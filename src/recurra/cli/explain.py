"""`recurra explain`."""

from __future__ import annotations

from recurra.cli.arguments import Device, Json, Run
from recurra.cli.output import emit


def explain(run: Run, device: Device = "cpu", as_json: Json = False) -> None:
    """Which engine runs each layer of a trained run, and its stream, and why not a faster one."""
    from recurra.cli.loading import load_run
    from recurra.explain import explain
    from recurra.piecewise import streaming

    model = load_run(run, device).model
    told, streams = explain(model), streaming(model)
    if as_json:
        emit({**told.to_dict(), "streams": streams})
    else:
        print(told)
        print(f"streams: {streams}")
