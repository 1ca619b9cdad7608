"""Tensors that do not fit, at every entrance of the native library: the numbers of the plain loop, or an
exception; never other numbers, nor memory of someone else.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")

import recurra.nn
from recurra import Ragged, Stepper, cells, scan
from recurra.engines import EagerEngine, choose
from recurra.engines.native.engine import NativeEngine
from recurra.engines.native.library import column_sums, matrix_product
from recurra.engines.native.operators import backward_operator, loop_operator
from recurra.engines.native.plan import native_plan
from recurra.engines.native.product import product
from recurra.engines.native.serial import text_of
from recurra.loop.plan import plan_of
from recurra.state import map_state, named_leaves

REFUSALS = (ValueError, RuntimeError, TypeError, IndexError, NotImplementedError)
"""A Fault is a ValueError; the others are torch's own, where it sees a tensor first."""


class Wrapped(Tensor):
    """Numbers that lie in another tensor."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Wrapped:
        whole: Wrapped = Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)  # type: ignore[attr-defined]
        whole.inner = inner
        return whole

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def bare(t: Any) -> Any:
            return t.inner if isinstance(t, Wrapped) else t

        return function(*tree_map(bare, args), **tree_map(bare, kwargs or {}))


class Named(Tensor):
    """An ordinary tensor under a name of its own."""


def _strange(t: Tensor) -> Tensor:
    return (t + 1j * t).imag if not t.is_complex() else t


SPOILS: list[Callable[[Tensor, Random], Tensor]] = [
    lambda t, random: t,
    lambda t, random: t.to(random.choice([torch.float64, torch.float16, torch.bfloat16])),
    lambda t, random: t.to(random.choice([torch.int64, torch.bool, torch.complex64])),
    lambda t, random: t.narrow(-1, 0, random.randint(0, t.shape[-1])) if t.dim() else t,
    lambda t, random: t.narrow(0, 0, random.randint(0, t.shape[0])) if t.dim() else t,
    lambda t, random: torch.cat([t] * random.randint(2, 3), random.randrange(t.dim())) if t.dim() else t,
    lambda t, random: t.unsqueeze(random.randint(0, t.dim())),
    lambda t, random: t.reshape(-1),
    lambda t, random: t.sum(),
    lambda t, random: t.to("meta"),
    lambda t, random: t.to_sparse(),
    lambda t, random: t.to_mkldnn() if t.dtype is torch.float32 else t,
    lambda t, random: t[:1].expand(t.shape) if t.dim() and len(t) else t,
    lambda t, random: t[..., :1].expand(t.shape) if t.dim() and t.shape[-1] else t,
    lambda t, random: t.transpose(0, -1).contiguous().transpose(0, -1) if t.dim() else t,
    lambda t, random: t.transpose(0, -1) if t.dim() else t,
    lambda t, random: torch.stack([t, -t], -1)[..., 0],
    lambda t, random: torch.cat([t.reshape(-1)[:1], t.reshape(-1)])[1:].view(t.shape),
    lambda t, random: torch._neg_view(-t),
    lambda t, random: (
        torch.stack([t.conj(), t]).conj().real[0]
        if t.is_complex()
        else torch.complex(t, -t).conj().imag
        if t.dtype in (torch.float32, torch.float64)
        else t
    ),
    lambda t, random: t.clone().requires_grad_() if t.is_floating_point() else t,
    lambda t, random: t.new_zeros(0, *t.shape[1:]) if t.dim() else t,
    lambda t, random: t.new_zeros(()),
    lambda t, random: Wrapped(t),
    lambda t, random: t.as_subclass(Named),  # type: ignore[arg-type]
    lambda t, random: nn.Parameter(t) if t.is_floating_point() else t,
    lambda t, random: torch.as_strided(t, t.shape, (1,) * t.dim()) if t.is_contiguous() else t,
]


def spoil(random: Random, t: Tensor) -> Tensor:
    for _ in range(random.choice([1, 1, 1, 2])):
        with suppress(REFUSALS):  # of two that can't follow each other
            t = random.choice(SPOILS)(t, random)
    return t


def spoil_some(random: Random, tensors: list[Tensor]) -> list[Tensor]:
    chosen = {random.randrange(len(tensors)) for _ in range(random.randint(1, 2))}
    return [spoil(random, t) if k in chosen else t for k, t in enumerate(tensors)]


def spoil_sizes(random: Random, sizes: list[int]) -> list[int]:
    """Batch sizes, now and then others: growing, negative, too many."""
    sizes = list(sizes)
    if random.random() < 0.2:
        change = random.choice(["more", "grow", "minus", "longer", "none"])
        if change == "none":
            return []
        k = random.randrange(len(sizes)) if sizes else 0
        if change == "longer":
            return [*sizes, random.randint(0, 3)]
        if sizes:
            sizes[k] = {"more": sizes[k] + 2, "grow": sizes[0] + 1, "minus": -sizes[k]}[change]
    return sizes


@contextmanager
def engine_named(name: str) -> Iterator[None]:
    previous = os.environ.get("RECURRA_ENGINE")
    os.environ["RECURRA_ENGINE"] = name
    try:
        yield
    finally:
        if previous is None:
            del os.environ["RECURRA_ENGINE"]
        else:
            os.environ["RECURRA_ENGINE"] = previous


def tensors_in(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, Ragged):
        return [result.data]
    if isinstance(result, dict):
        return [t for part in result.values() for t in tensors_in(part)]
    return [t for part in result or () for t in tensors_in(part)]


def agree(run: Callable[[], Any], judge: Callable[[], Any], rough: bool = False) -> bool:
    """Whether the run ended in numbers; they are then those of the judge, types and shapes too."""
    try:
        results = tensors_in(run())
    except REFUSALS:
        return False
    expected = tensors_in(judge())
    assert len(results) == len(expected)
    for one, other in zip(results, expected, strict=True):
        assert (one.dtype, one.shape, one.device) == (other.dtype, other.shape, other.device)
        if one.device.type == "meta":
            continue
        low = torch.finfo(one.dtype).bits < 32 if one.is_floating_point() else False
        tolerance = 0.1 if low or rough else 1e-3
        torch.testing.assert_close(
            one.detach(), other.detach(), rtol=tolerance, atol=tolerance, equal_nan=True
        )
    return True


CELLS: list[Callable[[], cells.Cell]] = [
    lambda: cells.LSTM(3, 4),
    lambda: cells.GRU(3, 4),
    lambda: cells.VanillaRNN(3, 4),
    lambda: cells.PeepholeLSTM(2, 5),
    lambda: cells.LayerNormGRU(3, 4),
    lambda: cells.Jordan(3, 4, output_size=2),
]
BUILT = [build() for build in CELLS]


def of_scan(random: Random) -> bool:
    cell = random.choice(BUILT)
    lengths = [random.randint(0, 4) for _ in range(random.randint(1, 3))]
    rows = Ragged.from_list([torch.randn(n, cell.input_size) for n in lengths])
    state = map_state(torch.randn_like, cell.initial_state(len(lengths)))
    if random.random() < 0.5:
        state = map_state(lambda leaf: spoil(random, leaf), state)
    data, sizes = rows.data, list(rows.batch_sizes)
    if random.random() < 0.5:
        data = spoil(random, data)
    sizes = spoil_sizes(random, sizes)
    reverse, grad = random.random() < 0.5, random.random() < 0.5

    def run() -> Any:
        x = Ragged(data, sizes, rows.order, len(rows))
        with torch.set_grad_enabled(grad):
            y, final = scan(cell, x, state, reverse=reverse)
        shares: Any = ()
        if y.data.requires_grad and y.data.is_floating_point():
            weights = [t for t in (data, *cell.parameters()) if t.requires_grad and t.is_leaf]
            total = y.data.float().square().sum()
            shares = [t for t in torch.autograd.grad(total, weights, allow_unused=True) if t is not None]
        return [y.data, *named_leaves(final).values(), *shares]

    def judge() -> Any:
        with engine_named("eager"):
            return run()

    return agree(run, judge)


def of_drop_in(random: Random) -> bool:
    module = getattr(recurra.nn, random.choice(["LSTM", "GRU", "RNN"]))(3, 4, batch_first=True)
    x, h = torch.randn(2, 5, 3), torch.randn(1, 2, 4)
    hx: Any = (h, torch.randn(1, 2, 4)) if module.mode == "LSTM" else h
    what = random.choice(["x", "hx", "weight"])
    if what == "x":
        x = spoil(random, x)
    elif what == "hx":
        hx = tuple(spoil_some(random, list(hx))) if isinstance(hx, tuple) else spoil(random, hx)
    else:
        name = random.choice([name for name, _ in module.named_parameters()])
        with torch.no_grad():
            weight = spoil(random, getattr(module, name).detach())
        delattr(module, name)
        setattr(module, name, weight)
    with torch.no_grad():
        return agree(lambda: module(x, hx), lambda: _by_torch(module, x, hx))


def _by_torch(module: nn.RNNBase, x: Tensor, hx: Any) -> Any:
    with engine_named("eager"):
        return module(x, hx)


def of_engine(random: Random) -> bool:
    """The loop itself, as a program that was made elsewhere would call it."""
    cell = random.choice(BUILT)
    program = plan_of(cell).program
    assert program is not None
    loop = choose(program, torch.empty(0)).loop
    values, sizes = loop.values, [3, 2, 2, 1]
    inputs = [torch.randn(sum(sizes), values[n].width) for n in loop.inputs]
    fixed = [torch.randn(values[n].shape) for n in loop.fixed]
    states = [torch.randn(3, values[n].width) for n in loop.states]
    several = spoil_some(random, [*inputs, *fixed, *states])
    sizes = spoil_sizes(random, sizes)
    plan, reverse = native_plan(loop), random.random() < 0.5
    rough = random.random() < 0.2
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=rough)

    def run(engine: Any) -> Any:
        with autocast:
            result = engine.run(loop, *plan.split(several), sizes, reverse)
        return [*result.outputs, *result.states]

    whole = agree(lambda: run(NativeEngine()), lambda: run(EagerEngine()), rough)
    with torch.no_grad():
        if random.random() < 0.5 and not any(t.is_complex() for t in several):
            _of_operator(random, text_of(loop), sizes, reverse, several, plan)
    return whole


def _of_operator(
    random: Random, text: str, sizes: list[int], reverse: bool, tensors: list[Tensor], plan: Any
) -> None:
    """As an exported graph calls them: nothing but an exception, or numbers."""
    needs = "1" * len(tensors)
    try:
        results = loop_operator(text, needs, sizes, reverse, tensors)
        count = plan.outputs + len(plan.step.states)
        kept = [*results[: plan.outputs], *results[count:]]
        gradients = [torch.randn_like(t) for t in results[:count]]
        kept, gradients = spoil_some(random, kept), spoil_some(random, gradients)
        backward_operator(text, needs, "1" * count, sizes, reverse, tensors, kept, gradients)
    except (*REFUSALS, AssertionError):
        pass


def of_product(random: Random) -> bool:
    x, weight, bias = spoil_some(random, [torch.randn(5, 3), torch.randn(3, 4), torch.randn(4)])
    given = (x, weight, *([bias] if random.random() < 0.7 else []))
    good = agree(lambda: product(*given), lambda: EagerEngine().product(*given))
    out = torch.zeros(5, 4)
    agree(lambda: (matrix_product(*given[:2], None, out), out)[1], lambda: given[0] @ given[1])
    agree(lambda: column_sums(x), lambda: x.sum(0))
    return good


def of_stepper(random: Random) -> bool:
    """Weights of a model that was changed by hand, and what is fed to it."""
    cell = copy.deepcopy(random.choice(BUILT)).eval()
    if random.random() < 0.7:
        module = random.choice([part for part in cell.modules() if part._parameters])
        name = random.choice([name for name, t in module._parameters.items() if t is not None])
        with torch.no_grad():
            weight = spoil(random, module._parameters.pop(name).detach())  # type: ignore[union-attr]
        setattr(module, name, weight)
    x = torch.randn(1, 2, cell.input_size)
    array: Any = x.numpy()
    if random.random() < 0.5:
        array = random.choice(
            [
                array.astype(np.float64),
                array[:, :, :-1],
                array[:, :0],
                array.T,
                array[..., ::-1],
                np.asfortranarray(array),
                array.astype(np.int64),
                array.astype(object),
                np.broadcast_to(array[:, :1], array.shape),
            ]
        )

    def run() -> Any:
        return torch.from_numpy(Stepper(cell).block(array).copy())

    def judge() -> Any:
        with engine_named("eager"):
            return scan(cell, torch.from_numpy(np.ascontiguousarray(array, np.float32)))[0]

    with torch.no_grad():
        return agree(run, judge)


ENTRANCES = (of_scan, of_drop_in, of_engine, of_product, of_stepper)


@pytest.mark.filterwarnings("ignore")
def test_whatever_is_handed_over(rounds: Iterator[Random]) -> None:
    for random in rounds:
        torch.manual_seed(random.randrange(2**31))
        for entrance in ENTRANCES:
            print(entrance.__name__)
            entrance(random)
