"""What a cell is: one time step, and the state it leaves to the next.

What it shares with a tree's cell (`recurra.cells.tree`), whose steps read several states, is `Stateful`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.registry import MODULES, Configured, Registry
from recurra.state import require_step
from recurra.tracing.side_effects import probe

CELLS = Registry("cell", plugins=("cells",))
"""Every registered cell by name."""

C = TypeVar("C", bound="type[Cell]")

_LIVING: WeakValueDictionary[int, Stateful] = WeakValueDictionary()


class Stateful(Configured):
    """A module with a named state: its sizes, how it starts, and the width of what its step shows."""

    State: ClassVar[Any]
    input_size: int
    hidden_size: int

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls, *args, **kwargs)
        _LIVING[id(self)] = self
        for name in ("input_size", "hidden_size", "slots"):
            if name in self.__dict__.get("config", {}):
                size, least = self.config[name], int(name != "input_size")
                if isinstance(size, int) and size < least:
                    raise Fault(f"{cls.__name__}: {name} is {size}, expected at least {least}")
                setattr(self, name, size)
        return self

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        """Field name -> the shape of one row."""
        return dict.fromkeys(self.required("State")._fields, (self.required("hidden_size"),))

    def initial_state(self, batch: int) -> Any:
        """The state before the first step, zeros unless a cell overrides this; leaves are `[batch, ...]`."""
        like, sizes = self.example(), self.state_sizes()
        return self.required("State")(**{name: like.new_zeros(batch, *size) for name, size in sizes.items()})

    @property
    def output_size(self) -> int:
        """Width of y, found by running one step of zeros unless the cell sets it."""
        if "_output_size" not in self.__dict__:
            try:
                self._output_size = self._width()
            except AttributeError as error:  # of a property, it would read as if there were no output_size
                raise Fault(f"{type(self).__name__}.step: {error}") from error
        return self._output_size

    @output_size.setter
    def output_size(self, width: int) -> None:
        self._output_size = width

    def _width(self) -> int:
        """Of y, by one step of zeros."""
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def example(self) -> Tensor:
        """A tensor of the type and on the device of this cell's weights (or buffers, where it has none)."""
        tensor = _first(self, "_parameters")
        tensor = _first(self, "_buffers") if tensor is None else tensor
        if tensor is None:
            return torch.empty(0)
        return tensor

    def required(self, name: str) -> Any:
        """An attribute that a subclass must have; a Fault that says how it comes to it where it has not."""
        value = getattr(self, name, None)
        if value is None:
            raise Fault(f"{type(self).__name__} has no {name}: {_HOW[name]}")
        return value


class Cell(Stateful):
    """One step of a recurrent network over a batch of rows.

    A subclass has a NamedTuple called `State` and a method `step`. Where every field of the state is
    `[B, hidden_size]` and starts at zero, as in most cells, nothing else is needed; otherwise it says so in
    `state_sizes` or `initial_state`.

    `super().__init__()` may be left out. The constructor takes `input_size` first, and `hidden_size` unless
    `state_sizes` does without; arguments of these names are attributes too.
    """

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One time step.

        Args:
            x: `[B, input_size]`.
            state: of the kind that `initial_state` gives, leaves `[B, ...]`.

        Returns:
            `y [B, output_size]`, and the next state, of the same names and shapes.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step(x, state)")

    def begin(self, state: Any) -> Any:
        """Called once with the state that a run over time is to start from, and gives the one it does start
        from: for what is drawn once a run.
        """
        return state

    def _width(self) -> int:
        x, state = self.example().new_zeros(1, self.required("input_size")), self.initial_state(1)
        y, _ = require_step(probe(self, x, state), 1, state, type(self).__name__)
        return y.shape[1]


def cell_of(number: int) -> Any:
    """The cell whose `id` this is. While torch records a graph, a number can be handed on where a module
    can't.
    """
    return _LIVING[number]


def _first(part: nn.Module, kind: str) -> Tensor | None:
    """The first floating-point tensor; at every run over time, so it walks the modules' own dictionaries."""
    for tensor in part.__dict__[kind].values():
        if tensor is not None and tensor.is_floating_point():
            return tensor  # type: ignore[no-any-return]
    for child in part.__dict__["_modules"].values():
        tensor = None if child is None else _first(child, kind)
        if tensor is not None:
            return tensor
    return None


_HOW = {
    "State": "give the class a NamedTuple called State, one tensor a field",
    "input_size": "name an argument of its constructor so, or set it there",
    "hidden_size": "name an argument of its constructor so, set it there, or override state_sizes",
}


def cell(name: str, *aliases: str) -> Callable[[C], C]:
    """Class decorator: registers a cell, so that recipes, files and the laws know it.

    Args:
        name: what files and lists call it.
        aliases: what people may call it too, in a recipe say.

    Raises Fault when the class can't be a cell, saying what it lacks.
    """

    def add(cls: C) -> C:
        if not issubclass(cls, Cell):
            raise Fault(f"{cls.__qualname__} is no recurra.Cell: derive it from Cell")
        if cls.step is Cell.step:
            raise Fault(f"{cls.__qualname__} has no method step(self, x, state)")
        MODULES.register(name)(cls)
        CELLS.register(name, *aliases)(cls)
        return cls

    return add
