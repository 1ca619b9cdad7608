"""Reading a step apart from whatever runs around it.

A step may first be met under autocast, inside a functorch transform, while a model is exported, or in
inference mode. Its program is the same in all of them, so it is read outside of each.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._guards import tracing
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import _disable_current_modes


@contextmanager
def plain_torch(device: torch.device) -> Iterator[None]:
    """Plain torch inside: no autocast, transform, tracing, inference mode or cached weights."""
    with ExitStack() as stack:
        stack.enter_context(temporarily_clear_interpreter_stack())
        stack.enter_context(_disable_current_modes())
        stack.enter_context(tracing(None))
        stack.enter_context(torch.inference_mode(False))
        for kind in {"cpu", device.type}:
            if torch.amp.is_autocast_available(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(_uncached())
        stack.enter_context(_quiet("torch._subclasses.fake_tensor"))
        yield


def stand_in(weight: Tensor) -> Tensor:
    """The weight itself, or numbers in its place where a transform has none to show."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(weight) or isinstance(weight, FakeTensor)
    if not wrapped:
        return weight.detach()
    made = torch.zeros(weight.shape, dtype=weight.dtype, device=weight.device)
    if not weight.is_floating_point():
        return made
    generator = torch.Generator(weight.device).manual_seed(0)
    return made.normal_(generator=generator)


@contextmanager
def _uncached() -> Iterator[None]:
    """Parametrized weights that the caller's `parametrize.cached()` holds are neither read nor replaced."""
    before = parametrize._cache, parametrize._cache_enabled
    parametrize._cache, parametrize._cache_enabled = {}, 0
    try:
        yield
    finally:
        parametrize._cache, parametrize._cache_enabled = before


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """torch writes a traceback to its log before it raises what becomes a reason here."""
    log = logging.getLogger(logger)
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def apart(module: nn.Module) -> nn.Module | None:
    """A copy of the module and its parts that shares their tensors; None where something can't be copied."""
    shared: dict[int, object] = {}
    for part in module.modules():
        for held in (*part._parameters.values(), *part._buffers.values(), *part.__dict__.values()):
            if isinstance(held, Tensor):
                shared[id(held)] = held
    try:
        return copy.deepcopy(module, shared)
    except Exception:  # whatever an attribute's own copying raises
        return None
