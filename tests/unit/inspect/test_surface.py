"""Surfaces: the numbers on the grid, planes, walls, files that are gone on from, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recurra.cells import LSTM
from recurra.errors import Fault
from recurra.inspect import Axis, Plane, gradient_plane, path_plane, random_plane, run_states, surface
from recurra.inspect.planes import inner, norm
from recurra.inspect.problems import LastAnswer

OLD_RUNS = Path(__file__).parents[2] / "data" / "format_1"


def model_and_rows() -> tuple[LastAnswer, Tensor]:
    torch.manual_seed(0)
    return LastAnswer(LSTM(2, 4), 1), torch.randn(3, 5, 2)


def squares(model: nn.Module, x: Tensor) -> Tensor:
    loss: Tensor = model(x).square().mean()
    return loss


class Two(nn.Module):
    """Two weights, whose surface can be written down."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def forward(self, x: Any) -> Tensor:
        return self.w


def plane_of(model: Two, span: float = 1.0) -> Plane:
    a, b = torch.eye(2, dtype=torch.float64)
    return Plane(
        "both weights",
        {"w": model.w.detach().clone()},
        Axis("w0 (1)", {"w": a}, -span, span),
        Axis("w1 (1)", {"w": b}, -span, span),
    )


def written(loss: Any, **options: Any) -> Any:
    model = Two()
    return surface(model, None, lambda m, x: loss(*m(x)), plane=plane_of(model), **options)


@pytest.mark.parametrize("kind", ["random", "gradient"])
def test_the_grid_holds_loss_and_gradient_at_its_weights(kind: str) -> None:
    model, x = model_and_rows()
    plane = random_plane(model) if kind == "random" else gradient_plane(model, x, squares)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    result = surface(model, x, squares, plane=plane, points=3)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    for row, column in ((0, 0), (1, 2), (2, 1)):
        model.load_state_dict(plane.weights(float(result.a[column]), float(result.b[row])))
        loss = squares(model, x)
        gradient = dict(zip(plane.centre, torch.autograd.grad(loss, list(model.parameters())), strict=True))
        assert result.loss[row, column] == pytest.approx(float(loss.detach()), rel=1e-5)
        assert result.gradient[row, column] == pytest.approx(norm(gradient), rel=1e-5)
        slopes = [inner(gradient, axis.direction) for axis in (plane.across, plane.up)]
        assert result.slopes[:, row, column] == pytest.approx(slopes, rel=1e-3, abs=1e-6)
    assert result.loss[1, 1] == pytest.approx(result.centre_loss)


def test_random_directions_are_filter_normalised() -> None:
    model, _ = model_and_rows()
    plane = random_plane(model)
    for axis in (plane.across, plane.up):
        for name, weight in model.named_parameters():
            part = axis.direction[name]
            if weight.dim() < 2:
                assert not part.any()
            else:
                assert torch.allclose(part.norm(dim=1), weight.detach().norm(dim=1), rtol=1e-5)
    assert not torch.equal(
        plane.across.direction["output.weight"], random_plane(model, seed=1).across.direction["output.weight"]
    )


def test_the_gradient_plane_has_a_right_angle() -> None:
    model, x = model_and_rows()
    plane = gradient_plane(model, x, squares)
    gradient = dict(
        zip(plane.centre, torch.autograd.grad(squares(model, x), list(model.parameters())), strict=True)
    )
    size = norm(plane.centre)
    assert plane.across.length == pytest.approx(size, rel=1e-5)
    assert inner(plane.across.direction, gradient) == pytest.approx(size * norm(gradient), rel=1e-5)
    assert abs(inner(plane.across.direction, plane.up.direction)) < 1e-5 * size**2


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_path_goes_through_its_states(count: int) -> None:
    model, _ = model_and_rows()
    states = []
    for _ in range(count):
        states.append({name: weight.clone() for name, weight in model.state_dict().items()})
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
    plane = path_plane(states)
    assert len(plane.path) == count
    assert plane.path[-1] == (0.0, 0.0)
    assert ("random" in plane.note) == (count == 2)
    for (a, b), state in zip(plane.path, states, strict=True):
        assert plane.across.low < a < plane.across.high
        assert plane.up.low < b < plane.up.high
        if count <= 3:  # which span no more than a plane
            point = plane.weights(a, b)
            assert all(torch.allclose(point[name], state[name], atol=1e-5) for name in point)


def test_a_run_gives_its_states() -> None:
    folder = next(
        path.parent for path in sorted(OLD_RUNS.rglob("model.json")) if (path.parent / "last").exists()
    )
    states = run_states(folder)
    assert len(states) == 2
    assert states[0].keys() == states[1].keys()


def test_an_interrupted_surface_goes_on_and_ends_alike(tmp_path: Path) -> None:
    model, x = model_and_rows()
    whole = surface(model, x, squares, points=4)
    file = tmp_path / "grid.safetensors"
    counts: list[int] = []

    def interrupt(number: int, total: int) -> None:
        assert total == 16
        counts.append(number)
        if number == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        surface(model, x, squares, points=4, file=file, progress=interrupt)
    result = surface(model, x, squares, points=4, file=file, progress=interrupt)
    assert counts == [*range(1, 17)]
    assert np.array_equal(result.loss, whole.loss)
    assert np.array_equal(result.gradient, whole.gradient)
    again = surface(model, x, squares, points=4, file=file, progress=interrupt)
    assert counts == [*range(1, 17)]
    assert np.array_equal(again.slopes, whole.slopes)
    for other in (
        lambda: surface(model, x, squares, points=5, file=file),
        lambda: surface(model, x + 1, squares, points=4, file=file),
        lambda: surface(model, x, squares, plane=random_plane(model, span=2.0), points=4, file=file),
    ):
        with pytest.raises(Fault, match="another surface"):
            other()
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(Fault, match="is damaged"):
        surface(model, x, squares, points=4, file=file)


def test_a_wall_is_named_with_its_height_and_place() -> None:
    result = written(lambda a, b: torch.sigmoid(300 * (a - 0.31)) + 0.01 * b**2, points=11, update=0.2)
    (finding, *_) = result.findings()
    assert finding.gravity == "warning"
    assert finding.numbers["a"] == pytest.approx(0.31, abs=0.11)
    assert finding.numbers["height"] == pytest.approx(1.0, abs=0.1)
    assert str(result).startswith("There is a wall at")
    assert "clip" in finding.text


def test_a_wall_across_the_other_axis_is_seen_too() -> None:
    result = written(lambda a, b: torch.sigmoid(300 * (b - 0.31)), points=11, update=0.2)
    assert result.findings()[0].numbers["b"] == pytest.approx(0.31, abs=0.11)


def test_a_bowl_is_smooth() -> None:
    result = written(lambda a, b: a**2 + b**2, points=9, update=0.02)
    assert [finding.gravity for finding in result.findings()] == ["healthy"]
    assert result.walls() == []


def test_a_plain_is_named() -> None:
    result = written(lambda a, b: torch.sigmoid(20 * (a - 0.9)), points=11, update=0.02)
    assert any("plain" in finding.text for finding in result.findings())
    flat = written(lambda a, b: 0 * a + 0 * b, points=5)
    assert any("plain" in finding.text for finding in flat.findings())


def test_what_is_not_finite_is_told_and_drawn() -> None:
    result = written(lambda a, b: torch.log(a + 0.5) + b, points=5)
    assert "not finite" in str(result)
    assert json.dumps(result.to_dict(), allow_nan=False)
    assert all(png.startswith(b"\x89PNG") for dark in (False, True) for _, png in result.pictures(dark))
    nowhere = written(lambda a, b: a * float("nan") + b, points=3)
    assert "not finite anywhere" in str(nowhere)
    assert len(nowhere.pictures()) == 2
    assert json.dumps(nowhere.to_dict(), allow_nan=False)


def test_pictures_say_what_their_axes_are() -> None:
    result = written(lambda a, b: a**2 + b**2, points=5)
    assert [caption for caption, _ in result.pictures()] == [
        "Loss along both weights",
        "Norm of the gradient along both weights",
    ]
    assert json.loads(json.dumps(result.to_dict()))["across"] == "w0 (1)"


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    model, x = model_and_rows()

    def without_memory(model: nn.Module, x: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 2 bytes")

    def fault(match: str, loss: Any = squares, **options: Any) -> None:
        with pytest.raises(Fault, match=match):
            surface(options.pop("model", model), x, loss, **options)

    fault("points = 2: expected 3", points=2)
    fault("points = 600", points=600)
    fault("depends on no weight", lambda m, x: x.sum())
    fault("expected a tensor of one number", lambda m, x: m(x))
    fault("is float, expected", lambda m, x: float(m(x).sum().detach()))
    fault("too large for the surface", without_memory)
    fault("a surface too large: 9 points", points=3, minutes=0.0)
    fault("has no weights", model=nn.Identity())
    fault("lacks", plane=plane_of(Two()))
    fault("update = 0.0", update=0.0, points=3)
    with pytest.raises(Fault, match="at least 2"):
        path_plane([model.state_dict()])
    with pytest.raises(Fault, match="all states are equal"):
        path_plane([model.state_dict(), model.state_dict()])
    with pytest.raises(Fault, match="other weights"):
        path_plane([Two().state_dict(), model.state_dict()])
    with pytest.raises(Fault, match="no recipe|no such file|run folder"):
        run_states(tmp_path)


def test_a_defect_of_the_users_is_no_lack_of_memory() -> None:
    model, x = model_and_rows()
    with pytest.raises(RuntimeError, match="shapes"):
        surface(model, x, lambda m, x: (m(x) @ torch.ones(7, 7)).sum())
