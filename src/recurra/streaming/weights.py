"""Whether a model's weights are still the numbers that were read of them."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from torch import Tensor, nn

_SMALL = 2**16
"""Bytes of weights that are compared at every piece."""

_STEPS = 16
"""More of them are compared once in so many steps, which takes a small part of the time of the steps."""


class _Seen(NamedTuple):
    """One weight.

    Attributes:
        tensors, name: where it lies in its module.
        pointer, version: what changes with it, unless it is changed through `.data`; None: it counts nothing.
        alias: keeps its memory, so that no other weight can come to lie there.
        content: its numbers.
    """

    tensors: dict[str, Tensor]
    name: str
    pointer: int
    version: int | None
    alias: Tensor
    content: bytes


class Weights:
    """The parameters and buffers of a module, as they are now.

    What changes them through torch is seen at once, and so is what replaces them. Through `.data`, and in
    inference mode, torch counts no changes: there their numbers are compared, which may come up to 16 steps
    later where they take more than 64 KiB.
    """

    def __init__(self, module: nn.Module) -> None:
        self._seen: list[_Seen] = []
        for part in module.modules():
            for tensors in (part._parameters, part._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        version = None if tensor.is_inference() else tensor._version
                        alias = tensor.detach()
                        self._seen.append(
                            _Seen(tensors, name, tensor.data_ptr(), version, alias, _content(alias))  # type: ignore[arg-type]
                        )
        self._small = sum(len(weight.content) for weight in self._seen) <= _SMALL
        self._steps = 0

    def same(self, steps: int | None) -> bool:
        """Whether they have not changed.

        Args:
            steps: that are about to be run; None: their numbers are compared in any case.
        """
        try:
            for tensors, name, pointer, version, _, _ in self._seen:
                tensor = tensors[name]
                if tensor.data_ptr() != pointer or (version is not None and tensor._version != version):
                    return False
        except (AttributeError, KeyError, RuntimeError):  # it is gone, none, or one that counts nothing
            return False
        self._steps += steps or 0
        if steps is None or self._small or self._steps >= _STEPS:
            self._steps = 0
            return all(_content(weight.alias) == weight.content for weight in self._seen)
        return True


def _content(tensor: Tensor) -> bytes:
    plain = tensor.contiguous().cpu()  # itself, as a rule
    return ctypes.string_at(plain.data_ptr(), plain.numel() * plain.element_size())
