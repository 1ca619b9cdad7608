"""Every inspection that a run can be given, by name, in the order in which they are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recurra.errors import Fault, nearest
from recurra.inspect.finding import Inspection
from recurra.inspect.run import OpenRun, layer_runs

USUAL_WINDOW = 35
"""Steps after which `truncation` cuts the gradient of a run that was trained without cutting it."""


def inspect_all(opened: OpenRun) -> tuple[dict[str, Sequence[Inspection]], dict[str, str]]:
    """Every inspection of a run that its network allows, and for the others by name why not."""
    inspections: dict[str, Sequence[Inspection]] = {}
    refusals: dict[str, str] = {}
    for name in INSPECTIONS:
        try:
            inspections[name] = inspect_one(opened, name)
        except Fault as fault:
            refusals[name] = str(fault)
    if not inspections:
        raise Fault(f"{opened.folder}: {next(iter(refusals.values()))}")
    return inspections, refusals


def inspect_one(opened: OpenRun, name: str) -> Sequence[Inspection]:
    """One inspection; of each recurrent layer by itself where it looks at one.

    Raises:
        Fault: no inspection of this name, or the network doesn't allow it.
    """
    if name not in INSPECTIONS:
        raise Fault(f"no inspection is called {name!r}{nearest(name, INSPECTIONS)}")
    return INSPECTIONS[name](opened)


def _gradient(opened: OpenRun) -> Sequence[Inspection]:
    from recurra.inspect.gradient import gradient

    return [gradient(opened.model, opened.batch, opened.loss)]


def _jacobian(opened: OpenRun) -> Sequence[Inspection]:
    from recurra.inspect.jacobian import jacobian

    return [jacobian(run.layer, run.rows, run.state) for run in layer_runs(opened)]


def _roads(opened: OpenRun) -> Sequence[Inspection]:
    from recurra.inspect.roads import roads

    return [roads(run.layer, run.rows, run.state) for run in layer_runs(opened)]


def _truncation(opened: OpenRun) -> Sequence[Inspection]:
    from recurra.inspect.truncation import truncation

    return [truncation(opened.model, opened.batch, opened.loss, steps=opened.steps or USUAL_WINDOW)]


def _gates(opened: OpenRun) -> Sequence[Inspection]:
    from recurra.inspect.gates import gates

    return [gates(run.layer, run.rows) for run in layer_runs(opened)]


def _surface(opened: OpenRun) -> Sequence[Inspection]:
    from recurra.inspect.surface import surface

    return [surface(opened.model, lambda model: opened.loss(model, opened.batch))]


INSPECTIONS: dict[str, Callable[[OpenRun], Sequence[Inspection]]] = {
    "gradient": _gradient,
    "truncation": _truncation,
    "jacobian": _jacobian,
    "roads": _roads,
    "gates": _gates,
    "surface": _surface,
}
