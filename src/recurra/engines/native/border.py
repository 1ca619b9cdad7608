"""Where tensors become addresses, and nowhere else: the library reads and writes as many numbers as a plan
says, so each tensor is compared with the plan first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recurra.engines.transforms import is_wrapper
from recurra.errors import Fault

if TYPE_CHECKING:
    from recurra.engines.native._engine import Address, Matrix, Rows

TYPES = (torch.float32, torch.float64)
"""What the library computes in."""
NOWHERE = 0
"""The address where nothing is read or written."""

_STRIDED = torch.strided


def is_plain(t: Tensor) -> bool:
    """Whether a tensor's numbers lie in the computer's memory, as its strides say."""
    return t.is_cpu and not is_wrapper(t)


def dense(gradient: Tensor) -> Tensor:
    """A gradient as it was, or with the zeros that a sparse one leaves out: autograd hands on both."""
    return gradient if gradient.layout is _STRIDED else gradient.to_dense()


class Border:
    """Tensors on their way into one call of the library; it must live for as long as that, for it holds the
    copies of those that had to be laid out anew.

    Args:
        dtype: of every number.

    Raises:
        Fault: the library does not compute in that type.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        if dtype not in TYPES:
            raise Fault(f"native engine: it computes in float32 and float64, found numbers of {dtype}")
        self._dtype = dtype
        self._copies: list[Tensor] = []

    def rows(self, what: str, tensors: Sequence[Tensor], count: int, widths: Sequence[int]) -> list[Rows]:
        """Of tensors `[count, width]`, one for each of `widths`.

        Raises:
            Fault: one of another type, shape or kind, called `what` and its number; so do the others.
        """
        places = []
        for k, (t, width) in enumerate(zip(tensors, widths, strict=True)):
            t = self._require(what, k, t, (count, width))
            if not t.is_contiguous():
                near = t.stride(1) == 1 or width == 1
                if not near or (count > 1 and t.stride(0) < width):
                    t = self.keep(t.contiguous())
            places.append((self._address(what, k, t), t.stride(0)))
        return places

    def whole(self, what: str, tensors: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> list[Address]:
        """Of tensors of these shapes, their numbers without gaps."""
        places = []
        for k, (t, shape) in enumerate(zip(tensors, shapes, strict=True)):
            t = self._require(what, k, t, shape)
            if not t.is_contiguous():
                t = self.keep(t.contiguous())
            places.append(self._address(what, k, t))
        return places

    def matrices(
        self, what: str, tensors: Sequence[Tensor], sizes: Sequence[tuple[int, int]]
    ) -> list[Matrix]:
        """Of matrices of these sizes, of any strides."""
        places = []
        for k, (t, size) in enumerate(zip(tensors, sizes, strict=True)):
            t = self._require(what, k, t, size)
            down, across = t.stride()
            if not (down and across):  # one number that stands for many
                t = self.keep(t.contiguous())
                down, across = t.stride()
            places.append((self._address(what, k, t), down, across))
        return places

    def _require(self, what: str, k: int, t: Tensor, shape: tuple[int, ...]) -> Tensor:
        if t.dtype is not self._dtype or t.shape != shape or not is_plain(t):
            raise self._misfit(what, k, t, shape)
        return self.keep(t.resolve_neg()) if t.is_neg() else t

    @staticmethod
    def fresh(tensors: Sequence[Tensor]) -> list[Address]:
        """Of tensors that were made for this call, of the shapes that it writes and without gaps."""
        return [t.data_ptr() for t in tensors]

    @staticmethod
    def fresh_rows(tensors: Sequence[Tensor]) -> list[Rows]:
        """As `fresh`, of tensors `[count, width]`."""
        return [(t.data_ptr(), t.shape[1]) for t in tensors]

    @staticmethod
    def fresh_matrices(tensors: Sequence[Tensor | None]) -> list[Matrix]:
        """As `fresh`, of matrices whose rows or columns lie whole."""
        return [(NOWHERE, 0, 0) if t is None else (t.data_ptr(), t.stride(0), t.stride(1)) for t in tensors]

    def keep(self, t: Tensor) -> Tensor:
        """The tensor, which lives for as long as this."""
        self._copies.append(t)
        return t

    def _address(self, what: str, k: int, t: Tensor) -> Address:
        try:
            address = t.data_ptr()
        except RuntimeError:  # torch's own, where a transform has wrapped it
            address = NOWHERE
        if not address and t.numel():
            raise Fault(f"native engine: {what} {k} has no numbers in memory, {described(t)}")
        return address

    def _misfit(self, what: str, k: int, t: Tensor, shape: tuple[int, ...]) -> Fault:
        kind = str(self._dtype).removeprefix("torch.")
        return Fault(
            f"native engine: {what} {k} is {described(t)}, expected a tensor {kind} {list(shape)} on cpu"
        )


def described(t: Tensor) -> str:
    """What a tensor is, in words."""
    layout = "" if t.layout is _STRIDED else f" of layout {t.layout}"
    return f"a {type(t).__name__} {str(t.dtype).removeprefix('torch.')} {list(t.shape)} on {t.device}{layout}"
