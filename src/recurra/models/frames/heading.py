"""A path in the plane, seen from the one who walks it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.layers.inputs import spread
from recurra.models.frames.base import Frame
from recurra.registry import MODULES

_STANDING = 1e-3


class Pose(NamedTuple):
    """Where a path was last seen.

    Attributes:
        origin: `[B, 1, 2]`, the last point. turn: `[B, 2, 2]`, from the plane's axes to the walker's.
        path: `[B, H, 2]`, the points that a constant velocity leads to, in the walker's axes.
    """

    origin: Tensor
    turn: Tensor
    path: Tensor


@MODULES.register("heading")
class Heading(Frame):
    """The last point is the origin, and the way walked so far points along the first axis.

    So a model can't tell where in the scene, nor in which direction, a path lies, if not told: it forecasts a
    moved and turned path by the same moved and turned points. The network reads places and last steps, and
    gives what is to be added to the points that the last step, repeated, leads to.

    Args:
        turned: whether directions are levelled.
        place: whether the network reads where in the scene each point is, too: it may then learn where people
            walk in a scene that it knows from training, and a moved path is another one.
    """

    targets = 2

    def __init__(self, turned: bool = True, place: bool = False) -> None:
        self.turned, self.place = turned, place
        self.features = 4 + 2 * place
        self.register_buffer("read", torch.ones(self.features))
        self.register_buffer("change", torch.ones(()))
        self.read: Tensor
        self.change: Tensor

    def learn(self, rows: Tensor, contexts: Tensor, futures: Tensor) -> None:
        self.read.fill_(1.0)
        self.change.fill_(1.0)
        features, memo = self.enter(contexts, futures.shape[1])
        self.read.copy_(spread(features.flatten(0, 1)))
        change = self.inside(futures[..., :2], memo).square().mean().sqrt()
        self.change.copy_(change.where(change > _STANDING, 1.0))

    def enter(self, context: Tensor, horizon: int) -> tuple[Tensor, Any]:
        points = context[..., :2]
        origin, turn = points[:, -1:], self._turn(points)
        local = (points - origin) @ turn
        steps = torch.cat([torch.zeros_like(local[:, :1]), local[:, 1:] - local[:, :-1]], 1)
        ahead = torch.arange(1, horizon + 1, device=points.device, dtype=points.dtype)
        path = steps[:, -1:] * ahead[:, None]
        features = [local, steps, points] if self.place else [local, steps]
        return torch.cat(features, -1) / self.read, Pose(origin, turn, path)

    def inside(self, future: Tensor, memo: Any) -> Tensor:
        local: Tensor = ((future - memo.origin) @ memo.turn - memo.path) / self.change
        return local

    def outside(self, local: Tensor, memo: Any) -> Tensor:
        points: Tensor = (local * self.change + memo.path) @ memo.turn.mT + memo.origin
        return points

    def _turn(self, points: Tensor) -> Tensor:
        way = points[:, -1] - points[:, 0]
        length = way.norm(dim=-1, keepdim=True)
        east = torch.zeros_like(way)
        east[:, 0] = 1
        moving = (length > _STANDING) & self.turned
        x, y = torch.where(moving, way / length.clamp_min(_STANDING), east).unbind(-1)
        return torch.stack([torch.stack([x, -y], -1), torch.stack([y, x], -1)], -2)
