"""Planes through the space of weights, on which an error surface is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from recurra.errors import Fault
from recurra.inspect.finding import percent
from recurra.runs.folder import LAST
from recurra.storage.files import read_json
from recurra.storage.models import load_model
from recurra.train import checkpoint

Weights = Mapping[str, Tensor]
Loss = Callable[[Any, Any], Tensor]


@dataclass(frozen=True)
class Axis:
    """One direction through the space of weights.

    Attributes:
        name: what it is, with the unit of its numbers in brackets.
        direction: name -> a tensor of that weight's shape: what one unit of the axis adds to it.
        low, high: where the slice ends, in units of the axis.
    """

    name: str
    direction: Weights
    low: float
    high: float

    @property
    def length(self) -> float:
        """How far one unit of the axis goes in the space of weights."""
        return norm(self.direction)


@dataclass(frozen=True)
class Plane:
    """`centre + a across + b up`.

    Attributes:
        name: what kind of slice it is.
        centre: name -> the weight at a = b = 0.
        path: (a, b) of points to mark on it, in the order in which training went through them.
        note: what has to be known of it, a sentence; may be empty.
    """

    name: str
    centre: Weights
    across: Axis
    up: Axis
    path: tuple[tuple[float, float], ...] = ()
    note: str = ""

    def weights(self, a: float, b: float) -> dict[str, Tensor]:
        """Name -> the weight at (a, b)."""
        first, second = self.across.direction, self.up.direction
        return {name: centre + a * first[name] + b * second[name] for name, centre in self.centre.items()}


def random_plane(model: nn.Module, *, span: float = 1.0, seed: int = 0) -> Plane:
    """Two random directions through a model's weights, each row of a matrix as long as that of the weight.

    So slices of networks of different scale compare ("filter-normalised", Li et al., 2018, section 4). Biases
    and other vectors stay, as they do there.

    Args:
        span: the slice goes from -span to span, in shares of the weights' norm.

    Raises:
        Fault: the model has no matrix but zeros.
    """
    centre = weights_of(model)
    generator = torch.Generator().manual_seed(seed)
    first, second = (_filter_normalised(centre, generator) for _ in range(2))
    return Plane(
        "two random directions",
        centre,
        Axis("first random direction (share of the weights' norm)", first, -span, span),
        Axis("second random direction (share of the weights' norm)", second, -span, span),
    )


def gradient_plane(model: nn.Module, x: Any, loss: Loss, *, span: float = 0.5, seed: int = 0) -> Plane:
    """Along a model's gradient, and at a right angle to it.

    Args:
        loss: as `surface` takes it.
        span: the slice goes from -span to span, in shares of the norm of all weights; downhill is left.

    Raises:
        Fault: the gradient is zero or not finite.
    """
    centre = weights_of(model)
    _, gradient = loss_and_gradient(model, x, loss, centre, seed)
    length = norm(gradient)
    if not 0 < length < float("inf"):
        raise Fault(f"the norm of the gradient is {length}: no direction to go along; take random_plane")
    size = norm(centre) or 1.0
    generator = torch.Generator().manual_seed(seed)
    side = {name: torch.randn(w.shape, generator=generator).to(w) for name, w in centre.items()}
    return Plane(
        "the gradient and its perpendicular",
        centre,
        Axis("along the gradient (share of the weights' norm)", _scaled(gradient, size), -span, span),
        Axis(
            "at a right angle to it (share of the weights' norm)",
            _scaled(_without(side, gradient), size),
            -span,
            span,
        ),
    )


def path_plane(states: Sequence[Weights], *, margin: float = 0.3, seed: int = 0) -> Plane:
    """Through the states of a training: the plane that holds most of their way (PCA of the differences from
    the last one).

    Args:
        states: what `state_dict()` gave, oldest first; at least two that differ. Of two, or of states on a
            line, the second direction is a random one, as the note says.
        margin: how far the slice goes beyond the path, in shares of its extent.

    Raises:
        Fault: fewer than two states, or states of different models, or all of them equal.
    """
    if len(states) < 2:
        raise Fault(f"{len(states)} states of a training found, expected at least 2 to lay a plane through")
    centre = {name: w.detach().clone() for name, w in states[-1].items() if w.is_floating_point()}
    for number, state in enumerate(states):
        if {n: state[n].shape for n in centre if n in state} != {n: w.shape for n, w in centre.items()}:
            raise Fault(f"state {number} has other weights than the last one: expected those of one training")
    ways = torch.stack([_flat({n: state[n] - w for n, w in centre.items()}) for state in states[:-1]])
    if not bool(ways.abs().max() > 0):
        raise Fault("all states are equal: the training has not moved, so it has no path")
    _, sizes, directions = torch.linalg.svd(ways, full_matrices=False)
    directions = directions.contiguous()
    shares = (sizes.square() / sizes.square().sum()).tolist()
    first, note = directions[0], f"The plane holds {percent(sum(shares[:2]))} of the path's spread."
    if len(shares) > 1 and shares[1] > 1e-9:
        second = directions[1]
    else:
        generator = torch.Generator().manual_seed(seed)
        second = torch.randn(first.shape, generator=generator, dtype=first.dtype)
        second = torch.nn.functional.normalize(second - (second @ first) * first, dim=0)
        note = "The states lie on one line: the second direction is a random one at a right angle to it."
    points = [*zip((ways @ first).tolist(), (ways @ second).tolist(), strict=True), (0.0, 0.0)]
    wide = max(_extent([a for a, _ in points]), _extent([b for _, b in points]))
    axes = []
    for name, direction, at in (("first", first, 0), ("second", second, 1)):
        values = [point[at] for point in points]
        room = margin * wide + (wide - _extent(values)) / 2 * 0.5
        label = f"{name} principal direction of the path (distance in weights)"
        axes.append(Axis(label, _shaped(direction, centre), min(values) - room, max(values) + room))
    return Plane("the path of the training", centre, axes[0], axes[1], tuple(points), note)


def run_states(folder: str | Path) -> list[dict[str, Tensor]]:
    """What a run folder keeps of the way of its training: the weights of the best model, and of the last
    checkpoint where there is one.

    Raises:
        Fault: not a trained run folder, or one that was altered.
    """
    folder = Path(folder)
    best = load_model(folder)
    names = dict(best.named_parameters())
    states = [{name: weight.detach() for name, weight in names.items()}]
    if checkpoint.exists(folder / LAST):
        files = read_json(folder / LAST / checkpoint.STATE).get("files")
        world = len(files) - 1 if isinstance(files, list) else 1
        last = checkpoint.read(folder / LAST, 0, world).common["model"]
        states.append({name: last[name] for name in names if name in last})
    return states


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Name -> a copy of each weight. Fault where there is none."""
    weights = {name: w.detach().clone() for name, w in model.named_parameters() if w.is_floating_point()}
    if not weights:
        raise Fault(f"{type(model).__name__} has no weights: its error has no surface")
    return weights


def norm(weights: Weights) -> float:
    """Of all tensors together, in double."""
    return float(sum(float(w.double().square().sum()) for w in weights.values()) ** 0.5)


def inner(weights: Weights, other: Weights) -> float:
    """The inner product, in double."""
    return float(sum(float((w.double() * other[name].double()).sum()) for name, w in weights.items()))


def loss_and_gradient(
    model: nn.Module, x: Any, loss: Loss, weights: Weights, seed: int = 0
) -> tuple[float, dict[str, Tensor]]:
    """The loss at these weights, and its gradient by each; the model itself stays as it is.

    Raises:
        Fault: the loss is no tensor of one number (or one a row), depends on no weight, or there is not
            memory enough.
    """
    leaves = {f"model.{name}": weight.detach().requires_grad_() for name, weight in weights.items()}
    with torch.enable_grad(), torch.random.fork_rng(devices=_devices(weights)):
        torch.manual_seed(seed)  # dropout, say, drops the same at every point
        try:
            value = functional_call(_Loss(model, loss), leaves, (x,))
            _require_loss(value)
            total = value.sum()
            gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or "memory" in str(error):
                raise Fault(
                    "a batch too large for the surface: there is not memory enough for one gradient of it; "
                    "take fewer rows, shorter ones, or a layer with checkpoint_every"
                ) from None
            raise
    pairs = zip(weights, gradients, leaves.values(), strict=True)
    return float(total.detach()), {n: torch.zeros_like(w) if g is None else g.detach() for n, g, w in pairs}


class _Loss(nn.Module):
    """A loss as a module, so that torch can lend it other weights."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(self, x: Any) -> Tensor:
        return self._loss(self.model, x)


def _require_loss(value: Any) -> None:
    if not isinstance(value, Tensor) or value.dim() > 1:
        shape = f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise Fault(f"loss(model, x) is {shape}, expected a tensor of one number, or of one a row")
    if not value.requires_grad:
        raise Fault("loss(model, x) depends on no weight of the model: its surface is flat everywhere")


def _devices(weights: Weights) -> list[torch.device]:
    return list({w.device for w in weights.values() if w.is_cuda})


def _filter_normalised(centre: Weights, generator: torch.Generator) -> dict[str, Tensor]:
    direction = {}
    for name, weight in centre.items():
        noise = torch.randn(weight.shape, generator=generator).to(weight)
        if weight.dim() < 2:
            direction[name] = torch.zeros_like(weight)
        else:
            rows, length = noise.flatten(1), weight.flatten(1).norm(dim=1, keepdim=True)
            size = rows.norm(dim=1, keepdim=True).clamp_min(1e-30)
            direction[name] = (rows * length / size).reshape(weight.shape)
    if not norm(direction):
        raise Fault("the model has no matrix with numbers other than 0: give a plane of your own")
    return direction


def _scaled(direction: Weights, size: float) -> dict[str, Tensor]:
    factor = size / norm(direction)
    return {name: part * factor for name, part in direction.items()}


def _without(direction: Weights, other: Weights) -> dict[str, Tensor]:
    """What of a direction stands at a right angle to another one."""
    share = inner(direction, other) / norm(other) ** 2
    rest = {name: part - share * other[name] for name, part in direction.items()}
    if norm(rest) < 1e-6 * norm(direction):
        raise Fault("the model has one weight alone: nothing stands at a right angle to its gradient")
    return rest


def _flat(weights: Weights) -> Tensor:
    return torch.cat([w.detach().double().cpu().reshape(-1) for w in weights.values()])


def _shaped(flat: Tensor, like: Weights) -> dict[str, Tensor]:
    parts = torch.split(flat, [w.numel() for w in like.values()])
    return {n: part.reshape(w.shape).to(w) for (n, w), part in zip(like.items(), parts, strict=True)}


def _extent(values: Sequence[float]) -> float:
    return max(values) - min(values)
