"""Drawings and handwriting, step by step of a pen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.data import Batches, Examples
from recurra.errors import Fault
from recurra.layers.inputs import Vectors
from recurra.models.outputs.strokes import PENS, StrokeOutput
from recurra.models.stroke_model import READ, StrokeModel
from recurra.state import map_state
from recurra.storage.files import read_json, write_json
from recurra.streaming.runner import one_step, runner
from recurra.tasks.base import TASKS, Loss, Score, Task
from recurra.tasks.draw.data import (
    END,
    DrawOptions,
    Steps,
    as_steps,
    drawing_of,
    independent_nats,
    marked,
    read_drawings,
)
from recurra.tasks.draw.plot import plot_drawings
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.network import BodyOptions, build_body
from recurra.tasks.parts.sampling import check_sampling
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_named, read_parts

ASSETS = "strokes.json"


class DrawModelOptions(BodyOptions):
    """The network.

    Attributes:
        components: normal distributions in the mixture.
    """

    components: int = Field(default=20, ge=1)


@TASKS.register("draw")
class DrawTask(Task):
    """Tells each step of a pen from all before it, the first from nothing, and when the drawing ends."""

    name = "draw"
    DataOptions = DrawOptions
    ModelOptions = DrawModelOptions
    score = Score("nll", larger_is_better=False)

    def __init__(self, options: DrawOptions, model: Any, scale: float, seed: int) -> None:
        self.options, self.seed, self.scale = options, seed, scale
        self.model: Any = model
        self.notes: list[str] = []
        self._parts: tuple[list[Tensor], list[Tensor]] | None = None

    @classmethod
    def prepare(cls, data: DrawOptions, model: DrawModelOptions, *, seed: int) -> Self:
        task = cls(data, None, 1.0, seed)
        train = torch.cat(task.drawings[0])
        # one size for both directions, so that no drawing is stretched
        task.scale = float(train[:, :2].std(correction=0))
        if not task.scale > 0:
            raise Fault("the training drawings never move: every dx and dy is the same")
        strokes = StrokeOutput(model.components)
        with seeded(seed):
            task.model = StrokeModel(Vectors(READ), build_body(model, READ), strokes, model.dropout)
        return task

    @classmethod
    def restore(cls, data: DrawOptions, model: DrawModelOptions, module: nn.Module, folder: Path) -> Self:
        try:
            scale = float(read_json(folder / ASSETS)["scale"])
        except (KeyError, TypeError, ValueError) as error:
            raise Fault(f"{folder / ASSETS}: holds no scale ({error}): it was altered") from None
        return cls(data, module, scale, 0)

    def save_assets(self, folder: Path) -> None:
        write_json(folder / ASSETS, {"scale": self.scale})

    @property
    def drawings(self) -> tuple[list[Tensor], list[Tensor]]:
        """`[T, 3]` each, in the data's unit, to train on and held out."""
        if self._parts is None:
            parts = read_parts(self.options, self.seed)
            self._parts = self._read(parts.train), self._read(parts.validation)
        return self._parts

    def check(self) -> list[str]:
        train, held = self.drawings
        longest = sum(sorted((len(one) for one in train), reverse=True)[: self.options.batch_size])
        return [
            lengths_line("train", [len(one) for one in train], "steps"),
            lengths_line("validation", [len(one) for one in held], "steps"),
            f"steps: deviation {self.scale:g}, the pen is lifted after {torch.cat(train)[:, 2].mean():.0%}",
            parameters_line(self.model),
            activations_line(self.model, longest, self.model.strokes.size),
            *self.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        train = self.drawings[0]
        size = self.options.batch_size
        order = Batches([len(d) for d in train], batch_size=size, seed=self.seed, rank=rank, world=world)
        return Epoch(
            order.count(epoch), lambda n: as_steps([train[i] for i in order.item(epoch, n)], self.scale)
        )

    def loss(self, batch: Steps, carry: Any) -> Loss:
        moves, pens = self._costs(batch)
        return Loss(moves.sum() + pens.sum(), len(moves))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Nats a step: `nll` of where the pen goes (a density, in deviations of the training steps) and what
        it does (`pen_nll` alone); `nll_independent` is that of one normal distribution and fixed shares, the
        same for every step, fitted to the very data that is measured.
        """
        drawings = self.drawings[1] if data is None else self._read(read_named(self.options, data))
        moves = pens = 0.0
        with evaluating(self.model):
            size = self.options.batch_size
            for start in range(0, len(drawings), size):
                move, pen = self._costs(as_steps(drawings[start : start + size], self.scale))
                moves, pens = moves + float(move.double().sum()), pens + float(pen.double().sum())
        count = sum(map(len, drawings))
        return {
            "nll": (moves + pens) / count,
            "pen_nll": pens / count,
            "nll_independent": independent_nats(as_steps(drawings, self.scale)),
        }

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each drawing, a list of [dx, dy, lifted]: its `nll` a step."""
        for item in items:
            drawing = drawing_of(item)
            with evaluating(self.model):
                moves, pens = self._costs(as_steps([drawing], self.scale))
            yield {"steps": len(drawing), "nll": float((moves + pens).mean())}

    def sample(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """New drawings: all in one picture, whose name is given, or told as JSON, a list of [dx, dy, lifted]
        each.

        Args:
            prompt: how they begin: such JSON.
            options: `count`, `length` (steps at most), `temperature` (at most 1; below neater, by a bias of
                `1 / temperature - 1`), `seed`, and `output`, the picture.
        """
        return self._sample(prompt, **options)

    def _sample(
        self,
        prompt: str,
        *,
        count: int = 1,
        length: int | None = None,
        temperature: float = 1.0,
        seed: int = 0,
        output: str | Path | None = None,
    ) -> Iterator[str]:
        length = self.options.longest if length is None else length
        check_sampling(count, length, temperature)
        if temperature > 1:
            raise Fault(f"temperature = {temperature}, expected above 0 and at most 1")
        begin = drawing_of(prompt) if prompt else torch.zeros(0, 3)
        drawn = self.drawn(begin, count, length, 1 / temperature - 1, seed)
        if output is not None:
            plot_drawings(drawn, Path(output))
            yield str(output)
            return
        for one in drawn:
            yield json.dumps([[round(x, 2), round(y, 2), int(up)] for x, y, up in one.tolist()])

    def drawn(self, begin: Tensor, count: int, length: int, bias: float = 0.0, seed: int = 0) -> list[Tensor]:
        """`count` drawings `[T, 3]` in the data's unit that go on after `begin`, `[T0, 3]`."""
        device = device_of(self.model)
        generator = torch.Generator(device).manual_seed(seed)
        with evaluating(self.model):
            step = one_step(runner(self.model, count))
            read = torch.cat([torch.zeros(1, READ), marked(begin, self.scale, ends=False)]).to(device)
            logits, state = self.model(read.unsqueeze(0))
            state = map_state(lambda leaf: leaf.expand(count, *leaf.shape[1:]).contiguous(), state)
            now = logits[:, -1].expand(count, -1)
            made: list[Tensor] = []
            ended = torch.zeros(count, dtype=torch.bool, device=device)
            lengths = torch.zeros(count, dtype=torch.int64, device=device)
            for _ in range(length):
                steps, pens = self.model.strokes.draw(now, generator, bias)
                made.append(torch.cat([steps * self.scale, (pens > 0).unsqueeze(1).to(steps)], 1))
                lengths += ~ended
                ended |= pens == END
                if bool(ended.all()):
                    break
                marks = F.one_hot(pens, len(PENS)).to(steps)
                now, state = step(torch.cat([steps, marks], 1), state)
        joined = torch.stack(made, 1).cpu()
        return [torch.cat([begin, row[:n]]) for row, n in zip(joined, lengths.tolist(), strict=True)]

    def _costs(self, batch: Steps) -> tuple[Tensor, Tensor]:
        device = device_of(self.model)
        raw, _ = self.model(batch.read.to(device))
        costs: tuple[Tensor, Tensor] = self.model.strokes.losses(
            raw.data, batch.steps.to(device), batch.pens.to(device)
        )
        return costs

    def _read(self, examples: Examples) -> list[Tensor]:
        drawings, notes = read_drawings(examples, self.options)
        self.notes += notes
        return drawings
