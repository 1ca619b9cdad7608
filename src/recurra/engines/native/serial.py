"""A loop as text and back, so that a recorded graph can hold it as a constant."""

from __future__ import annotations

import json
import weakref
from functools import lru_cache

import torch

from recurra.engines.native.plan import NativePlan, native_plan
from recurra.program import Loop, Value

_GROUPS = ("steps", "fixed", "states", "body", "next_states", "outputs")
"""Names in the text, which exported graphs hold: a loop's groups of numbers, in the order of its fields."""

_PLANS: weakref.WeakValueDictionary[str, NativePlan] = weakref.WeakValueDictionary()
"""By text: of loops that live in this process, which a graph need not have lowered again."""


def text_of(loop: Loop) -> str:
    """A loop as JSON; the same loop always gives the same text. Made once for each loop object."""
    plan = native_plan(loop)
    if plan.text is None:
        plan.text = encoded(loop)
    _PLANS[plan.text] = plan
    return plan.text


def plan_of(text: str) -> NativePlan:
    """The plan of the loop that a text describes."""
    plan = _PLANS.get(text)
    return native_plan(loop_of(text)) if plan is None else plan


@lru_cache(maxsize=256)
def loop_of(text: str) -> Loop:
    """The loop that a text describes: one object for each text."""
    description = json.loads(text)
    values = tuple(
        Value(op, tuple(args), tuple(_decoded(a) for a in attrs), tuple(shape), fixed)
        for op, args, attrs, shape, fixed in description["values"]
    )
    return Loop(values, *(tuple(description[name]) for name in _GROUPS))


def encoded(loop: Loop) -> str:
    """A loop as JSON."""
    numbers = (loop.inputs, loop.fixed, loop.states, loop.body, loop.next_states, loop.outputs)
    members = sorted({n for group in numbers for n in group})
    place = {number: k for k, number in enumerate(members)}
    body = set(loop.body)
    values = []
    for number in members:
        value = loop.values[number]
        # beside the body only the shape of a value matters, and the number that a `fill` holds
        inside = number in body or value.op == "fill"
        args = [place[arg] for arg in value.args] if number in body else []
        attrs = [_encoded(a) for a in value.attrs] if inside else []
        values.append([value.op if inside else "x", args, attrs, list(value.shape), value.fixed])
    groups = {name: [place[n] for n in group] for name, group in zip(_GROUPS, numbers, strict=True)}
    return json.dumps({"values": values, **groups}, separators=(",", ":"))


def _encoded(attr: object) -> object:
    return {"dtype": str(attr).removeprefix("torch.")} if isinstance(attr, torch.dtype) else attr


def _decoded(attr: object) -> object:
    return getattr(torch, attr["dtype"]) if isinstance(attr, dict) else attr
