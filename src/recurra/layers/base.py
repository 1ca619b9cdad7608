"""What a layer is: a module over rows of steps, whole or piece by piece."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import Tensor

from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.recording import fx_call, jit_records, shape_of, sizes_fixed
from recurra.registry import Configured

Rows = TypeVar("Rows", Ragged, Tensor)


class Layer(Configured):
    """Rows of `[input_size]` a step in, rows of `[output_size]` a step out.

    A subclass writes `run` (and `step` where it is causal), sets `input_size` and gives `output_size` and
    `delay`. A state is a named tree (see `recurra.state`) with leaves `[B, ...]` in the caller's order, or
    None where nothing is remembered.
    """

    input_size: int

    @property
    def output_size(self) -> int:
        """Width of y."""
        raise NotImplementedError(f"{type(self).__name__} has no output_size")

    @property
    def delay(self) -> int | None:
        """How many later steps an output can depend on: 0 when causal, None when on the whole row."""
        return None

    @property
    def causal(self) -> bool:
        """Whether y at a step depends on nothing later."""
        return self.delay == 0

    def initial_state(self, batch: int) -> Any:
        """The state before the first step of `batch` rows."""
        return None

    def begin(self, state: Any) -> Any:
        """Called once with the state that steps are to start from, and gives the one they do start from, with
        what cells draw once a run. `forward` does so itself: this is for who calls `step` in training.
        """
        return state

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        """What `forward` does, over ragged rows alone."""
        raise NotImplementedError(f"{type(self).__name__} has no run(rows, state, resets)")

    def forward(
        self, x: Rows, state: Any = None, *, resets: Ragged | Tensor | None = None
    ) -> tuple[Rows, Any]:
        """Runs over whole rows.

        Args:
            x: a Ragged with data `[N, input_size]`, or a tensor `[B, T, input_size]` whose rows are all full.
            state: what the first step starts from; None: `initial_state`.
            resets: true where the state starts afresh before the step; of x's layout, `[N]` or `[B, T]`,
                bool. Refused by layers that are not causal.

        Returns:
            y of x's kind, and the state after each row's last step.

        Raises:
            Fault: x, state or resets of the wrong shape or type.
        """
        node = fx_call(self, x, state, resets=resets)
        if node is not None:
            return node  # type: ignore[no-any-return]
        if jit_records():
            with sizes_fixed():
                return self._run(x, state, resets)
        return self._run(x, state, resets)

    def _run(self, x: Rows, state: Any, resets: Ragged | Tensor | None) -> tuple[Rows, Any]:
        if isinstance(x, Ragged):
            rows = x
        elif isinstance(x, Tensor) and x.dim() == 3:
            rows = Ragged.from_dense(x)
        else:
            what = f"a tensor {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
            raise Fault(
                f"{type(self).__name__}: x is {what}, expected a Ragged or a tensor [batch, time, features]"
            )
        if resets is not None and not self.causal:
            raise Fault(f"{type(self).__name__} is not causal: resets have a meaning in causal layers alone")
        flags = Ragged.from_dense(resets) if isinstance(resets, Tensor) else resets
        y, final = self.run(rows, state, flags)
        if isinstance(x, Ragged):
            return y, final
        batch, length = shape_of(x)[:2]
        steps = y.steps if len(y) else length
        return y.data.reshape(steps, batch, shape_of(y.data)[-1]).transpose(0, 1), final

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step of a causal layer: `x [B, input_size]` -> `y [B, output_size]`, the next state."""
        raise self.refusal()

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The next steps `[B, T, input_size]` of rows that are not over; T may differ from call to call.

        Returns:
            the outputs that are certain by now, `[B, T', output_size]` (T' = T for a causal layer), and the
            state for the next call.
        """
        if not self.causal:
            raise self.refusal()
        if x.shape[1] != 1:
            return self(x, state)  # type: ignore[no-any-return]
        y, next_state = self.step(x[:, 0], state)
        return y.unsqueeze(1), next_state

    def finish(self, state: Any) -> Tensor | None:
        """The outputs `[B, T', output_size]` still held back when the rows end; None: none are."""
        return None

    def refusal(self) -> Fault:
        """Why this layer can't run step by step."""
        return Fault(
            f"{type(self).__name__} needs the whole row before its first output, so it can't run step by "
            f"step or be streamed: use a causal layer, or LatencyControlled with a stated look-ahead"
        )
