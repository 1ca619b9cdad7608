"""What is computed of a surface, kept in a file so that it can be taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.inspect.planes import Plane
from recurra.storage.files import check_format
from recurra.storage.tensors import digest, read_tensors, write_tensors

FORMAT = 1
_CLOSE = 1e-4  # the loss at the centre, computed again, against the file's


class Grids(NamedTuple):
    """What is measured on a grid of P x P points, up first; it is filled in place.

    Attributes:
        loss, gradient: `[P, P]`, the loss and the norm of its gradient.
        slopes: `[2, P, P]`, the derivative by a and by b.
        mask: `[P, P]`, true where a point is computed.
    """

    loss: NDArray[np.float64]
    gradient: NDArray[np.float64]
    slopes: NDArray[np.float64]
    mask: NDArray[np.bool_]


class SurfaceFile:
    """A safetensors file of a surface, whole or in parts; it tells which surface it belongs to.

    Args:
        path: None: nothing is kept.
        centre_loss: by which the batch, the loss and the model's buffers are told apart.
    """

    def __init__(self, path: str | Path | None, plane: Plane, points: int, centre_loss: float) -> None:
        self._path = None if path is None else Path(path)
        self._points = points
        self._centre_loss = centre_loss
        self._plane = "" if path is None else _digest(plane)

    def read(self) -> Grids:
        """What the file holds; nothing computed where there is no file.

        Raises:
            Fault: the file is of another surface, altered or cut short.
        """
        side = (self._points, self._points)
        empty = Grids(np.zeros(side), np.zeros(side), np.zeros((2, *side)), np.zeros(side, dtype=np.bool_))
        if self._path is None or not self._path.exists():
            return empty
        tensors, description = read_tensors(self._path)
        check_format(description, FORMAT, str(self._path))
        centre = description.get("centre_loss")
        shapes = {name: tuple(grid.shape) for name, grid in tensors.items()}
        if (
            description.get("plane") != self._plane
            or shapes != {name: grid.shape for name, grid in empty._asdict().items()}
            or not isinstance(centre, float)
            or not np.isclose(centre, self._centre_loss, rtol=_CLOSE, equal_nan=True)
        ):
            raise Fault(
                f"{self._path}: is of another surface (model, plane, points, batch or loss): choose another "
                f"file"
            )
        for name, grid in empty._asdict().items():
            grid[...] = tensors[name].numpy()
        return empty

    def write(self, grids: Grids) -> None:
        """Replaces the file, whole or not at all."""
        if self._path is not None:
            tensors = {name: torch.from_numpy(grid) for name, grid in grids._asdict().items()}
            description = {"format": FORMAT, "plane": self._plane, "centre_loss": self._centre_loss}
            write_tensors(self._path, tensors, description)


def _digest(plane: Plane) -> str:
    tensors = {f"centre {name}": weight for name, weight in plane.centre.items()}
    for axis in (plane.across, plane.up):
        ends = torch.tensor([axis.low, axis.high], dtype=torch.float64)
        tensors.update({f"{axis.name} ends": ends})
        tensors.update({f"{axis.name} {name}": part for name, part in axis.direction.items()})
    return digest(tensors)
