"""Reading a step apart from whatever runs around it, and from whoever else holds its module.

A step may first be met under autocast, inside a functorch transform, while a model is exported, or in
inference mode. Its program is the same in all of them, so it is read outside of each (`plain_torch`), with
numbers in place of weights that have none to show there (`stand_in`), and on a copy of the module (`apart`),
so that no attribute changes under another thread that runs it.
"""

from __future__ import annotations

import copy
import copyreg
import logging
import threading
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._guards import tracing
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import _disable_current_modes

from recurra.recording import unrecorded
from recurra.tracing.slots import slots_of


@contextmanager
def plain_torch(device: torch.device) -> Iterator[None]:
    """For this thread no autocast (of the CPU and of the device), transform, tracing, mode, inference mode or
    hooks of saved tensors.
    """
    with ExitStack() as stack:
        stack.enter_context(unrecorded())
        stack.enter_context(temporarily_clear_interpreter_stack())
        stack.enter_context(_disable_current_modes())
        stack.enter_context(_no_function_modes())
        stack.enter_context(tracing(None))
        stack.enter_context(torch.inference_mode(False))
        for kind in {"cpu", device.type}:
            if torch.amp.is_autocast_available(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch._C._autograd._saved_tensors_hooks_is_enabled():  # type: ignore[attr-defined]
            # unless a transform at work forbids them; torch's checkpoints count what passes through theirs
            stack.enter_context(torch.autograd.graph.saved_tensors_hooks(_same, _same))
        stack.enter_context(_quiet())
        yield


def _same(t: Tensor) -> Tensor:
    return t


@contextmanager
def _no_function_modes() -> Iterator[None]:
    """Modes that see calls of torch's functions: a default device, what an export notes of gradients."""
    stack: Any = torch.overrides
    modes = [stack._pop_mode() for _ in range(stack._len_torch_function_stack())]
    try:
        yield
    finally:
        for mode in reversed(modes):
            stack._push_mode(mode)


@contextmanager
def _quiet() -> Iterator[None]:
    """torch writes a traceback to its log before it raises what becomes a reason here."""
    outer = _THREAD.quiet
    _THREAD.quiet = True
    try:
        yield
    finally:
        _THREAD.quiet = outer


class _Thread(threading.local):
    quiet = False


_THREAD = _Thread()
# for good, as a logger is the whole process's: it lets through what other threads say
logging.getLogger("torch._subclasses.fake_tensor").addFilter(lambda record: not _THREAD.quiet)


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


def apart(module: nn.Module) -> nn.Module:
    """A copy of the module and its parts that shares their tensors, and whatever can't be copied."""
    memo: dict[int, Any] = {id(part): part for part in module.modules()}
    parts = [part for part in module.modules() if not isinstance(part, torch.jit.ScriptModule)]
    for part in parts:
        memo[id(part)] = _empty(type(part))
        for tensor in (*part._parameters.values(), *part._buffers.values(), *part.__dict__.values()):
            if isinstance(tensor, Tensor):
                memo[id(tensor)] = tensor
    for part in parts:
        memo[id(part)].__dict__.update({name: _copied(value, memo) for name, value in _items(part)})
        for name in slots_of(type(part)):
            if hasattr(part, name):
                object.__setattr__(memo[id(part)], name, _copied(getattr(part, name), memo))
    copied: nn.Module = memo[id(module)]
    return copied


def _empty(kind: type) -> Any:
    """An object of the class without attributes, made as `copy` makes it."""
    try:
        empty = copyreg.__newobj__(kind)  # type: ignore[attr-defined]
    except Exception:  # whatever its __new__ raises without arguments
        empty = object.__new__(kind)
    empty.__dict__.clear()
    return empty


def _items(part: nn.Module) -> list[tuple[str, Any]]:
    """Another thread may add attributes meanwhile: `dict.copy` is one step of Python's."""
    return list(part.__dict__.copy().items())


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    if isinstance(value, types.FunctionType):
        return _function(value, memo)
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # whatever an attribute's own copying raises
        return value


def _function(function: types.FunctionType, memo: dict[int, Any]) -> types.FunctionType:
    """The function, with the copies of what it encloses."""
    if not function.__closure__:
        return function
    if id(function) in memo:
        return memo[id(function)]  # type: ignore[no-any-return]
    cells = tuple(types.CellType() for _ in function.__closure__)
    other = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, cells
    )
    other.__kwdefaults__ = function.__kwdefaults__
    other.__dict__.update(function.__dict__)
    memo[id(function)] = other
    for cell, original in zip(cells, function.__closure__, strict=True):
        try:
            cell.cell_contents = _copied(original.cell_contents, memo)
        except ValueError:  # nothing is in it yet
            continue
    return other
