"""Programs of torch's that write down what a model does: `torch.jit.trace`, `torch.fx`, `torch.export`.

The first two follow each operation of torch, and no library of ours: a loop over time is unrolled for the
one, and one node for the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.jit import TracerWarning  # type: ignore[attr-defined]

from recurra.errors import Fault


def jit_records() -> bool:
    """Whether `torch.jit.trace` is at work, or what stands on it: `torch.onnx.export(dynamo=False)`,
    TensorBoard's `add_graph`.

    It then gives sizes as tensors, and a tensor's memory must not be read past torch.
    """
    return torch._C._get_tracing_state() is not None


@contextmanager
def unrecorded() -> Iterator[None]:
    """Nothing inside is written down by `torch.jit.trace`, and sizes are whole numbers."""
    state = torch._C._get_tracing_state()
    set_state: Any = torch._C._set_tracing_state  # type: ignore[attr-defined]
    set_state(None)
    try:
        yield
    finally:
        set_state(state)


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """The shape, in whole numbers under `torch.jit.trace` too."""
    if not jit_records():
        return tuple(tensor.shape)
    with unrecorded():
        return tuple(tensor.shape)


@contextmanager
def sizes_fixed() -> Iterator[None]:
    """Inside, torch does not warn of each size that Recurra reads: `same_size` lets no other one pass."""
    with warnings.catch_warnings():
        # with a default device, sizes are read through torch's own mode for it
        for module in (r"recurra\.", r"torch\.utils\._device"):
            warnings.filterwarnings("ignore", category=TracerWarning, module=module)
        yield


def same_size(x: Tensor) -> Tensor:
    """x, and where a trace is run on another batch or another number of steps, torch's error instead of
    wrong numbers.
    """
    for dim, size in enumerate(shape_of(x)[:2]):
        if size:
            (x,) = torch.split(x, [size], dim)
    return x


def fx_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """The call as one node of the graph that `torch.fx.symbolic_trace` writes; None where none does."""
    proxy = next((value for value in (*args, *kwargs.values()) if isinstance(value, Proxy)), None)
    if proxy is None:
        return None
    root: nn.Module = proxy.tracer.root  # type: ignore[attr-defined]
    path = next((name for name, part in root.named_modules() if part is module), "")
    if not path:
        raise Fault(
            f"{type(module).__name__} is one node of the graph that torch.fx writes: trace a model that has "
            f"it as a part, and not the layer alone"
        )
    return proxy.tracer.create_proxy("call_module", path, args, kwargs)


def refuse_script(who: str) -> NoReturn:
    """The Fault of `torch.jit.script`, which compiles source that it can't read."""
    raise Fault(
        f"{who}: torch.jit.script can't compile a loop of Recurra's: use torch.jit.trace, "
        f"torch.export.export or torch.compile; a model to be scripted keeps torch.nn's own layers"
    )
