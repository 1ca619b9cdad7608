"""Polyphonic music: which notes sound next."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from recurra.data import Batches, Examples
from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Vectors
from recurra.layers.weight_noise import WeightNoise
from recurra.models.note_model import NoteModel, note_costs
from recurra.state import detach
from recurra.storage.files import read_json, write_bytes, write_json
from recurra.streaming.runner import one_step, runner
from recurra.tasks.base import TASKS, Loss, Score, Task
from recurra.tasks.compose.data import ComposeOptions, Passage, as_rows, as_streams, read_rolls, roll_of
from recurra.tasks.compose.midi import LOWEST, to_midi
from recurra.tasks.parts.batches import Epoch
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.network import BodyOptions, build_body
from recurra.tasks.parts.sampling import check_sampling, numbered
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_named, read_parts

ASSETS = "notes.json"


class ComposeModelOptions(BodyOptions):
    """The network.

    Attributes:
        weight_noise: deviation of the noise on the weights of the layers over time, in training.
    """

    weight_noise: float = Field(default=0.0, ge=0)


@TASKS.register("compose")
class ComposeTask(Task):
    """Tells the notes of each step from all steps before it, the first step from silence."""

    name = "compose"
    DataOptions = ComposeOptions
    ModelOptions = ComposeModelOptions
    score = Score("nll", larger_is_better=False)

    def __init__(self, options: ComposeOptions, model: Any, shares: Tensor, seed: int) -> None:
        self.options, self.seed = options, seed
        self.model: Any = model
        self.shares = shares
        self.notes: list[str] = []
        self._parts: tuple[list[Tensor], list[Tensor]] | None = None

    @classmethod
    def prepare(cls, data: ComposeOptions, model: ComposeModelOptions, *, seed: int) -> Self:
        task = cls(data, None, torch.zeros(0), seed)
        joined = torch.cat(task.pieces[0])
        # half a note more on either side: one that never sounds in training has some probability left
        task.shares = (joined.sum(0) + 0.5) / (len(joined) + 1)
        with seeded(seed):
            task.model = build_note_model(model, joined.shape[1])
        with torch.no_grad():  # rare notes begin rare, or the first epochs would learn nothing else
            task.model.output.bias.copy_(torch.logit(task.shares))
        return task

    @classmethod
    def restore(
        cls, data: ComposeOptions, model: ComposeModelOptions, module: nn.Module, folder: Path
    ) -> Self:
        try:
            shares = torch.tensor(read_json(folder / ASSETS)["shares"], dtype=torch.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise Fault(f"{folder / ASSETS}: holds no shares ({error}): it was altered") from None
        return cls(data, module, shares, 0)

    def save_assets(self, folder: Path) -> None:
        write_json(folder / ASSETS, {"shares": self.shares.tolist()})

    @property
    def pieces(self) -> tuple[list[Tensor], list[Tensor]]:
        """Rolls `[T, keys]` to train on, and held out."""
        if self._parts is None:
            parts = read_parts(self.options, self.seed)
            self._parts = self._rolls(parts.train), self._rolls(parts.validation)
        return self._parts

    def check(self) -> list[str]:
        train, held = self.pieces
        keys, size = train[0].shape[1], self.options.batch_size
        longest = sum(sorted((len(roll) for roll in train), reverse=True)[:size])
        sounding = float(torch.cat(train).sum(1).mean())
        return [
            lengths_line("train", [len(roll) for roll in train], "steps"),
            lengths_line("validation", [len(roll) for roll in held], "steps"),
            f"notes: {keys} keys, {int((torch.cat(train).sum(0) > 0).sum())} of them ever sound, "
            f"{sounding:.2f} at a time",
            parameters_line(self.model),
            activations_line(self.model, longest, keys),
            *self.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Passage]:
        rolls = self.pieces[0]
        size, steps = self.options.batch_size, self.options.steps
        if steps is not None:
            # the standard library's generator, seeded by text, draws the same numbers everywhere
            order = random.Random(f"{self.seed}:{epoch}").sample(rolls, len(rolls))
            return as_streams(order, size, steps, rank, world)
        plan = Batches([len(r) for r in rolls], batch_size=size, seed=self.seed, rank=rank, world=world)
        return Epoch(plan.count(epoch), lambda n: as_rows([rolls[i] for i in plan.item(epoch, n)]))

    def loss(self, batch: Passage, carry: Any) -> Loss:
        read, told, begins = batch.to(device_of(self.model))
        logits, state = self.model(read, carry, resets=begins)
        after = None if begins is None else detach(state)
        return Loss(note_costs(logits.data, told.data).sum(), len(logits.data), after)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Nats a step, over all notes: `nll`; `nll_after_first` leaves out each piece's first step, which
        some reports do not tell; `nll_frequencies` is that of notes drawn as often as in training.
        """
        rolls = self.pieces[1] if data is None else self._rolls(read_named(self.options, data))
        nats = torch.zeros(3, dtype=torch.float64)
        steps = sum(len(roll) for roll in rolls)
        device = device_of(self.model)
        odds = torch.logit(self.shares).to(device)
        with evaluating(self.model):
            for start in range(0, len(rolls), self.options.batch_size):
                some = rolls[start : start + self.options.batch_size]
                inputs, targets, _ = as_rows(some).to(device)
                costs = note_costs(self.model(inputs)[0].data, targets.data).double()
                plain = note_costs(odds.expand_as(targets.data), targets.data).double()
                later = costs[targets.step_of > 0]
                nats += torch.stack([costs.sum(), later.sum(), plain.sum()]).cpu()
        return {
            "nll": float(nats[0]) / steps,
            "nll_after_first": float(nats[1]) / max(1, steps - len(rolls)),
            "nll_frequencies": float(nats[2]) / steps,
        }

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each piece, a list of steps, each a list of MIDI notes: its `nll` a step, and the likeliest
        notes `next`, each with its probability.
        """
        for item in items:
            roll = roll_of(item, len(self.shares))
            with evaluating(self.model):
                read = (
                    torch.cat([roll.new_zeros(1, roll.shape[1]), roll]).unsqueeze(0).to(device_of(self.model))
                )
                logits = self.model(read)[0][0].cpu()
            shares = logits[-1].sigmoid()
            best = shares.topk(min(5, len(shares)))
            found = [
                {"note": LOWEST + key, "probability": share}
                for key, share in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
            nll = float(note_costs(logits[:-1], roll).sum()) / max(1, len(roll))
            yield {"steps": len(roll), "nll": nll, "next": found}

    def sample(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """New pieces: written to a MIDI file, whose name is given, or told as JSON, a list of MIDI notes for
        each step.

        Args:
            prompt: how they begin: such JSON.
            options: `count`, `length` in steps (200), `temperature`, `seed`, and `output`, the file (numbered
                where there are several).
        """
        return self._sample(prompt, **options)

    def _sample(
        self,
        prompt: str,
        *,
        count: int = 1,
        length: int = 200,
        temperature: float = 1.0,
        seed: int = 0,
        output: str | Path | None = None,
    ) -> Iterator[str]:
        check_sampling(count, length, temperature)
        begin = roll_of(prompt, len(self.shares)) if prompt else torch.zeros(0, len(self.shares))
        for number, roll in enumerate(self.rolls(begin, count, length, temperature, seed)):
            if output is None:
                yield json.dumps([(LOWEST + step.nonzero().flatten()).tolist() for step in roll])
                continue
            path = numbered(output, number, count)
            tempo, steps = self.options.tempo, self.options.steps_a_quarter
            write_bytes(path, to_midi(roll, steps_a_quarter=steps, tempo=tempo))
            yield str(path)

    def rolls(
        self, begin: Tensor, count: int, length: int, temperature: float = 1.0, seed: int = 0
    ) -> Tensor:
        """`[count, T + length, keys]`: pieces that go on after `begin`, `[T, keys]`."""
        device = device_of(self.model)
        generator = torch.Generator(device).manual_seed(seed)
        with evaluating(self.model):
            step = one_step(runner(self.model, count))
            read = torch.cat([torch.zeros(1, len(self.shares)), begin]).to(device)
            logits, state = self.model(read.expand(count, -1, -1))
            drawn, now = [], logits[:, -1]
            for _ in range(length):
                notes = torch.bernoulli((now / temperature).sigmoid(), generator=generator)
                drawn.append(notes)
                now, state = step(notes, state)
        made = torch.stack(drawn, 1).cpu() if drawn else torch.zeros(count, 0, len(self.shares))
        return torch.cat([begin.expand(count, -1, -1), made], 1)

    def _rolls(self, examples: Examples) -> list[Tensor]:
        rolls, notes = read_rolls(examples, self.options.column, len(self.shares))
        self.notes += notes
        return rolls


def build_note_model(options: ComposeModelOptions, keys: int) -> NoteModel:
    """The network, with fresh weights."""
    body: Layer = build_body(options, keys)
    if options.weight_noise:
        body = WeightNoise(body, options.weight_noise)
    return NoteModel(Vectors(keys), body, keys, options.dropout)
