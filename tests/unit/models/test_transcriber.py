"""The CTC loss against every path there is, its gradient, and the layers below it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from recurra.cells import GRU
from recurra.errors import Fault
from recurra.layers import Recurrent, RunningNorm, SpecAugment, UtteranceNorm, VoiceChange
from recurra.models import Transcriber, Vectors, steps_needed
from recurra.models.questions.transcript_answerer import expected_counts
from recurra.ragged import Ragged


def model() -> Transcriber:
    return Transcriber(Vectors(2), Recurrent(GRU(2, 3)), 2).double()


def by_path(scores: Tensor, ids: list[int]) -> float:
    """-ln of the probability of all paths that say these symbols."""
    shares, total = scores.log_softmax(-1), 0.0
    for path in itertools.product(range(3), repeat=len(scores)):
        if [symbol for symbol, _ in itertools.groupby(path) if symbol != 2] == ids:
            total += float(shares[range(len(scores)), list(path)].sum().exp())
    return -math.log(total) if total else math.inf


def test_expected_counts_are_where_words_begin() -> None:
    """Of sure shares how often each begins; of independent ones the mean over all ways to read them."""
    sure = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    shares = torch.rand(3, 2)
    counts = expected_counts(Ragged.from_list([shares, sure]))
    torch.testing.assert_close(counts[1], torch.tensor([2.0, 1.0]))
    for word in range(2):
        p, total = shares[:, word].tolist(), 0.0
        for path in itertools.product((0, 1), repeat=3):
            chance = math.prod(q if here else 1 - q for q, here in zip(p, path, strict=True))
            total += chance * sum(here > before for before, here in itertools.pairwise((0, *path)))
        assert float(counts[0, word]) == pytest.approx(total)


TARGETS = ([0, 1], [1, 1], [0], [1, 0, 1], [0, 0])


def test_the_loss_is_that_of_all_paths() -> None:
    scores = [torch.randn(n, 3, dtype=torch.float64) for n in (4, 3, 5, 3, 2)]
    losses = model().loss(Ragged.from_list(scores), Ragged.from_list([torch.tensor(ids) for ids in TARGETS]))
    expected = [by_path(row, ids) for row, ids in zip(scores, TARGETS, strict=True)]
    assert losses.tolist() == pytest.approx(expected)
    feasible = [steps_needed(ids) <= len(row) for row, ids in zip(scores, TARGETS, strict=True)]
    assert feasible == [math.isfinite(loss) for loss in expected] == [True, True, True, True, False]


def test_the_gradient_is_that_of_the_loss() -> None:
    targets = Ragged.from_list([torch.tensor(ids) for ids in TARGETS[:4]])
    rows = Ragged.from_list([torch.randn(n, 3, dtype=torch.float64) for n in (4, 3, 5, 3)])
    criterion = model()

    def loss(data: Tensor) -> Tensor:
        return criterion.loss(rows.with_data(data), targets)

    assert torch.autograd.gradcheck(loss, rows.data.requires_grad_())


def test_scores_of_a_thousand_steps_stay_finite() -> None:
    scores = Ragged.from_list([100 * torch.randn(1000, 3)])
    scores.data.requires_grad_()
    loss = model().loss(scores, Ragged.from_list([torch.tensor([0, 1] * 50)])).sum()
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert scores.data.grad is not None
    assert bool(torch.isfinite(scores.data.grad).all())


def test_means_are_taken_away() -> None:
    rows = [torch.randn(n, 2) for n in (5, 0, 3)]
    whole, _ = UtteranceNorm(2)(Ragged.from_list(rows))
    for row, got in zip(rows, whole.to_list(), strict=True):
        torch.testing.assert_close(got, row - row.mean(0) if len(row) else row)
    running, _ = RunningNorm(2, prior=3.0)(Ragged.from_list(rows))
    for row, got in zip(rows, running.to_list(), strict=True):
        for t in range(len(row)):
            torch.testing.assert_close(got[t], row[t] - row[: t + 1].sum(0) / (t + 1 + 3))


def test_a_running_mean_starts_anew_at_a_reset() -> None:
    first, second = torch.randn(1, 3, 2), torch.randn(1, 4, 2)
    layer = RunningNorm(2)
    flags = torch.zeros(1, 7, dtype=torch.bool)
    flags[0, 3] = True
    start = {"sum": torch.ones(1, 2), "count": torch.full((1, 1), 2.0)}
    y, final = layer(torch.cat([first, second], 1), start, resets=flags)
    alone, end = layer(second)
    torch.testing.assert_close(y[:, :3], layer(first, start)[0])
    torch.testing.assert_close(y[:, 3:], alone)
    torch.testing.assert_close(final, end)


def test_masks_cover_bands_and_moments_in_training_alone() -> None:
    layer, rows = SpecAugment(10, bands=1, width=4, moments=1, length=5, share=0.5), torch.ones(200, 20, 10)
    masked, _ = layer(rows)
    bands = (masked == 0).all(1).sum(1)
    moments = (masked == 0).all(2).sum(1)
    assert set(bands.tolist()) == {0, 1, 2, 3, 4}
    assert set(moments.tolist()) == {0, 1, 2, 3, 4, 5}
    assert set(masked.unique().tolist()) == {0.0, 1.0}
    for row in masked[:20]:  # nothing but whole bands and whole moments
        outside = row.any(1, keepdim=True) & row.any(0, keepdim=True)
        assert torch.equal(row.bool(), outside)
    assert torch.equal(layer.eval()(rows)[0], rows)
    with pytest.raises(Fault, match="a width of at most 3"):
        SpecAugment(3, width=4)


def test_voices_are_changed_in_training_alone() -> None:
    rows = torch.arange(10.0).expand(50, 4, 10).contiguous()
    layer = VoiceChange(10, warp=0.2)
    moved, _ = layer(rows)
    assert torch.equal(moved[:, 0], moved[:, 3])  # the same for all steps of a row
    slopes = moved[:, 0, 5] / 5
    assert 0.8 <= float(slopes.min()) < 0.9 < 1.1 < float(slopes.max()) <= 1.2
    assert float(moved.max()) == 9  # beyond the last band is the last
    flat = VoiceChange(10, warp=0.0, tilt=1.0)(rows)[0] - rows
    torch.testing.assert_close(flat.diff(n=2), torch.zeros(50, 4, 8), atol=1e-5, rtol=0)
    assert torch.equal(layer.eval()(rows)[0], rows)
    with pytest.raises(Fault, match="a warp from 0 to below 1"):
        VoiceChange(3, warp=1.0)
