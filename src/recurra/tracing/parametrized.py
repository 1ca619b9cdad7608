"""Parametrized weights that are computed, and whose masks are drawn, once a run.

`torch.nn.utils.parametrize.cached` does so for the whole process: what one thread computes under `no_grad`
another one trains with, and threads that enter and leave it in turn leave it on. Here a weight stays with
the thread that runs, and with its run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized


class _Runs(threading.local):
    """What the run of this thread has computed: (id of a module, name of a weight) -> the weight."""

    weights: dict[tuple[int, str], Tensor] | None = None


_RUNS = _Runs()
_CHANGING = threading.Lock()


@contextmanager
def once_a_run(module: nn.Module) -> Iterator[None]:
    """Every parametrized weight of the module and its parts is computed at most once inside, by this thread.

    A weight that torch's own cache may have is neither read nor replaced. A run within a run goes on with
    what that one has computed.
    """
    if _RUNS.weights is not None or not prepare(module):
        yield
        return
    _RUNS.weights = {}
    try:
        yield
    finally:
        _RUNS.weights = None


def prepare(module: nn.Module) -> bool:
    """Lets parametrized weights look for those of a run before they do what torch does; whether there are any.

    Torch gives each parametrized module a class of its own, with a property for each weight: there it is put
    in, once and for good, for nothing else can be seen by one thread alone.
    """
    parts: list[Any] = [part for part in module.modules() if is_parametrized(part)]
    for part in parts:
        kind = type(part)
        for name in part.parametrizations:
            with _CHANGING:
                plain = kind.__dict__.get(name)
                if isinstance(plain, property) and not isinstance(plain, _OnceARun):
                    setattr(kind, name, _once(plain, name))
    return bool(parts)


class _OnceARun(property):
    """A weight's property that `prepare` has put in."""


def _once(plain: property, name: str) -> _OnceARun:
    get = plain.fget
    assert get is not None

    def weight(part: Any) -> Tensor:
        if torch.compiler.is_compiling() or (weights := _RUNS.weights) is None:
            return get(part)  # type: ignore[no-any-return]
        key = id(part), name
        if key not in weights:
            weights[key] = part.parametrizations[name]()
        return weights[key]

    return _OnceARun(weight, plain.fset)
