"""One verdict out of several inspections."""

from __future__ import annotations

from recurra.inspect.verdict import whole_verdict

from .said import Said


def lines(*inspections: Said) -> list[str]:
    return [finding.text for finding in whole_verdict(inspections)]


def test_gravest_first_and_each_once() -> None:
    one = Said(("memory", "note", "n"), ("truncation", "warning", "w"))
    assert lines(one, Said(("clipping", "warning", "v"), ("truncation", "warning", "w"))) == ["w", "v", "n"]


def test_healthy_is_said_only_where_nothing_else_is() -> None:
    healthy = Said(("gradient", "healthy", "healthy: h"))
    assert lines(healthy) == ["healthy: h"]
    assert lines(healthy, Said(("memory", "note", "n"))) == ["n"]
    assert lines(healthy, Said(("vanishing", "warning", "w"))) == ["w"]


def test_what_was_measured_first_is_not_contradicted() -> None:
    gradient = Said(("vanishing", "warning", "the gradient falls"))
    jacobian = Said(("exploding", "warning", "the step stretches"), ("jacobian", "note", "radius 1.2"))
    assert lines(gradient, jacobian) == ["the gradient falls", "radius 1.2"]
    assert lines(jacobian, gradient) == ["the step stretches", "radius 1.2"]


def test_a_later_one_says_why_and_nothing_graver() -> None:
    why = Said(("vanishing", "warning", "the step shrinks"))
    measured = whole_verdict([Said(("vanishing", "note", "half a row")), why])
    assert [(f.gravity, f.text) for f in measured] == [("note", "half a row"), ("note", "the step shrinks")]
    assert lines(Said(("vanishing", "warning", "falls")), why) == ["falls", "the step shrinks"]
    assert lines(Said(("vanishing", "healthy", "healthy: reaches")), why) == ["healthy: reaches"]
    assert lines(Said(("gradient", "healthy", "healthy")), why) == ["the step shrinks"]


def test_one_inspection_may_tell_both_of_two_layers() -> None:
    both = Said(("vanishing", "warning", "layer 1 vanishes"), ("exploding", "warning", "layer 2 explodes"))
    assert len(lines(both)) == 2
