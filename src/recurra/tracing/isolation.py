"""Reading a step apart from whatever runs around it, and from whoever else holds its module.

A step may first be met under autocast, inside a functorch transform, while a model is exported, or in
inference mode. Its program is the same in all of them, so it is read outside of each (`plain_torch`), with
numbers in place of weights that have none to show there (`stand_in`), and on a copy of the module (`apart`),
so that no attribute changes under another thread that runs it.
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
    """No autocast (of the CPU and of the device), transform, tracing, inference mode, cached weights or hooks
    of saved tensors.
    """
    with ExitStack() as stack:
        stack.enter_context(temporarily_clear_interpreter_stack())
        stack.enter_context(_disable_current_modes())
        stack.enter_context(tracing(None))
        stack.enter_context(torch.inference_mode(False))
        for kind in {"cpu", device.type}:
            if torch.amp.is_autocast_available(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch._C._autograd._saved_tensors_hooks_is_enabled():  # type: ignore[attr-defined]
            # unless a transform at work forbids them: torch's checkpoints count what passes through theirs
            stack.enter_context(torch.autograd.graph.saved_tensors_hooks(_same, _same))
        stack.enter_context(_uncached())
        stack.enter_context(_quiet("torch._subclasses.fake_tensor"))
        yield


def _same(t: Tensor) -> Tensor:
    return t


@contextmanager
def _uncached() -> Iterator[None]:
    """Parametrized weights that the caller's `parametrize.cached()` holds are neither read nor replaced."""
    callers = parametrize._cache, parametrize._cache_enabled
    parametrize._cache, parametrize._cache_enabled = {}, 0
    try:
        yield
    finally:
        parametrize._cache, parametrize._cache_enabled = callers


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """torch writes a traceback to its log before it raises what becomes a reason here."""
    log = logging.getLogger(logger)
    was_disabled = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = was_disabled


def stand_in(weight: Tensor) -> Tensor:
    """The weight itself, detached, or random numbers of its shape where a transform has none to show."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(weight) or isinstance(weight, FakeTensor)
    if not wrapped:
        return weight.detach()
    numbers = torch.zeros(weight.shape, dtype=weight.dtype, device=weight.device)
    if not weight.is_floating_point():
        return numbers
    generator = torch.Generator(weight.device).manual_seed(0)
    return numbers.normal_(generator=generator)


def apart(module: nn.Module) -> nn.Module | None:
    """A copy of the module and its parts that shares their tensors; None where something can't be copied."""
    shared: dict[int, object] = {}
    for part in module.modules():
        for attribute in (*part._parameters.values(), *part._buffers.values(), *part.__dict__.values()):
            if isinstance(attribute, Tensor):
                shared[id(attribute)] = attribute
    try:
        return copy.deepcopy(module, shared)
    except Exception:  # whatever an attribute's own copying raises
        return None
