"""Whether a model's weights are still the numbers that were read of them."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from torch import Tensor, nn

_SMALL = 2**14
"""Bytes of weights that are compared at every piece."""

_STEPS = 16
"""More of them are compared once in so many steps, which takes a small part of the time of the steps."""


class _Weight(NamedTuple):
    """One weight.

    Attributes:
        tensors, name: where it lies in its module.
        pointer, strides, version: what changes with it, unless its numbers are changed through `.data`; None:
            it counts no changes.
    """

    tensors: dict[str, Tensor]
    name: str
    pointer: int
    strides: tuple[int, ...]
    version: int | None


class Weights:
    """The parameters and buffers of a module, as they are now.

    What changes them through torch is seen at once, and so is what replaces them. Through `.data`, and in
    inference mode, torch counts no changes: there their numbers are compared, which may come up to 16 steps
    later where they take more than 16 KiB.
    """

    def __init__(self, module: nn.Module) -> None:
        self._weights: list[_Weight] = []
        # what keeps their memory, so that no others can come to lie there
        self._aliases: list[Tensor] = []
        for part in module.modules():
            for tensors in (part._parameters, part._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None:
                        version = None if tensor.is_inference() else tensor._version
                        place = tensor.data_ptr(), tensor.stride()
                        self._weights.append(_Weight(tensors, name, *place, version))  # type: ignore[arg-type]
                        self._aliases.append(tensor.detach())
        self._quick = [(w.tensors[w.name], w.pointer, w.version) for w in self._weights]
        self._dense = [
            (alias.data_ptr(), alias.numel() * alias.element_size(), _bytes(alias))
            for alias in self._aliases
            if _is_dense(alias)
        ]
        self._others = [(alias, _bytes(alias)) for alias in self._aliases if not _is_dense(alias)]
        self._small = sum(alias.numel() * alias.element_size() for alias in self._aliases) <= _SMALL
        self._steps = 0

    def in_place(self) -> bool:
        """Whether the same tensors are the same numbers in memory, as far as torch counts their changes."""
        for tensor, pointer, version in self._quick:
            if tensor.data_ptr() != pointer or (version is not None and tensor._version != version):
                return False
        return True

    def compared(self, steps: int) -> bool:
        """Whether their numbers are the same, where it is time to compare them; see `same`."""
        self._steps += steps
        return (not self._small and self._steps < _STEPS) or self.same(None)

    def same(self, steps: int | None) -> bool:
        """Whether they have not changed.

        Args:
            steps: that are about to be run; None: their numbers are compared in any case.
        """
        try:
            for tensors, name, pointer, strides, version in self._weights:
                tensor = tensors[name]
                if tensor.data_ptr() != pointer or tensor.stride() != strides:
                    return False
                if version is not None and tensor._version != version:
                    return False
        except (AttributeError, KeyError, RuntimeError):  # it is gone, none, or one that counts nothing
            return False
        self._quick = [(w.tensors[w.name], w.pointer, w.version) for w in self._weights]
        self._steps += steps or 0
        if steps is None or self._small or self._steps >= _STEPS:
            self._steps = 0
            for pointer, size, content in self._dense:
                if _string_at(pointer, size) != content:
                    return False
            return all(_bytes(alias) == content for alias, content in self._others)
        return True


# looked up at every piece
_string_at = ctypes.string_at


def _is_dense(tensor: Tensor) -> bool:
    return tensor.is_contiguous() and tensor.device.type == "cpu"


def _bytes(tensor: Tensor) -> bytes:
    plain = tensor.contiguous().cpu()
    return _string_at(plain.data_ptr(), plain.numel() * plain.element_size())
