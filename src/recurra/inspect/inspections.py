"""Every inspection that a run can be given, by name, in the order in which they are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from recurra.errors import Fault, nearest
from recurra.inspect.finding import Inspection
from recurra.inspect.gates import gates
from recurra.inspect.gradient import gradient
from recurra.inspect.jacobian import jacobian
from recurra.inspect.planes import gradient_plane, path_plane, random_plane, run_states
from recurra.inspect.probes import Property, probes
from recurra.inspect.properties import inside_quotes, position_in_line
from recurra.inspect.roads import roads
from recurra.inspect.run import OpenRun
from recurra.inspect.surface import surface
from recurra.inspect.truncation import truncation

USUAL_WINDOW = 35
"""Steps after which `truncation` cuts the gradient of a run that was trained without cutting it."""

POINTS = 15
"""Of a side of the error surface on the page."""

PAGE_MINUTES = 5.0
"""A surface that takes longer is left out of the page."""

PLANES = ("random", "gradient", "path")
"""Two random directions; the gradient and its perpendicular; through the best weights and the last ones."""


def inspect_all(
    opened: OpenRun, progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, Sequence[Inspection]], dict[str, str]]:
    """Every inspection of a run that its network allows, and for the others by name why not.

    Args:
        progress: called with how many are made, and how many there are.

    Raises:
        Fault: it allows none.
    """
    inspections: dict[str, Sequence[Inspection]] = {}
    refusals: dict[str, str] = {}
    for number, name in enumerate(INSPECTIONS):
        if progress is not None:
            progress(number, len(INSPECTIONS))
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
    return [gradient(opened.model, opened.batch, opened.end_loss)]


def _truncation(opened: OpenRun) -> Sequence[Inspection]:
    return [truncation(opened.model, opened.batch, opened.loss, steps=opened.steps or USUAL_WINDOW)]


def _jacobian(opened: OpenRun) -> Sequence[Inspection]:
    return [jacobian(opened.model, opened.batch, call=opened.loss)]


def _roads(opened: OpenRun) -> Sequence[Inspection]:
    return [roads(opened.model, opened.batch, call=opened.loss)]


def _gates(opened: OpenRun) -> Sequence[Inspection]:
    row, tokens = opened.longest_row()
    try:
        return [gates(opened.model, opened.batch, call=opened.loss, row=row, tokens=tokens)]
    except Fault:
        if tokens is None:
            raise
        # a layer of the model has other steps than the text has tokens
        return [gates(opened.model, opened.batch, call=opened.loss)]


def _probes(opened: OpenRun) -> Sequence[Inspection]:
    names = opened.task.step_names(opened.batch)
    if names is None:
        raise Fault("its steps have no names: properties are read off the tokens of a text")
    model, batch, loss = opened.model, opened.batch, opened.loss
    properties: dict[str, Property] = {
        "inside quotes": inside_quotes,
        "position in the line": position_in_line,
    }
    inspections: list[Inspection] = []
    faults = []
    for name, reader in properties.items():
        try:
            inspections.append(probes(model, batch, {name: reader}, tokens=names, call=loss, loss=loss))
        except Fault as fault:  # a text without quotes, say
            faults.append(str(fault))
    if not inspections:
        raise Fault("; ".join(faults))
    return inspections


def surface_of(
    opened: OpenRun,
    plane: str = "random",
    points: int = POINTS,
    file: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    minutes: float = 60.0,
) -> Sequence[Inspection]:
    """The error surface of a run on a plane of `PLANES`; the rest as `recurra.inspect.surface` takes it.

    Raises:
        Fault: no plane of this name, or none can be laid through the run's weights.
    """
    model, batch, loss = opened.model, opened.batch, opened.loss
    if plane not in PLANES:
        raise Fault(f"no plane is called {plane!r}{nearest(plane, PLANES)}")
    if plane == "random":
        laid = random_plane(model)
    elif plane == "gradient":
        laid = gradient_plane(model, batch, loss)
    else:
        laid = path_plane(run_states(opened.folder))
    return [
        surface(model, batch, loss, plane=laid, points=points, file=file, progress=progress, minutes=minutes)
    ]


def _page_surface(opened: OpenRun) -> Sequence[Inspection]:
    return surface_of(opened, minutes=PAGE_MINUTES)


INSPECTIONS: dict[str, Callable[[OpenRun], Sequence[Inspection]]] = {
    "gradient": _gradient,
    "truncation": _truncation,
    "jacobian": _jacobian,
    "roads": _roads,
    "gates": _gates,
    "probes": _probes,
    "surface": _page_surface,
}
