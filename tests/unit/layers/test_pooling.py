from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from recurra.layers import AttentionPool, CharCNN, CharLSTM, Convolution, LastPool, MaxPool, MeanPool
from recurra.ragged import Ragged
from recurra.registry import from_config, to_config

LENGTHS = (2, 0, 5, 1, 5)


def rows() -> list[Tensor]:
    return [torch.randn(n, 3, dtype=torch.float64, requires_grad=True) for n in LENGTHS]


def attended(pool: AttentionPool, row: Tensor) -> Tensor:
    scores = pool.score(torch.tanh(pool.hidden(row))).squeeze(1)
    return torch.softmax(scores, 0) @ row


POOLS = {
    "last": (LastPool, lambda pool, row: row[-1]),
    "mean": (MeanPool, lambda pool, row: row.mean(0)),
    "max": (MaxPool, lambda pool, row: row.amax(0)),
    "attention": (AttentionPool, attended),
}


@pytest.mark.parametrize("name", POOLS)
def test_pooling_a_batch_is_pooling_each_row(name: str) -> None:
    kind, plain = POOLS[name]
    pool = kind(3).double()
    batch = rows()
    vectors = pool(Ragged.from_list(batch))
    expected = torch.stack([plain(pool, row) if len(row) else row.new_zeros(3) for row in batch])
    torch.testing.assert_close(vectors, expected)
    weights = torch.randn_like(expected)
    leaves = [row for row in batch if len(row)] + list(pool.parameters())
    expected_gradients = torch.autograd.grad((expected * weights).sum(), leaves)
    gradients = torch.autograd.grad((vectors * weights).sum(), leaves)
    torch.testing.assert_close(gradients, expected_gradients)


@pytest.mark.parametrize("name", POOLS)
def test_rows_that_are_all_empty_give_zeros(name: str) -> None:
    pool = POOLS[name][0](3)
    assert pool(Ragged.from_list([torch.zeros(0, 3)] * 2)).tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize("name", POOLS)
def test_a_tensor_is_rows_that_are_all_full(name: str) -> None:
    pool = POOLS[name][0](3)
    x = torch.randn(2, 4, 3)
    torch.testing.assert_close(pool(x), pool(Ragged.from_list(list(x))))
    again = from_config(to_config(pool))
    again.load_state_dict(pool.state_dict())
    torch.testing.assert_close(again(x), pool(x))


def test_attention_weights_of_a_row_sum_to_one() -> None:
    pool = AttentionPool(3, attention_size=7).double()
    weights = pool.weights(Ragged.from_list(rows())).to_list()
    assert [len(row) for row in weights] == list(LENGTHS)
    for row in weights:
        if len(row):
            torch.testing.assert_close(row.sum(), torch.ones((), dtype=torch.float64))


@pytest.mark.parametrize("width", [1, 3, 7])
def test_convolution_is_torchs_over_each_row(width: int) -> None:
    layer = Convolution(3, 4, width).double()
    plain = nn.Conv1d(3, 4, width, padding=width // 2, dtype=torch.float64)
    with torch.no_grad():
        plain.weight.copy_(layer.linear.weight.view(4, width, 3).transpose(1, 2))
        plain.bias.copy_(layer.linear.bias)
    batch = rows()
    y, _ = layer(Ragged.from_list(batch))
    for row, got in zip(batch, y.to_list(), strict=True):
        if len(row):
            torch.testing.assert_close(got, plain(row.T[None])[0].T)


def words() -> list[Tensor]:
    return [torch.randint(11, (n,)) for n in (4, 1, 0, 9, 4)]


@pytest.mark.parametrize("kind", [CharLSTM, CharCNN])
def test_a_words_features_do_not_depend_on_its_neighbours(kind: type[CharLSTM | CharCNN]) -> None:
    model = kind(11).double().eval()
    batch = words()
    features = model(Ragged.from_list(batch))
    assert features.shape == (len(batch), model.output_size)
    for word, vector in zip(batch, features, strict=True):
        torch.testing.assert_close(vector, model(Ragged.from_list([word]))[0])
    assert not features[2].any()
    assert features[[0, 1, 3, 4]].any(1).all()
    features.sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())
    again = from_config(to_config(model)).double().eval()
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again(Ragged.from_list(batch)), features)


def test_char_lstm_is_the_ends_of_torchs() -> None:
    model = CharLSTM(11, 5, 6)
    forward, backward = model.layer.forward_layer.cell, model.layer.backward_layer.cell
    plain = nn.LSTM(5, 6, bidirectional=True)
    with torch.no_grad():
        for cell, suffix in ((forward, ""), (backward, "_reverse")):
            for ours, theirs in (("input", "ih"), ("hidden", "hh")):
                getattr(plain, f"weight_{theirs}_l0{suffix}").copy_(getattr(cell, ours).weight)
                getattr(plain, f"bias_{theirs}_l0{suffix}").copy_(getattr(cell, ours).bias)
    batch = words()
    for word, features in zip(batch, model(Ragged.from_list(batch)), strict=True):
        if len(word):
            _, (h, _) = plain(model.embedding(word)[:, None])
            torch.testing.assert_close(features, h[:, 0].reshape(-1))
