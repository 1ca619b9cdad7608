"""Rows of different lengths, packed step by step, longest first, so that no padding exists to be computed.

`data[N, ...]` holds step 0 of every row, then step 1 of every row that has one, and so on; `batch_sizes[t]`
rows have a step `t`. This is the layout of `torch.nn.utils.rnn.PackedSequence`, with rows of length 0
allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from recurra.errors import Fault
from recurra.recording import jit_records, same_size, shape_of


class Ragged:
    """A batch of rows of different lengths.

    Raises:
        Fault: the batch sizes do not sum to N.

    Attributes:
        data: `[N, ...]`, N the sum of all lengths; any device and type.
        batch_sizes: how many rows have step t; never grows; its sum is N.
        order: `[B]` int64 on data's device: `order[k]` is the caller's index of packed row k; None when the
            packed order is the caller's.
        rows: B, rows of length 0 included.
    """

    __slots__ = ("_index", "batch_sizes", "data", "order", "rows")

    def __init__(
        self, data: Tensor, batch_sizes: Sequence[int], order: Tensor | None = None, rows: int | None = None
    ) -> None:
        self.data = data
        self.batch_sizes = tuple(batch_sizes)
        self.order = order
        longest = self.batch_sizes[0] if self.batch_sizes else 0
        self.rows = rows if rows is not None else (longest if order is None else len(order))
        self._index: dict[str, Tensor] = {}
        if shape_of(data)[0] != sum(self.batch_sizes):
            count = shape_of(data)[0]
            raise Fault(f"ragged data has {count} rows, but its batch sizes sum to {sum(self.batch_sizes)}")

    # from other forms

    @classmethod
    def from_list(cls, rows: Sequence[Tensor]) -> Ragged:
        """From tensors `[T_i, ...]` in any order; length 0 allowed.

        Raises:
            Fault: there is no row, or rows differ in type or in shape after time.
        """
        if not rows:
            raise Fault("a ragged batch needs at least one row, found an empty list")
        lengths = _integers([row.shape[0] for row in rows])
        kinds = {(tuple(row.shape[1:]), row.dtype) for row in rows}
        if len(kinds) > 1:
            raise Fault(
                f"rows of a ragged batch must agree in shape and type after time, found "
                f"{sorted(map(str, kinds))}"
            )
        joined = torch.cat(list(rows))
        starts = torch.cumsum(lengths, 0) - lengths
        return cls.from_joined(joined, starts, lengths)

    @classmethod
    def from_padded(
        cls, padded: Tensor, lengths: Tensor | Sequence[int] | None = None, batch_first: bool = True
    ) -> Ragged:
        """From `[B, T, ...]` (or `[T, B, ...]`) and lengths `[B]`: any order, 0 allowed, on any device.

        Raises:
            Fault: lengths are not B whole numbers from 0 to T.
        """
        if lengths is None:
            return cls.from_dense(padded, batch_first)
        _require_lengths()
        if not batch_first:
            padded = padded.transpose(0, 1)
        batch, steps = padded.shape[:2]
        if isinstance(lengths, Tensor) and lengths.is_floating_point():
            raise Fault(f"lengths are {lengths.dtype}, expected whole numbers")
        lengths = lengths.to("cpu", torch.int64) if isinstance(lengths, Tensor) else _integers(lengths)
        if lengths.shape != (batch,):
            raise Fault(f"lengths has shape {list(lengths.shape)}, expected [{batch}], one for each row")
        if batch and (int(lengths.min()) < 0 or int(lengths.max()) > steps):
            raise Fault(
                f"lengths run from {int(lengths.min())} to {int(lengths.max())}, expected 0 to {steps} "
                f"(the padded length)"
            )
        return cls.from_joined(
            padded.reshape(batch * steps, *padded.shape[2:]), _count(batch) * steps, lengths
        )

    @classmethod
    def from_dense(cls, dense: Tensor, batch_first: bool = True) -> Ragged:
        """From `[B, T, ...]` (or `[T, B, ...]`) with every row full; the latter without a copy."""
        if jit_records():
            dense = same_size(dense)
        if batch_first:
            dense = dense.transpose(0, 1)
        steps, batch, *rest = shape_of(dense)
        return cls(dense.reshape(steps * batch, *rest), (batch,) * steps if batch else (), rows=batch)

    @classmethod
    def from_packed(cls, packed: PackedSequence) -> Ragged:
        """From torch's packed sequence; nothing is copied."""
        _require_lengths()
        return cls(packed.data, packed.batch_sizes.tolist(), packed.sorted_indices)

    @classmethod
    def from_nested(cls, nested: Tensor) -> Ragged:
        """From a nested tensor whose components are `[T_i, ...]`."""
        return cls.from_list(list(nested.unbind()))

    @classmethod
    def from_joined(cls, joined: Tensor, starts: Tensor, lengths: Tensor) -> Ragged:
        """From `[M, ...]`: row i is `joined[starts[i] : starts[i] + lengths[i]]`; rows may overlap.

        Args:
            starts, lengths: `[B]` int64 on the CPU.
        """
        _require_lengths()
        ordered, order = torch.sort(lengths, descending=True, stable=True)
        sizes = _batch_sizes(ordered)
        rows, steps = _positions(sizes)
        places = starts[order][rows] + steps
        unchanged = bool((order == _count(len(order))).all())
        return cls(
            joined.index_select(0, places.to(joined.device)),
            sizes,
            None if unchanged else order.to(joined.device),
            len(lengths),
        )

    # its layout

    @property
    def lengths(self) -> Tensor:
        """`[B]` int64 on the CPU, in the caller's order."""
        return self._to_caller(self.packed_lengths)

    @property
    def packed_lengths(self) -> Tensor:
        """`[B]` int64 on the CPU, longest first."""
        if "lengths" not in self._index:
            sizes = _integers([*self.batch_sizes, 0])
            counts = torch.zeros_like(_count(self.rows))
            # a row's length is the number of batch sizes above its position
            drops = sizes[:-1] - sizes[1:]
            ends = torch.repeat_interleave(_count(len(sizes))[1:], drops)
            counts[: len(ends)] = ends.flip(0)
            self._index["lengths"] = counts
        return self._index["lengths"]

    @property
    def steps(self) -> int:
        """The length of the longest row."""
        return len(self.batch_sizes)

    @property
    def offsets(self) -> list[int]:
        """Where each step begins in `data`."""
        return [0, *accumulate(self.batch_sizes)][:-1]

    @property
    def row_of(self) -> Tensor:
        """`[N]` int64 on data's device: the packed row that each place of `data` belongs to."""
        return self._positions()[0]

    @property
    def step_of(self) -> Tensor:
        """`[N]` int64 on data's device: the step that each place of `data` belongs to."""
        return self._positions()[1]

    @property
    def is_dense(self) -> bool:
        """Whether every row has every step."""
        return all(size == self.rows for size in self.batch_sizes)

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        return (
            f"Ragged({self.rows} rows, {self.steps} steps at most, "
            f"data {list(self.data.shape)} {self.data.dtype})"
        )

    # changing the values, not the layout

    def with_data(self, data: Tensor) -> Ragged:
        """The same rows holding other values `[N, ...]`."""
        other = Ragged(data, self.batch_sizes, self.order, self.rows)
        if data.device == self.data.device:
            other._index = self._index
        return other

    def map(self, function: Callable[[Tensor], Tensor]) -> Ragged:
        """`function` over all places at once: it must keep `[N]` as its first dimension."""
        return self.with_data(function(self.data))

    def to(self, *args: Any, **kwargs: Any) -> Ragged:
        """As `Tensor.to`."""
        data = self.data.to(*args, **kwargs)
        return Ragged(
            data, self.batch_sizes, None if self.order is None else self.order.to(data.device), self.rows
        )

    def reversed(self) -> Ragged:
        """Every row turned round in time."""
        rows, steps = _positions(self.batch_sizes)
        there = self.packed_lengths[rows] - 1 - steps
        places = _integers(self.offsets)[there] + rows
        return self.with_data(self.data.index_select(0, places.to(self.data.device)))

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Functions that act on each place alone take a Ragged as they take its data."""
        if function not in _PLACEWISE:
            raise Fault(
                f"{getattr(function, '__name__', function)} does not act on each step alone: "
                f"call it on .data, or on .to_padded()"
            )
        named = kwargs or {}
        batches = [value for value in (*args, *named.values()) if isinstance(value, Ragged)]
        if len(batches) > 1:
            raise Fault("two ragged batches can't be combined place by place: work on their .data")
        plain = [value.data if isinstance(value, Ragged) else value for value in args]
        named = {name: value.data if isinstance(value, Ragged) else value for name, value in named.items()}
        return batches[0].with_data(function(*plain, **named))

    # the ends of rows

    def last(self) -> Tensor:
        """`[B, ...]` in the caller's order: each row's last step; zeros for a row of length 0."""
        lengths = self.packed_lengths
        present = int((lengths > 0).sum())
        offsets = _integers(self.offsets)
        places = offsets[lengths[:present] - 1] + _count(present)
        ends = self.data.index_select(0, places.to(self.data.device))
        if present < self.rows:
            ends = torch.cat([ends, ends.new_zeros(self.rows - present, *ends.shape[1:])])
        return self.unsort(ends)

    def unsort(self, packed_rows: Tensor) -> Tensor:
        """`[B, ...]` in packed order -> in the caller's order."""
        return packed_rows if self.order is None else packed_rows.index_select(0, self._inverse())

    def sort(self, caller_rows: Tensor) -> Tensor:
        """`[B, ...]` in the caller's order -> in packed order."""
        return caller_rows if self.order is None else caller_rows.index_select(0, self.order)

    # to other forms

    def to_list(self) -> list[Tensor]:
        """Tensors `[T_i, ...]` in the caller's order."""
        return list(torch.split(self.to_joined(), self.lengths.tolist()))

    def to_joined(self) -> Tensor:
        """`[N, ...]`: the rows one after another, in the caller's order."""
        rows, steps = _positions(self.batch_sizes)
        lengths = self.lengths
        starts = torch.cumsum(lengths, 0) - lengths
        starts = starts if self.order is None else starts.index_select(0, self.order.cpu())
        places = torch.zeros_like(rows)
        places[starts[rows] + steps] = _count(len(rows))
        return self.data.index_select(0, places.to(self.data.device))

    def to_padded(self, value: float = 0.0, batch_first: bool = True) -> tuple[Tensor, Tensor]:
        """`[B, T, ...]` (or `[T, B, ...]`) filled up with `value`, and lengths `[B]`: the caller's order."""
        if self.is_dense:
            padded = self.data.reshape(self.steps, self.rows, *self.data.shape[1:])
        else:
            padded = self.data.new_full((self.steps, self.rows, *self.data.shape[1:]), value)
            padded = padded.index_put((self.step_of, self.row_of), self.data)
        if self.order is not None:
            padded = padded.index_select(1, self._inverse())
        return (padded.transpose(0, 1) if batch_first else padded), self.lengths

    def to_packed(self) -> PackedSequence:
        """torch's packed sequence; a Fault when a row has length 0, which torch can't hold."""
        if self.rows and (not self.batch_sizes or self.batch_sizes[0] < self.rows):
            raise Fault("a PackedSequence can't hold rows of length 0: remove them, or keep the Ragged")
        inverse = None if self.order is None else self._inverse()
        return PackedSequence(self.data, _integers(self.batch_sizes), self.order, inverse)

    def to_nested(self) -> Tensor:
        """A jagged nested tensor in the caller's order."""
        return torch.nested.as_nested_tensor(self.to_list(), layout=torch.jagged)

    # private

    def _inverse(self) -> Tensor:
        if "inverse" not in self._index:
            assert self.order is not None
            self._index["inverse"] = torch.argsort(self.order)
        return self._index["inverse"]

    def _to_caller(self, on_cpu: Tensor) -> Tensor:
        return on_cpu if self.order is None else on_cpu.index_select(0, self._inverse().cpu())

    def _positions(self) -> tuple[Tensor, Tensor]:
        if "rows" not in self._index:
            rows, steps = _positions(self.batch_sizes)
            self._index["rows"] = rows.to(self.data.device)
            self._index["steps"] = steps.to(self.data.device)
        return self._index["rows"], self._index["steps"]


def _require_lengths() -> None:
    """Fault where a trace would keep these lengths for all later ones."""
    if jit_records():
        raise Fault(
            "torch.jit.trace, and ONNX by it, would fix the lengths of these rows for ever: trace the model "
            "over one tensor [batch, time, features], or use torch.export.export"
        )


def _integers(values: Sequence[int]) -> Tensor:
    """int64 on the CPU, whatever the default device."""
    return torch.tensor(values, dtype=torch.int64, device="cpu")


def _count(size: int) -> Tensor:
    """0 to size - 1, int64 on the CPU."""
    return torch.arange(size, device="cpu")


def _batch_sizes(ordered: Tensor) -> list[int]:
    """Lengths, longest first -> how many rows have each step."""
    longest = int(ordered[0]) if len(ordered) else 0
    counts = torch.bincount(ordered, minlength=longest + 1)
    return (counts.flip(0).cumsum(0).flip(0))[1:].tolist()


def _positions(sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Packed row and step of every place, on the CPU."""
    counts = _integers(sizes)
    steps = torch.repeat_interleave(_count(len(sizes)), counts)
    starts = torch.cumsum(counts, 0) - counts
    return _count(int(counts.sum())) - starts[steps], steps


_PLACEWISE = {
    torch.nn.functional.linear,
    torch.nn.functional.dropout,
    torch.nn.functional.embedding,
    torch.nn.functional.layer_norm,
    torch.nn.functional.relu,
    torch.nn.functional.gelu,
    torch.nn.functional.silu,
    torch.nn.functional.leaky_relu,
    torch.relu,
    torch.tanh,
    torch.sigmoid,
}
