"""Ragged rows come back from every form they are brought into, whatever their lengths and order."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_sequence

from recurra.errors import Fault
from recurra.ragged import Ragged

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=7)
laws = settings(max_examples=40, deadline=None, derandomize=True)


def numbered(lengths: list[int]) -> list[Tensor]:
    """Rows `[T, 2]` of numbers that occur once."""
    total = torch.arange(2.0 * sum(lengths)).view(-1, 2)
    return list(total.split(lengths))


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@laws
@given(LENGTHS, st.integers(0, 3), st.booleans())
def test_list_and_padded(lengths: list[int], more: int, batch_first: bool) -> None:
    rows = numbered(lengths)
    ragged = Ragged.from_list(rows)
    assert same(ragged.to_list(), rows)
    assert ragged.lengths.tolist() == lengths
    assert list(ragged.batch_sizes) == sorted(ragged.batch_sizes, reverse=True)
    padded, found = ragged.to_padded(value=-1, batch_first=batch_first)
    assert found.tolist() == lengths
    assert int((padded == -1).sum()) == 2 * (max(lengths) * len(lengths) - sum(lengths))
    longer = F.pad(padded, (0, 0, *((0, more) if batch_first else (0, 0, 0, more))), value=float("nan"))
    for given_lengths in (found, lengths):
        assert same(Ragged.from_padded(longer, given_lengths, batch_first).to_list(), rows)


@laws
@given(LENGTHS)
def test_what_it_knows_of_itself(lengths: list[int]) -> None:
    rows = numbered(lengths)
    ragged = Ragged.from_list(rows)
    assert (ragged.rows, ragged.steps, len(ragged)) == (len(rows), max(lengths), len(rows))
    assert ragged.is_dense == (len(set(lengths)) == 1)
    assert ragged.packed_lengths.tolist() == sorted(lengths, reverse=True)
    for k, (row, step) in enumerate(zip(ragged.row_of.tolist(), ragged.step_of.tolist(), strict=True)):
        caller = row if ragged.order is None else int(ragged.order[row])
        assert torch.equal(ragged.data[k], rows[caller][step])
        assert k == ragged.offsets[step] + row
    for row, last in zip(rows, ragged.last(), strict=True):
        assert torch.equal(last, row[-1] if len(row) else torch.zeros(2))
    by_row = torch.arange(len(rows))
    assert torch.equal(ragged.unsort(ragged.sort(by_row)), by_row)
    assert same(ragged.reversed().to_list(), [row.flip(0) for row in rows])
    assert same(ragged.map(lambda data: -data).to_list(), [-row for row in rows])
    assert same(F.relu(ragged).to_list(), rows)  # type: ignore[arg-type]


@laws
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_torchs_own_forms(lengths: list[int]) -> None:
    rows = numbered(lengths)
    packed = pack_sequence(rows, enforce_sorted=False)
    ragged = Ragged.from_packed(packed)
    assert same(ragged.to_list(), rows)
    back = Ragged.from_list(rows).to_packed()
    for name in ("data", "batch_sizes", "sorted_indices"):
        assert torch.equal(getattr(ragged.to_packed(), name), getattr(packed, name))
    assert torch.equal(back.data, packed.data)
    nested = torch.nested.nested_tensor(rows, layout=torch.jagged)
    assert same(Ragged.from_nested(nested).to_list(), rows)
    assert same(list(ragged.to_nested().unbind()), rows)


@pytest.mark.parametrize("batch_first", [True, False])
def test_dense_rows(batch_first: bool) -> None:
    dense = torch.randn(3, 4, 2)
    ragged = Ragged.from_dense(dense, batch_first)
    assert ragged.is_dense
    assert torch.equal(ragged.to_padded(batch_first=batch_first)[0], dense)
    assert (ragged.data.data_ptr() == dense.data_ptr()) == (not batch_first)


def test_gradients_reach_the_rows() -> None:
    rows = [row.requires_grad_() for row in numbered([2, 0, 3])]
    padded, _ = Ragged.from_list(rows).reversed().to_padded()
    (padded * padded).sum().backward()
    assert all(torch.equal(row.grad, 2 * row) for row in rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: Ragged.from_list([]), ["at least one row"]),
        (
            lambda: Ragged.from_list([torch.zeros(2, 3), torch.zeros(2, 4)]),
            ["agree in shape", "(3,)", "(4,)"],
        ),
        (lambda: Ragged.from_list([torch.zeros(2), torch.zeros(2).long()]), ["agree", "int64", "float32"]),
        (lambda: Ragged.from_padded(torch.zeros(2, 3, 1), [3]), ["[1]", "[2]"]),
        (lambda: Ragged.from_padded(torch.zeros(2, 3, 1), [3, 4]), ["3 to 4", "0 to 3"]),
        (lambda: Ragged.from_padded(torch.zeros(2, 3, 1), [3, -1]), ["-1 to 3", "0 to 3"]),
        (
            lambda: Ragged.from_padded(torch.zeros(2, 3, 1), torch.tensor([1.5, 2])),
            ["torch.float32", "whole"],
        ),
        (lambda: Ragged(torch.zeros(3, 1), (2, 2)), ["3 rows", "sum to 4"]),
        (lambda: Ragged.from_list([torch.zeros(0, 1)]).to_packed(), ["length 0"]),
        (lambda: torch.cumsum(Ragged.from_list([torch.zeros(2, 1)]), 0), ["cumsum", ".data"]),  # type: ignore[call-overload]
    ],
)
def test_one_line_says_what_does_not_fit(make: object, parts: list[str]) -> None:
    with pytest.raises(Fault) as raised:
        make()  # type: ignore[operator]
    assert [part for part in parts if part not in str(raised.value)] == [], str(raised.value)
    assert "\n" not in str(raised.value)
