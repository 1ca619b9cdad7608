"""Polyphonic music: which notes sound next."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data import Examples
from recurra.data.midi import LOWEST, to_midi
from recurra.errors import Fault
from recurra.models.note_model import NoteModel, note_costs
from recurra.ragged import Ragged
from recurra.state import detach
from recurra.storage.fields import Fields
from recurra.storage.files import read_json, write_bytes, write_json
from recurra.tasks.base import CHANGEABLE, TASKS, Example, Loss, Score, Task
from recurra.tasks.compose.data import ComposeOptions, Passage, as_rows, as_streams, read_rolls, roll_of
from recurra.tasks.compose.model import ComposeModelOptions, build_model
from recurra.tasks.compose.plot import draw_rolls
from recurra.tasks.compose.samples import sample_rolls
from recurra.tasks.parts.batches import answer_in_batches, chunks, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement, ratios
from recurra.tasks.parts.sampling import check_sampling, numbered
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import LazySplits

ASSETS = "notes.json"


@TASKS.register("compose")
class ComposeTask(Task[NoteModel]):
    """Predicts the notes of each step from all steps before it, the first step from silence.

    Attributes:
        shares: `[keys]`, how often each key sounds in training.
        data: rolls `[T, keys]`.
    """

    name = "compose"
    item_name = "steps"
    DataOptions = ComposeOptions
    ModelOptions = ComposeModelOptions
    changeable = (*CHANGEABLE, "data.steps_a_quarter", "data.tempo")
    score = Score("nll", larger_is_better=False)

    def __init__(self, options: ComposeOptions, model: NoteModel, shares: Tensor, seed: int) -> None:
        self.options, self.seed = options, seed
        self.model = model
        self.shares = shares
        self.data: LazySplits[list[Tensor]] = LazySplits(options, seed, self.read)

    @classmethod
    def prepare(cls, data: ComposeOptions, model: ComposeModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        train, notes = read_rolls(parts.train, data.column)
        joined = torch.cat(train)
        # half a note more on either side: one that never sounds in training has some probability left
        shares = (joined.sum(0) + 0.5) / (len(joined) + 1)
        with seeded(seed):
            task = cls(data, build_model(model, len(shares)), shares, seed)
        with torch.no_grad():  # rare notes begin rare, or the first epochs would learn nothing else
            task.model.output.bias.copy_(torch.logit(shares))
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls,
        data: ComposeOptions,
        model: ComposeModelOptions,
        module: NoteModel,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        shares = Fields(read_json(folder / ASSETS), str(folder / ASSETS)).numbers("shares")
        if not all(0 < share < 1 for share in shares):
            raise Fault(
                f"{folder / ASSETS}: a share outside of 0 to 1 found: it is damaged or from another version"
            )
        require_count(len(shares), module.output.out_features, "notes", folder / ASSETS)
        return cls(data, module, torch.tensor(shares, dtype=torch.float32), seed)

    def save_assets(self, folder: Path) -> None:
        write_json(folder / ASSETS, {"shares": self.shares.tolist()})

    def read(self, examples: Examples) -> tuple[list[Tensor], list[str]]:
        """The rolls of examples, and notes on those left out."""
        return read_rolls(examples, self.options.column, len(self.shares))

    def check(self) -> list[str]:
        train = self.data.train
        lengths, joined = [len(roll) for roll in train], torch.cat(train)
        keys, size = len(self.shares), self.options.batch_size
        return [
            lengths_line("train", lengths, "steps"),
            lengths_line("validation", [len(roll) for roll in self.data.validation], "steps"),
            f"notes: {keys} keys, {int((joined.sum(0) > 0).sum())} of them ever sound, "
            f"{float(joined.sum(1).mean()):.2f} at a time",
            parameters_line(self.model),
            activations_line(self.model, sum(sorted(lengths, reverse=True)[:size]), keys),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Passage]:
        rolls = self.data.train
        size, steps = self.options.batch_size, self.options.window
        if steps is not None:
            # the standard library's generator, seeded by text, draws the same numbers everywhere
            order = random.Random(f"{self.seed}:{epoch}").sample(rolls, len(rolls))
            return as_streams(order, size, steps, rank, world)

        def make(indices: Sequence[int]) -> Passage:
            return as_rows([rolls[i] for i in indices])

        lengths = [len(roll) for roll in rolls]
        return shuffled_batches(lengths, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: Passage, carry: Any) -> Loss:
        inputs, targets, begins = batch.to(device_of(self.model))
        logits, state = self.model(inputs, carry, resets=begins)
        total = note_costs(logits.data, targets.data).sum()
        return Loss(total, len(logits.data), None if begins is None else detach(state))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Nats a step, over all notes: `nll`; `nll_after_first` leaves out each piece's first step, which
        some reports do not count; `nll_frequencies` is that of notes drawn as often as in training.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rolls = selection.examples
        nats = []
        device = device_of(self.model)
        odds = torch.logit(self.shares).to(device)
        with evaluating(self.model):
            for chunk in chunks(rolls, self.options.batch_size):
                inputs, targets, _ = as_rows(chunk).to(device)
                costs = note_costs(self.model(inputs)[0].data, targets.data).double()
                plain = note_costs(odds.expand_as(targets.data), targets.data).double()
                later = costs * (targets.step_of > 0)
                rows = targets.with_data(torch.stack([costs, later, plain], 1)).to_list()
                nats += [row.sum(0).cpu() for row in rows]
        total, later, plain = torch.stack(nats).unbind(1)
        steps = torch.tensor([len(roll) for roll in rolls])
        figures = ratios(
            {
                "nll": (total, steps),
                "nll_after_first": (later, steps - 1),
                "nll_frequencies": (plain, steps),
            }
        )
        return selection.measured(len(rolls), "pieces", figures)

    def row(self, item: Any) -> Tensor:
        """Of a piece: a list of steps, each a list of MIDI notes, or a MIDI file."""
        return roll_of(item, len(self.shares), self.options.steps_a_quarter)

    def answers(self, rows: Sequence[Tensor]) -> Iterator[dict[str, Any]]:
        """For each piece: its `nll` a step, and the likeliest notes `next`, each with its probability."""
        for roll, logits in zip(rows, self._logits(rows), strict=True):
            shares = logits[-1].sigmoid()
            best = shares.topk(min(5, len(shares)))
            likeliest = [
                {"note": LOWEST + key, "probability": share}
                for key, share in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
            nll = float(note_costs(logits[:-1], roll).sum()) / max(1, len(roll))
            yield {"steps": len(roll), "nll": nll, "next": likeliest}

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        return [Example(roll) for roll in self.data.evaluation(data)]

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each piece as a roll: how probable each note was before it came, and which came."""
        rolls = [each.row for each in examples]
        logits = [each[:-1] for each in self._logits(rolls)]
        costs = [float(note_costs(each, roll).mean()) for each, roll in zip(logits, rolls, strict=True)]
        return draw_rolls(rolls, [each.sigmoid() for each in logits], costs, dark)

    def _logits(self, rolls: Sequence[Tensor]) -> list[Tensor]:
        """Of each piece the logits `[T + 1, keys]` of every step and of the one after it."""

        def of_batch(some: list[Tensor]) -> list[Tensor]:
            inputs = Ragged.from_list([torch.cat([roll.new_zeros(1, roll.shape[1]), roll]) for roll in some])
            with evaluating(self.model):
                logits = self.model(inputs.to(device_of(self.model)))[0]
            return [row.cpu() for row in logits.to_list()]

        return answer_in_batches(rolls, [len(roll) for roll in rolls], self.options.batch_size, of_batch)

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All but the notes that are likeliest next."""
        return [{name: value for name, value in answer.items() if name != "next"}]

    def sample(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """New pieces: written to a MIDI file, or as JSON, a list of MIDI notes for each step.

        Args:
            prompt: how they begin: such JSON, or a MIDI file.
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
        keys = len(self.shares)
        begin = roll_of(prompt, keys, self.options.steps_a_quarter) if prompt else torch.zeros(0, keys)
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
        return sample_rolls(self.model, begin, count=count, length=length, temperature=temperature, seed=seed)
