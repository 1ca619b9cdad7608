"""Two directions that can stream: the backward one looks a stated number of steps ahead."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.bidirectional import merged, merged_size, require_two_directions
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("latency_controlled")
class LatencyControlled(Layer):
    """A bidirectional layer whose backward part sees a chunk and a look-ahead (Zhang et al., 2016).

    Rows are cut into chunks of `chunk` steps. For each, the backward layer starts afresh `lookahead` steps
    after the chunk's end (or at the row's end) and runs back to its start. An output is certain once
    `delay = chunk + lookahead - 1` further steps have been seen, at the latest.

    Args:
        forward: a causal layer.
        backward: a layer that runs from the last step to the first.
        chunk: steps whose outputs come together; at least 1.
        lookahead: further steps seen; at least 0, and 2 together with `chunk`.
        merge: `concat` or `sum`.

    The state is `{"forward": ..., "x": [B, n, input_size], "y": [B, n, F]}`: the forward layer's, and the
    n steps, with the forward layer's output, that wait for their look-ahead while streaming; n is 0 before
    and after whole rows.
    """

    def __init__(
        self, forward: Layer, backward: Layer, chunk: int, lookahead: int, merge: str = "concat"
    ) -> None:
        require_two_directions(forward, backward, merge)
        if not forward.causal:
            raise Fault(
                "the forward layer of LatencyControlled must be causal: it carries on from chunk to chunk"
            )
        if chunk < 1 or lookahead < 0 or chunk + lookahead < 2:
            raise Fault(
                f"chunk is {chunk} and lookahead {lookahead}, expected at least 1 and at least 0 steps, and "
                f"something for the backward layer to look at: 2 together"
            )
        self.forward_layer = forward
        self.backward_layer = backward
        self.chunk, self.lookahead = chunk, lookahead
        self.merge = merge
        self.input_size = forward.input_size

    @property
    def output_size(self) -> int:
        return merged_size(self.forward_layer, self.backward_layer, self.merge)

    @property
    def delay(self) -> int | None:
        return self.chunk + self.lookahead - 1

    def initial_state(self, batch: int) -> Any:
        like = next(self.parameters())
        return {
            "forward": self.forward_layer.initial_state(batch),
            "x": like.new_zeros(batch, 0, self.input_size),
            "y": like.new_zeros(batch, 0, self.forward_layer.output_size),
        }

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        final = self.initial_state(len(rows))
        if state is not None and state["x"].shape[1]:
            raise Fault(
                f"LatencyControlled: the state holds {state['x'].shape[1]} steps of a stream that wait for "
                f"their look-ahead: finish that stream before running whole rows from it"
            )
        there, final["forward"] = self.forward_layer(rows, None if state is None else state["forward"])
        return rows.with_data(merged(there.data, self._backward(rows, rows), self.merge)), final

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        there, forward = self.forward_layer.feed(x, state["forward"])
        x, there = torch.cat([state["x"], x], 1), torch.cat([state["y"], there], 1)
        ready = max(0, (x.shape[1] - self.lookahead) // self.chunk) * self.chunk
        y = self._emit(x[:, : ready + self.lookahead] if ready else x[:, :0], there[:, :ready])
        return y, {"forward": forward, "x": x[:, ready:], "y": there[:, ready:]}

    def finish(self, state: Any) -> Tensor | None:
        return self._emit(state["x"], state["y"]) if state["x"].shape[1] else None

    def refusal(self) -> Fault:
        return Fault(
            f"LatencyControlled gives its outputs up to {self.delay} steps late, so it has no step of its "
            f"own: feed it pieces (Stream does), and finish"
        )

    def _emit(self, x: Tensor, there: Tensor) -> Tensor:
        """The merged outputs of as many steps as `there` has; x may hold more."""
        back = self._backward(Ragged.from_dense(x), Ragged.from_dense(there))
        return merged(there, back.reshape(*there.shape[1::-1], back.shape[-1]).transpose(0, 1), self.merge)

    def _backward(self, rows: Ragged, targets: Ragged) -> Tensor:
        """The backward layer's output in the places of `targets`, whose rows are as long as those of `rows`
        or end with a chunk before them. All chunks are rows of one run.
        """
        lengths = rows.lengths
        counts = (targets.lengths + self.chunk - 1) // self.chunk
        firsts = torch.cumsum(counts, 0) - counts
        row = torch.repeat_interleave(torch.arange(len(lengths)), counts)
        begin = (torch.arange(len(row)) - firsts[row]) * self.chunk
        spans = (lengths[row] - begin).clamp(max=self.chunk + self.lookahead)
        starts = torch.cumsum(lengths, 0) - lengths
        y, _ = self.backward_layer(Ragged.from_joined(rows.to_joined(), starts[row] + begin, spans))
        # a step's place in y.data: where y's steps of its number in the chunk begin, plus the chunk's rank
        order = torch.arange(targets.rows) if targets.order is None else targets.order.cpu()
        steps = targets.step_of.cpu()
        chunk = firsts[order[targets.row_of.cpu()]] + steps // self.chunk
        rank = torch.arange(y.rows) if y.order is None else torch.argsort(y.order.cpu())
        places = torch.tensor(y.offsets, dtype=torch.int64)[steps % self.chunk] + rank[chunk]
        outputs: Tensor = y.data.index_select(0, places.to(y.data.device))
        return outputs
