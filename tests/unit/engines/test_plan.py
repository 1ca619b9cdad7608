"""What the native engine keeps of a loop."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

pytest.importorskip("recurra.engines.native._engine", reason="the native library is not built")

from recurra.engines.native import plan as plans
from recurra.engines.native.engine import NativeEngine
from recurra.engines.native.plan import native_plan, plan_or_refusal
from recurra.engines.native.serial import loop_of, text_of
from recurra.lowering.lower import lower
from recurra.program import Loop, Untraceable, Value


def running_sum() -> Loop:
    values = (Value("x", (), ("x",), (3,)), Value("state", (), ("s",), (3,)), Value("add", (0, 1), (), (3,)))
    return Loop(values, (0,), (), (1,), (2,), (2,), (2,))


def run(loop: Loop) -> None:
    x = torch.ones(4, 3, requires_grad=True)
    y, _ = NativeEngine().run(loop, [x], [], [torch.zeros(2, 3)], [2, 2], False)
    torch.autograd.grad(y[0].sum(), x)


def test_a_loop_is_lowered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[Loop] = []

    def counted(loop: Loop, watched: bool) -> object:
        loops.append(loop)
        return lower(loop, watched)

    monkeypatch.setattr(plans, "lower", counted)
    loop = running_sum()
    assert NativeEngine().refusal(loop, torch.zeros(1)) is None
    for _ in range(2):
        run(loop)
        text_of(loop)
    assert loops == [loop]
    assert plan_or_refusal(loop) is native_plan(loop)


@pytest.mark.parametrize("use", [run, text_of])
def test_it_dies_with_the_loop(use: Callable[[Loop], object]) -> None:
    loop = running_sum()
    gone = [weakref.ref(loop), weakref.ref(native_plan(loop))]
    use(loop)
    key = (id(loop), False)
    assert key in plans._PLANS
    del loop
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert key not in plans._PLANS


def test_a_loop_stays_plain_data() -> None:
    loop = running_sum()
    fields = set(vars(loop))
    run(loop)
    text = text_of(loop)
    assert set(vars(loop)) == fields
    other = copy.deepcopy(loop)
    assert other == loop
    assert native_plan(other) is not native_plan(loop)
    assert text_of(loop_of(text)) == text


def test_a_refusal_is_remembered_in_words() -> None:
    loop = running_sum()
    stateless = Loop(loop.values, (0, 1), (), (), (2,), (), (2,))
    strange = replace(loop, values=(*loop.values[:2], Value("sort", (0,), (), (3,))))
    for refused, reason in ((stateless, "nothing is carried"), (strange, "sort has no primitives")):
        words = plan_or_refusal(refused)
        assert isinstance(words, str)
        assert reason in words
        assert plan_or_refusal(refused) is words
        assert NativeEngine().refusal(refused, torch.zeros(1)) == words
        with pytest.raises(Untraceable, match=reason):
            native_plan(refused)
