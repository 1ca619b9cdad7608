from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

import recurra.nn

LENGTHS = (5, 2, 7, 7, 1)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("RNN", {}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
    "gru": ("GRU", {}),
    "gru_plain": ("GRU", {"bias": False, "bidirectional": True}),
    "lstm": ("LSTM", {}),
    "lstm_deep": ("LSTM", {"num_layers": 3, "bidirectional": True}),
    "lstm_plain": ("LSTM", {"bias": False, "num_layers": 2}),
    "lstm_projected": ("LSTM", {"proj_size": 3, "num_layers": 2, "bidirectional": True}),
    "lstm_projected_plain": ("LSTM", {"proj_size": 2, "bias": False}),
}


def pair(kind: str, dtype: torch.dtype = torch.float64, **more: Any) -> tuple[nn.RNNBase, nn.RNNBase]:
    name, options = KINDS[kind]
    torch.manual_seed(1)
    theirs = getattr(nn, name)(4, 5, dtype=dtype, **options, **more)
    torch.manual_seed(1)
    ours = getattr(recurra.nn, name)(4, 5, dtype=dtype, **options, **more)
    return theirs, ours


def first_states(module: nn.RNNBase, batch: int) -> Any:
    count = module.num_layers * (2 if module.bidirectional else 1)
    dtype = next(module.parameters()).dtype
    h = torch.randn(count, batch, module.proj_size or module.hidden_size, dtype=dtype)
    return (h, torch.randn(count, batch, module.hidden_size, dtype=dtype)) if module.mode == "LSTM" else h


def inputs(layout: str, dtype: torch.dtype) -> tuple[Any, int]:
    if layout == "single":
        return torch.randn(6, 4, dtype=dtype), 0
    if layout in ("dense", "batch_first"):
        return torch.randn(6, 3, 4, dtype=dtype), 3 if layout == "dense" else 6
    rows = [torch.randn(n, 4, dtype=dtype) for n in LENGTHS]
    if layout == "sorted":
        rows.sort(key=len, reverse=True)
    return pack_sequence(rows, enforce_sorted=layout == "sorted"), len(rows)


def leaves(tree: Any) -> list[Tensor]:
    if isinstance(tree, PackedSequence):
        return [tree.data]
    return [tree] if isinstance(tree, Tensor) else [leaf for part in tree for leaf in leaves(part)]


def require_same(theirs: nn.RNNBase, ours: nn.RNNBase, x: Any, hx: Any, tolerance: dict[str, float]) -> None:
    results, gradients = [], []
    for module in (theirs, ours):
        data = x.data.clone().requires_grad_()
        rows = x._replace(data=data) if isinstance(x, PackedSequence) else data
        start = None if hx is None else [leaf.clone().requires_grad_() for leaf in leaves(hx)]
        state = None if start is None else (tuple(start) if len(start) > 1 else start[0])
        y, final = module(rows, state)
        assert type(final) is (tuple if module.mode == "LSTM" else Tensor)
        assert isinstance(y, PackedSequence) == isinstance(x, PackedSequence)
        results.append([*leaves(y), *leaves(final)])
        torch.manual_seed(2)
        total = sum((out * torch.randn_like(out)).sum() for out in results[-1])
        gradients.append(torch.autograd.grad(total, [data, *(start or []), *module.parameters()]))
    torch.testing.assert_close(results[1], results[0], **tolerance)
    torch.testing.assert_close(gradients[1], gradients[0], **tolerance)


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("layout", ["dense", "batch_first", "single", "sorted", "unsorted"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_torchs(kind: str, layout: str, state: bool) -> None:
    theirs, ours = pair(kind, batch_first=layout == "batch_first")
    x, batch = inputs(layout, torch.float64)
    hx = first_states(theirs, batch or 1) if state else None
    if hx is not None and not batch:
        hx = tuple(leaf[:, 0] for leaf in hx) if isinstance(hx, tuple) else hx[:, 0]
    require_same(theirs, ours, x, hx, {})


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_torchs_within_its_rounding(kind: str) -> None:
    theirs, ours = pair(kind, torch.float32)
    x, batch = inputs("unsorted", torch.float32)
    require_same(theirs, ours, x, first_states(theirs, batch), {"rtol": 1e-4, "atol": 1e-5})


@pytest.mark.parametrize("kind", KINDS)
def test_weights_have_torchs_names_and_travel_both_ways(kind: str) -> None:
    theirs, ours = pair(kind)
    assert isinstance(ours, type(theirs))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for weight, other in zip(theirs.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(weight, other, rtol=0, atol=0)  # the same start from the same seed
    x, _ = inputs("dense", torch.float64)
    ours(x)
    assert list(ours.state_dict()) == list(theirs.state_dict()), "a call must leave nothing behind"
    for weight in theirs.parameters():
        nn.init.normal_(weight)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x), theirs(x))
    theirs.load_state_dict(ours.state_dict())


def test_weights_are_read_as_they_are_at_the_call() -> None:
    theirs, ours = pair("lstm")
    x, _ = inputs("dense", torch.float64)
    ours(x)
    other = {name: torch.randn_like(weight) for name, weight in theirs.named_parameters()}
    torch.testing.assert_close(
        torch.func.functional_call(ours, other, (x,)), torch.func.functional_call(theirs, other, (x,))
    )
    for module in (theirs, ours):
        torch.manual_seed(3)
        parametrizations.weight_norm(module, "weight_hh_l0")
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.float()(x.float())[0], theirs(x)[0].float(), rtol=1e-4, atol=1e-5)


def test_copies_and_files_of_the_whole_module() -> None:
    _, ours = pair("gru")
    x, _ = inputs("dense", torch.float64)
    y = ours(x)
    torch.testing.assert_close(copy.deepcopy(ours)(x), y)
    file = io.BytesIO()
    torch.save(ours, file)
    file.seek(0)
    torch.testing.assert_close(torch.load(file, weights_only=False)(x), y)


def test_dropout_falls_between_layers_in_training_alone() -> None:
    _, ours = pair("lstm_plain", dropout=0.5)
    x, _ = inputs("dense", torch.float64)
    assert not torch.equal(ours(x)[0], ours(x)[0])
    torch.testing.assert_close(ours.eval()(x)[0], ours(x)[0])
    theirs, _ = pair("lstm_plain", dropout=0.5)
    torch.testing.assert_close(ours(x), theirs.eval()(x))


def test_whole_dropout_leaves_only_the_biases_above() -> None:
    theirs, ours = pair("rnn_relu", dropout=1.0)
    x, _ = inputs("dense", torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))


def test_a_padded_round_trip_as_users_write_it() -> None:
    theirs, ours = pair("lstm_deep", batch_first=True)
    padded = torch.randn(3, 6, 4, dtype=torch.float64)
    lengths = torch.tensor([2, 6, 4])
    answers = []
    for module in (theirs, ours):
        packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
        y, _ = module(packed)
        answers.append(pad_packed_sequence(y, batch_first=True))
    torch.testing.assert_close(answers[1], answers[0])


@pytest.mark.parametrize(
    ("x", "hx"),
    [
        (torch.zeros(3, 2, 5), None),
        (torch.zeros(3, 2, 4, dtype=torch.float64), None),
        (torch.zeros(4), None),
        (torch.zeros(3, 2, 4), torch.zeros(1, 3, 5)),
        (torch.zeros(3, 2, 4), torch.zeros(1, 5)),
        (torch.zeros(3, 4), torch.zeros(1, 1, 5)),
    ],
)
def test_what_torch_refuses_is_refused(x: Tensor, hx: Tensor | None) -> None:
    theirs, ours = pair("gru", torch.float32)
    with pytest.raises((RuntimeError, ValueError)) as refusal:
        theirs(x, hx)
    with pytest.raises(refusal.type):
        ours(x, hx)


def test_constructors_refuse_what_torchs_refuse() -> None:
    with pytest.raises(ValueError, match="proj_size"):
        recurra.nn.GRU(4, 5, proj_size=2)
    with pytest.raises(ValueError, match="hidden_size must be greater than zero"):
        recurra.nn.LSTM(4, 0)
