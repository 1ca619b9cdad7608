"""A loop as text and back, so that a recorded graph can hold it as a constant."""

from __future__ import annotations

import json
from functools import lru_cache

import torch

from recurra.program import Loop, Value


def text_of(loop: Loop) -> str:
    """A loop as JSON; the same loop always gives the same text. Made once for each loop object."""
    kept = vars(loop)
    if "native_text" not in kept:
        kept["native_text"] = _written(loop)
    text: str = kept["native_text"]
    return text


@lru_cache(maxsize=256)
def loop_of(text: str) -> Loop:
    """The loop that a text describes: one object for each text."""
    held = json.loads(text)
    values = tuple(
        Value(op, tuple(args), tuple(_read(a) for a in attrs), tuple(shape), fixed)
        for op, args, attrs, shape, fixed in held.pop("values")
    )
    return Loop(values, **{_GROUPS[name]: tuple(numbers) for name, numbers in held.items()})


_GROUPS = {
    "steps": "inputs",  # as graphs that are exported already call them
    "fixed": "fixed",
    "states": "states",
    "body": "body",
    "next_states": "next_states",
    "outputs": "outputs",
}
"""Name in the text -> attribute of a `Loop`."""


def _written(loop: Loop) -> str:
    used = sorted({n for group in _GROUPS.values() for n in getattr(loop, group)})
    place = {number: k for k, number in enumerate(used)}
    body = set(loop.body)
    values = []
    for number in used:
        value = loop.values[number]
        # beside the body only the shape of a value matters, and the number that a `fill` holds
        inside = number in body or value.op == "fill"
        args = [place[arg] for arg in value.args] if number in body else []
        attrs = [_write(a) for a in value.attrs] if inside else []
        values.append([value.op if inside else "x", args, attrs, list(value.shape), value.fixed])
    groups = {name: [place[n] for n in getattr(loop, group)] for name, group in _GROUPS.items()}
    return json.dumps({"values": values, **groups}, separators=(",", ":"))


def _write(attr: object) -> object:
    return {"dtype": str(attr).removeprefix("torch.")} if isinstance(attr, torch.dtype) else attr


def _read(attr: object) -> object:
    return getattr(torch, attr["dtype"]) if isinstance(attr, dict) else attr
