"""The softmax over a part of the vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from recurra.cells import GRU
from recurra.layers import Recurrent
from recurra.models import LanguageModel, TokenEmbedding
from recurra.tasks import LanguageModelTask
from recurra.tasks.language_model.sampled_softmax import SampledSoftmax

from .fitting import fit


def model(tokens: int, tied: bool = False) -> LanguageModel:
    return LanguageModel(TokenEmbedding(tokens, 6), Recurrent(GRU(6, 6)), tokens, tied=tied)


@pytest.mark.parametrize("tied", [False, True])
def test_with_every_token_drawn_it_is_the_whole_softmax(tied: bool) -> None:
    torch.manual_seed(0)
    network, y, targets = model(8, tied), torch.randn(20, 6), torch.randint(8, (20,))
    whole = F.cross_entropy(network.head(y), targets, reduction="sum")
    part = SampledSoftmax(torch.ones(8), 4000).cost(network, y, targets)
    torch.testing.assert_close(part, whole)
    grads = [torch.autograd.grad(cost, network.bias)[0] for cost in (part, whole)]
    torch.testing.assert_close(*grads)


def test_few_draws_find_the_frequencies_of_tokens() -> None:
    torch.manual_seed(0)
    counts = torch.arange(1, 41).float().square()
    shares = counts / counts.sum()
    network, y = model(40), torch.zeros(64, 6)
    softmax, optimiser = SampledSoftmax(counts, 8), torch.optim.Adam([network.bias], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 500)
    for _ in range(500):
        targets = torch.multinomial(shares, 64, replacement=True)
        optimiser.zero_grad()
        (softmax.cost(network, y, targets) / 64).backward()
        optimiser.step()
        schedule.step()
    answer = network.bias.detach().log_softmax(0)
    distance = float((shares * (shares.log() - answer)).sum())
    # without the correction the tokens that are always there would lose to those that are not
    assert distance < 0.02


@pytest.mark.parametrize("read_as", ["stream", "sentences"])
def test_training_by_draws_learns_and_measures_over_all_tokens(tmp_path: Path, read_as: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text("the cat sees the dog .\na dog runs .\n" * 24)
    data = {"train": str(path), "batch_size": 4, "window": 12, "unit": "word", "read_as": read_as}
    options = {"hidden": 24, "embedding": 12}
    tasks = [
        LanguageModelTask.prepare(
            LanguageModelTask.DataOptions(**data),
            LanguageModelTask.ModelOptions(**options, softmax_draws=draws),
            seed=1,
        )
        for draws in (0, 3)
    ]
    assert tasks[0].evaluate() == tasks[1].evaluate()
    fit(tasks[1], 12)
    assert tasks[1].evaluate()["nats_per_token"] < 0.6 * tasks[0].evaluate()["nats_per_token"]
