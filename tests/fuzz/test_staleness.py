"""Settings of random shape, of which one after the other changes: the plan is that of the cell as it is."""

from __future__ import annotations

import random as python_random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import make_dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from recurra.loop.plan import plan_of
from tests.laws.loops import assert_same, by_hand, by_scan
from tests.laws.table import features
from tests.laws.user_cells import Both

Random = python_random.Random


class Slotted:
    __slots__ = ("inside",)

    def __init__(self, inside: Any) -> None:
        self.inside = inside


class Plain:
    def __init__(self, inside: Any) -> None:
        self.inside = inside


Field = make_dataclass("Field", [("inside", object)])


class Part(nn.Module):
    def __init__(self, inside: Any) -> None:
        super().__init__()
        self.inside = inside


def of_class(inside: Any) -> type:
    return type("Holder", (), {"inside": inside})


def enclosed(inside: Any) -> Callable[[], Any]:
    return lambda: inside


CONTAINERS: list[Callable[[Any], Any]] = [
    lambda inside: {"inside": inside},
    lambda inside: [0, inside],
    lambda inside: (inside, "x"),
    lambda inside: deque([inside]),
    lambda inside: SimpleNamespace(inside=inside),
    *(Slotted, Plain, Field, Part, of_class, enclosed),
]


def number(value: Any) -> float:
    """The one number at the bottom of a setting."""
    while not isinstance(value, float):
        if isinstance(value, dict):
            value = value["inside"]
        elif isinstance(value, list):
            value = value[1]
        elif isinstance(value, (tuple, deque)):
            value = value[0]
        elif isinstance(value, type) or not callable(value):
            value = value.inside
        else:
            value = value.inside if isinstance(value, nn.Module) else value()
    return value


def change(value: Any, leaf: float) -> bool:
    """Changes the number in place, where anything on the way to it can be changed."""
    inside = next(_insides(value))
    if isinstance(inside, float):
        return _put(value, leaf)
    return change(inside, leaf) or _put(value, _rebuilt(inside, leaf))


def _insides(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value["inside"]
    elif isinstance(value, list):
        yield value[1]
    elif isinstance(value, (tuple, deque)):
        yield value[0]
    elif isinstance(value, (type, nn.Module)) or not callable(value):
        yield value.inside
    else:
        yield value()


def _put(value: Any, inside: Any) -> bool:
    if isinstance(value, dict):
        value["inside"] = inside
    elif isinstance(value, list):
        value[1] = inside
    elif isinstance(value, deque):
        value[0] = inside
    elif isinstance(value, (type, nn.Module)) or not (callable(value) or isinstance(value, tuple)):
        value.inside = inside
    elif callable(value):
        value.__closure__[0].cell_contents = inside
    else:
        return False
    return True


def _rebuilt(value: Any, leaf: float) -> Any:
    """A tuple with another number at its bottom."""
    inside = value[0]
    return (leaf if isinstance(inside, float) else _rebuilt(inside, leaf), *value[1:])


class Tuned(Both):
    def more(self, hidden_size: int) -> None:
        self.names: list[str] = []

    def new(self, total: Tensor, h: Tensor) -> Tensor:
        factor = number(self.first) * number(self.second) * number(self._third)
        return torch.tanh(total * factor)


def setting(random: Random) -> Any:
    value: Any = random.uniform(0.5, 1.5)
    for _ in range(random.randrange(6)):
        value = random.choice(CONTAINERS)(value)
    return value


def test_settings_of_any_shape(rounds: Iterator[Random]) -> None:
    for random in rounds:
        cell = Tuned(3, 4).double()
        for name in ("first", "second", "_third"):
            setattr(cell, name, setting(random))
        rows = features(2)
        for _ in range(5):
            name = random.choice(["first", "second", "_third", "unread"])
            plan = plan_of(cell)
            if name == "unread":
                cell.unread = random.random()
                assert plan_of(cell) is plan
            else:
                value = getattr(cell, name)
                leaf = random.uniform(0.5, 1.5)
                if isinstance(value, float) or random.random() < 0.2 or not change(value, leaf):
                    delattr(cell, name)  # a part gives its name to a part alone
                    setattr(cell, name, setting(random))
            ours = by_scan(cell, rows, cell.initial_state(1))
            assert_same(ours, by_hand(cell, rows, cell.initial_state(1)))
            assert plan_of(cell).program is not None, plan_of(cell).reason
