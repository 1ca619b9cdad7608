"""One verdict out of several inspections."""

from __future__ import annotations

from typing import Any

from recurra.inspect.finding import Finding, Gravity
from recurra.inspect.verdict import whole_verdict


class Says:
    """An inspection that says what it is told to."""

    title = "said"

    def __init__(self, *findings: tuple[str, Gravity, str]) -> None:
        self._findings = [Finding(*finding) for finding in findings]

    def findings(self) -> list[Finding]:
        return self._findings

    def to_dict(self) -> dict[str, Any]:
        return {}

    def pictures(self, dark: bool = False) -> list[tuple[str, bytes]]:
        return []


def lines(*inspections: Says) -> list[str]:
    return [finding.text for finding in whole_verdict(inspections)]


def test_gravest_first_and_each_once() -> None:
    one = Says(("memory", "note", "n"), ("truncation", "warning", "w"))
    assert lines(one, Says(("clipping", "warning", "v"), ("truncation", "warning", "w"))) == ["w", "v", "n"]


def test_healthy_is_said_only_where_nothing_else_is() -> None:
    healthy = Says(("gradient", "healthy", "healthy: h"))
    assert lines(healthy) == ["healthy: h"]
    assert lines(healthy, Says(("memory", "note", "n"))) == ["n"]
    assert lines(healthy, Says(("vanishing", "warning", "w"))) == ["w"]


def test_what_was_measured_first_is_not_contradicted() -> None:
    gradient = Says(("vanishing", "warning", "the gradient falls"))
    jacobian = Says(("exploding", "warning", "the step stretches"), ("jacobian", "note", "radius 1.2"))
    assert lines(gradient, jacobian) == ["the gradient falls", "radius 1.2"]
    assert lines(jacobian, gradient) == ["the step stretches", "radius 1.2"]


def test_one_inspection_may_tell_both_of_two_layers() -> None:
    both = Says(("vanishing", "warning", "layer 1 vanishes"), ("exploding", "warning", "layer 2 explodes"))
    assert len(lines(both)) == 2
