"""Forecasts of each column by itself, read in patches, and windows divided by their own deviation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.cells import GRU
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.models.forecaster import Forecaster
from recurra.models.frames import Scaling, SeriesScaling
from recurra.models.horizon import DirectHorizon
from recurra.models.outputs import Gaussian, Point
from recurra.models.patch_forecaster import PatchForecaster
from recurra.tasks.forecast.anomalies import surprises
from recurra.tasks.forecast.task import ForecastTask
from tests.unit.tasks.fitting import reloaded
from tests.unit.tasks.test_forecast import model, options, shop_options, shops, trained, write


def both(path: Path, **changes: Any) -> Any:
    return options(path, targets=["wave", "double"], covariates=[], **changes)


def test_a_column_does_not_see_another() -> None:
    torch.manual_seed(0)
    frame = Scaling(2, 2, "last", True, spread=True)
    module = PatchForecaster(frame, Recurrent(GRU(12, 5)), DirectHorizon(5, 2, 1), Point(), patch=6)
    context, known = torch.randn(3, 12, 2), torch.zeros(3, 14, 0)
    other = torch.cat([context[..., :1], torch.randn(3, 12, 1)], -1)
    one, two = (module.mean(module(each, known)) for each in (context, other))
    torch.testing.assert_close(one[..., 0], two[..., 0], rtol=0, atol=0)
    assert not torch.equal(one[..., 1], two[..., 1])
    turned = module.mean(module(context.flip(-1), known))
    torch.testing.assert_close(turned.flip(-1), one)


def test_patches_of_one_column_and_step_are_a_plain_forecast() -> None:
    torch.manual_seed(0)
    parts = Scaling(1, 1, "mean", True), Recurrent(GRU(5, 4)), DirectHorizon(4, 3, 2), Gaussian()
    context, known = torch.randn(2, 7, 1), torch.randn(2, 10, 3)
    plain, patched = Forecaster(*parts)(context, known), PatchForecaster(*parts, patch=1)(context, known)
    torch.testing.assert_close(plain.raw, patched.raw, rtol=0, atol=0)


def test_a_patch_holds_its_steps_in_order() -> None:
    class Seen(Recurrent):
        def forward(self, x: Any, *state: Any) -> Any:
            rows.append(x)
            return super().forward(x, *state)

    rows: list[torch.Tensor] = []
    encoder = Seen(GRU(6, 4))
    module = PatchForecaster(Scaling(2, 2), encoder, DirectHorizon(4, 1, 1), Point(), patch=3)
    context = torch.arange(12.0).view(1, 6, 2)  # columns 0 2 4 6 8 10 and 1 3 5 7 9 11
    known = torch.tensor([[[20.0], [21], [22], [23], [24], [25], [26]]])
    module(context, known)
    first = [[0.0, 2, 4, 20, 21, 22], [6, 8, 10, 23, 24, 25]]
    second = [[1.0, 3, 5, 20, 21, 22], [7, 9, 11, 23, 24, 25]]
    assert rows[0].tolist() == [first, second]


@pytest.mark.parametrize(("ahead", "output"), [("recurrent", "point"), ("direct", "gaussian")])
def test_waves_are_learnt_in_patches(tmp_path: Path, ahead: str, output: str) -> None:
    asked = both(write(tmp_path / "a.csv"), calendar=["hour"])
    network = model(ahead=ahead, output=output, patch=6, spread=True)
    task = trained(ForecastTask.prepare(asked, network, seed=0), 8)
    figures = task.evaluate()
    assert figures["mse"] < 0.3 * figures["last_mse"]
    again = reloaded(task, asked, network, tmp_path)
    assert again.evaluate() == figures
    assert list(again.predict([asked.train])) == list(task.predict([asked.train]))


def test_what_is_kept_in_training_is_counted_in_patches(tmp_path: Path) -> None:
    """16 windows of 2 columns are 128 patches; each keeps 8 numbers for each of 16 units, and 3 for its share
    of the 6 steps ahead, 6 / 4 rounded down: 128 * (8 * 16 + 3) numbers of 4 bytes.
    """
    task = ForecastTask.prepare(both(write(tmp_path / "a.csv")), model(patch=6, ahead="direct"), seed=0)
    assert "memory: about 67.1 kB for a batch of 128 steps" in task.check()


def test_what_patches_cannot_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    with pytest.raises(Fault, match=r"patch = 6 reads each target by itself, and covariates = \['double'\]"):
        ForecastTask.prepare(options(path), model(patch=6), seed=0)
    with pytest.raises(Fault, match="context = 24 found, expected a multiple of patch = 7, as 21"):
        ForecastTask.prepare(both(path), model(patch=7), seed=0)
    parts = Recurrent(GRU(2, 4)), DirectHorizon(4, 1, 1), Point()
    with pytest.raises(Fault, match="reads 2 numbers a patch, expected at least the 3 of 3 steps"):
        PatchForecaster(Scaling(2, 2), *parts, patch=3)
    with pytest.raises(Fault, match="3 numbers a step for 2 targets"):
        PatchForecaster(Scaling(3, 2), *parts, patch=1)
    with pytest.raises(Fault, match="5 steps of context found, expected a multiple of patch = 2"):
        PatchForecaster(Scaling(2, 2), *parts, patch=2)(torch.zeros(1, 5, 2), torch.zeros(1, 6, 0))


def test_a_window_is_divided_by_its_own_deviation() -> None:
    frame = Scaling(1, 1, "mean", spread=True)
    window = torch.tensor([[[10.0], [14.0], [10.0], [14.0]]])  # mean 12, deviation 2
    features, level = frame.enter(window, 1)
    # 0.1 of training deviations, here 1, is added: (10 - 12) / 2.1
    torch.testing.assert_close(features.flatten(), torch.tensor([-2.0, 2, -2, 2]) / 2.1)
    torch.testing.assert_close(frame.inside(torch.tensor([[[16.2]]]), level), torch.tensor([[[2.0]]]))
    torch.testing.assert_close(frame.outside(torch.tensor([[[2.0]]]), level), torch.tensor([[[16.2]]]))
    torch.testing.assert_close(frame.unit(level), torch.tensor([[[2.1]]]))


@pytest.mark.parametrize("anchor", ["none", "last", "mean"])
@pytest.mark.parametrize("own", [False, True])
def test_what_goes_into_a_frame_comes_out(anchor: str, own: bool) -> None:
    torch.manual_seed(0)
    frame = (SeriesScaling if own else Scaling)(2, 2, anchor, True, (1,), spread=True)
    rows = torch.rand(40, 2) + 0.5
    sizes = torch.tensor([1.0, 0.1, 0.4, 0.5]).expand(3, 12, -1)
    context, future = torch.rand(3, 12, 2) + 0.5, torch.rand(3, 5, 2) + 0.5
    context[0] = 1.25  # never moves
    seen = torch.cat([context, sizes], -1) if own else context
    frame.learn(rows, seen, future)
    features, memo = frame.enter(seen, 5)
    assert bool(features.isfinite().all())
    inside = frame.inside(future, memo)
    torch.testing.assert_close(frame.outside(inside, memo), future)
    # a step of 1 in the network's unit is one of `unit` in what errors are counted in
    further = frame.outside(inside + 1, memo)
    moved = frame.standard(further) - frame.standard(future)
    torch.testing.assert_close(moved, frame.unit(memo).expand_as(moved), rtol=1e-4, atol=1e-5)


def test_a_log_density_knows_the_size_of_each_window(tmp_path: Path) -> None:
    asked = both(write(tmp_path / "a.csv"))
    task = ForecastTask.prepare(asked, model(output="gaussian", spread=True), seed=0)
    windows = task.data.part("validation")
    context, future, known = windows.take(range(len(windows)))
    frame = task.model.frame
    with torch.no_grad():
        told = task.model(context, known)
        mean = frame.standard(task.model.mean(told))
        low, high = task.model.quantiles(told, (0.15865525, 0.84134475)).unbind(-1)
        deviation = (frame.standard(high) - frame.standard(low)) / 2
    density = torch.distributions.Normal(mean, deviation).log_prob(frame.standard(future))
    assert task.evaluate()["nll"] == pytest.approx(-float(density.mean()), rel=1e-4)


def test_a_surprise_knows_the_size_of_each_window(tmp_path: Path) -> None:
    asked = both(write(tmp_path / "a.csv"), horizon=1)
    network = model(output="gaussian", spread=True, patch=6, ahead="direct")
    task = ForecastTask.prepare(asked, network, seed=0)
    values = surprises(task.model, task.data.part("validation")).values
    assert float(values.mean()) == pytest.approx(task.evaluate()["nll"], rel=1e-4)


def test_a_point_by_itself_has_its_error_as_score(tmp_path: Path) -> None:
    asked = shop_options(shops(tmp_path / "a.csv", 40.0), scale="series", interval=0.5)
    task = ForecastTask.prepare(asked, model(hidden=4, output="quantiles", levels=(0.49, 0.5, 0.51)), seed=0)
    frame = task.model.frame
    windows = task.data.part("validation")
    context, future, known = windows.take(range(len(windows)))
    with torch.no_grad():
        told = task.model(context, known)
        errors = frame.standard(task.model.mean(told)) - frame.standard(future[..., :1])
        local = task.model.output.mean(told.raw) - frame.inside(future[..., :1], told.memo)
    torch.testing.assert_close(local.abs() * frame.unit(told.memo), errors.abs(), rtol=1e-4, atol=1e-5)
