from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from recurra.errors import Fault
from recurra.ragged import Ragged

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=7)
POSITIVE = st.lists(st.integers(1, 6), min_size=1, max_size=7)
EXAMPLES = settings(max_examples=60, deadline=None)


def rows(lengths: list[int], width: int = 2) -> list[Tensor]:
    """Numbers that say where they belong: no two alike."""
    total = torch.arange(1.0, 1 + sum(lengths) * width, dtype=torch.float64).view(-1, width)
    return list(torch.split(total, lengths))


def same(actual: list[Tensor], expected: list[Tensor]) -> bool:
    return len(actual) == len(expected) and all(map(torch.equal, actual, expected))


@EXAMPLES
@given(LENGTHS)
def test_rows_go_in_and_come_back(lengths: list[int]) -> None:
    expected = rows(lengths)
    ragged = Ragged.from_list(expected)
    assert same(ragged.to_list(), expected)
    assert torch.equal(ragged.to_joined(), torch.cat(expected))
    assert ragged.lengths.tolist() == lengths
    assert ragged.packed_lengths.tolist() == sorted(lengths, reverse=True)
    assert (len(ragged), ragged.steps) == (len(lengths), max(lengths))
    assert ragged.batch_sizes == tuple(sum(n > t for n in lengths) for t in range(max(lengths)))
    assert ragged.is_dense == (len(set(lengths)) == 1)


@EXAMPLES
@given(LENGTHS, st.booleans(), st.integers(0, 2))
def test_padded_rows_go_in_and_come_back(lengths: list[int], batch_first: bool, more: int) -> None:
    expected = rows(lengths)
    padded = torch.full((len(lengths), max(lengths) + more, 2), -1.0, dtype=torch.float64)
    for row, into in zip(expected, padded, strict=True):
        into[: len(row)] = row
    form = padded if batch_first else padded.transpose(0, 1)
    for kind in (lengths, torch.tensor(lengths), torch.tensor(lengths, dtype=torch.int32)):
        ragged = Ragged.from_padded(form, kind, batch_first)
        assert same(ragged.to_list(), expected)
    back, counts = ragged.to_padded(-1.0, batch_first)
    assert counts.tolist() == lengths
    trimmed = padded[:, : max(lengths)]
    assert torch.equal(back, trimmed if batch_first else trimmed.transpose(0, 1))


@EXAMPLES
@given(POSITIVE, st.booleans())
def test_torchs_packed_sequences_go_in_and_come_back(lengths: list[int], ordered: bool) -> None:
    if ordered:
        lengths = sorted(lengths, reverse=True)
    expected = rows(lengths)
    packed = pack_sequence(expected, enforce_sorted=ordered)
    ragged = Ragged.from_packed(packed)
    assert ragged.data is packed.data
    assert same(ragged.to_list(), expected)
    back = Ragged.from_list(expected).to_packed()
    again = pack_sequence(expected, enforce_sorted=False)
    assert torch.equal(back.batch_sizes, again.batch_sizes)
    assert same(Ragged.from_packed(back).to_list(), expected)
    assert same(nn.utils.rnn.unpack_sequence(back), expected)


@EXAMPLES
@given(LENGTHS)
def test_nested_tensors_go_in_and_come_back(lengths: list[int]) -> None:
    expected = rows(lengths)
    nested = torch.nested.nested_tensor(expected, layout=torch.jagged)
    ragged = Ragged.from_nested(nested)
    assert same(ragged.to_list(), expected)
    assert same(list(ragged.to_nested().unbind()), expected)


@EXAMPLES
@given(LENGTHS, st.randoms(use_true_random=False))
def test_rows_cut_from_one_long_array_may_overlap(lengths: list[int], random: object) -> None:
    joined = torch.arange(20.0)
    starts = [random.randint(0, 20 - n) for n in lengths]  # type: ignore[attr-defined]
    ragged = Ragged.from_joined(joined, torch.tensor(starts), torch.tensor(lengths))
    assert same(ragged.to_list(), [joined[s : s + n] for s, n in zip(starts, lengths, strict=True)])


@EXAMPLES
@given(LENGTHS)
def test_turning_rows_round(lengths: list[int]) -> None:
    expected = rows(lengths)
    ragged = Ragged.from_list(expected)
    assert same(ragged.reversed().to_list(), [row.flip(0) for row in expected])
    assert torch.equal(ragged.reversed().reversed().data, ragged.data)


@EXAMPLES
@given(LENGTHS)
def test_ends_and_orders(lengths: list[int]) -> None:
    expected = rows(lengths)
    ragged = Ragged.from_list(expected)
    ends = [row[-1] if len(row) else torch.zeros(2, dtype=torch.float64) for row in expected]
    assert torch.equal(ragged.last(), torch.stack(ends))
    caller = torch.arange(len(lengths)) * 10
    packed = ragged.sort(caller)
    assert [lengths[k // 10] for k in packed.tolist()] == sorted(lengths, reverse=True)
    assert torch.equal(ragged.unsort(packed), caller)
    for place, (row, step) in enumerate(zip(ragged.row_of.tolist(), ragged.step_of.tolist(), strict=True)):
        assert torch.equal(ragged.data[place], expected[int(packed[row]) // 10][step])
        assert place == ragged.offsets[step] + row


@EXAMPLES
@given(LENGTHS)
def test_gradients_reach_the_rows_they_came_from(lengths: list[int]) -> None:
    leaves = [row.clone().requires_grad_() for row in rows(lengths)]
    ragged = Ragged.from_list(leaves)
    padded, _ = ragged.reversed().to_padded()
    weights = torch.randn_like(padded)
    total = (padded * weights).sum() + ragged.last().sum() + sum(row.sum() for row in ragged.to_list())
    if not sum(lengths):
        return
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    for length, weight, gradient in zip(lengths, weights, gradients, strict=True):
        expected = weight[:length].flip(0) + 1
        if length:
            expected[-1] += 1
            assert gradient is not None
            torch.testing.assert_close(gradient, expected)


@EXAMPLES
@given(LENGTHS)
def test_functions_on_each_step_take_a_ragged_as_they_take_its_data(lengths: list[int]) -> None:
    ragged = Ragged.from_list(rows(lengths, 3))
    for module in (nn.Linear(3, 4), nn.LayerNorm(3), nn.ReLU(), nn.Dropout(0.5).eval()):
        outputs = module.double()(ragged)
        assert isinstance(outputs, Ragged)
        assert torch.equal(outputs.data, module(ragged.data))
        assert outputs.lengths.tolist() == lengths


def test_dense_rows_by_time_are_not_copied() -> None:
    x = torch.randn(4, 3, 2)
    ragged = Ragged.from_dense(x, batch_first=False)
    assert ragged.data.data_ptr() == x.data_ptr()
    assert torch.equal(ragged.to_padded(batch_first=False)[0], x)
    assert torch.equal(Ragged.from_dense(x.transpose(0, 1)).data, ragged.data)
    assert torch.equal(Ragged.from_padded(x, batch_first=False).data, ragged.data)


def test_a_batch_without_steps_or_rows() -> None:
    empty = Ragged.from_list([torch.zeros(0, 3), torch.zeros(0, 3)])
    assert (len(empty), empty.steps, empty.data.shape) == (2, 0, (0, 3))
    assert torch.equal(empty.last(), torch.zeros(2, 3))
    assert empty.to_padded()[0].shape == (2, 0, 3)
    assert len(empty.reversed()) == 2
    assert len(Ragged.from_dense(torch.zeros(2, 0, 3))) == 2


def test_moving_keeps_the_rows() -> None:
    expected = rows([2, 0, 3])
    other = Ragged.from_list(expected).to(torch.float32)
    assert other.data.dtype is torch.float32
    assert same(other.to_list(), [row.float() for row in expected])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ragged.from_list([]), "at least one row"),
        (lambda: Ragged.from_list([torch.zeros(2, 3), torch.zeros(2, 4)]), "must agree in shape and type"),
        (lambda: Ragged.from_padded(torch.zeros(2, 3, 1), [3]), "expected \\[2\\]"),
        (lambda: Ragged.from_padded(torch.zeros(2, 3, 1), [4, 1]), "expected 0 to 3"),
        (lambda: Ragged.from_padded(torch.zeros(2, 3, 1), [2, -1]), "run from -1 to 2"),
        (lambda: Ragged(torch.zeros(3, 1), [2, 2]), "3 rows, but its batch sizes sum to 4"),
        (lambda: Ragged.from_list([torch.zeros(0, 1), torch.zeros(1, 1)]).to_packed(), "length 0"),
        (lambda: torch.cumsum(Ragged.from_list(rows([2])), 0), "does not act on each step alone"),
    ],
)
def test_what_does_not_fit_is_told(make: object, message: str) -> None:
    with pytest.raises(Fault, match=message):
        make()  # type: ignore[operator]
