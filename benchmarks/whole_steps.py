"""Whole training steps of five recipes beside the same models in plain torch.

A step is its batch, loss, gradient, clipping and update.

    python benchmarks/whole_steps.py                all five, a table
    python benchmarks/whole_steps.py jsb --rounds 5
    python benchmarks/whole_steps.py -o docs/figures/whole_steps.json     and into a file, for docs/results.md

Both sides take the same examples in the same order, in turn, in one process, with the recipe's own optimiser
and clipping; the peer pads and packs its rows as one does with torch.nn. Its weights begin as torch draws
them, and its dropout draws differ, so the losses agree only about (they are printed). Times are medians over
rounds of `--steps` steps.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from recurra.bench.measure import level, load, processor
from recurra.cli.app import exit_code
from recurra.recipes import find_recipe
from recurra.storage.files import write_json
from recurra.tasks.base import Loss, Task
from recurra.train.recipe import Recipe, read_recipe
from recurra.train.updates import Updates

HEADER = ("recipe", "recurra (ms)", "torch (ms)", "ratio", "loss", "loss of torch")
Rows = tuple[list[Tensor], list[Tensor]]
"""What a batch reads and what it wants, row by row, as a user's own data set would give it."""


class Language(nn.Module):
    """Windows of a stream, all of one length: no packing."""

    def __init__(self, tokens: int, embedding: int, hidden: int, dropout: float, tied: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, embedding)
        self.body = nn.LSTM(embedding, hidden, batch_first=True)
        self.head = nn.Linear(hidden, tokens)
        self.dropout = nn.Dropout(dropout)
        if tied:
            self.head.weight = self.words.weight

    def forward(self, rows: Rows, carry: Any) -> Loss:
        inputs, targets = (torch.stack(part) for part in rows)
        y, state = self.body(self.words(inputs), carry)
        logits = self.head(self.dropout(y))
        total = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        return Loss(total, targets.numel(), tuple(part.detach() for part in state))


class Classifier(nn.Module):
    """Two directions and the largest of each number over a row's steps."""

    def __init__(
        self, input: nn.Module, body: nn.RNNBase, labels: int, dropout: float, before: float = 0.0
    ) -> None:
        super().__init__()
        self.input, self.body = input, body
        self.before, self.dropout = before, nn.Dropout(dropout)
        self.head = nn.Linear(2 * body.hidden_size, labels)

    def forward(self, rows: Rows, carry: Any) -> Loss:
        inputs, labels = rows
        lengths = torch.tensor([len(row) for row in inputs])
        x = self.input(pad_sequence(inputs, batch_first=True))
        if self.before and self.training:
            x = x * torch.empty_like(x[:, :1]).bernoulli_(1 - self.before).div_(1 - self.before)
        if bool((lengths == lengths[0]).all()):
            y, _ = self.body(x)
        else:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            y, _ = pad_packed_sequence(self.body(packed)[0], batch_first=True, padding_value=-math.inf)
        logits = self.head(self.dropout(y.amax(1)))
        return Loss(F.cross_entropy(logits, torch.stack(labels), reduction="sum"), len(labels))


class Notes(nn.Module):
    """The keys of the next chord; noise on the body's weights in training."""

    def __init__(self, keys: int, hidden: int, noise: float) -> None:
        super().__init__()
        self.body = nn.GRU(keys, hidden, batch_first=True)
        self.head = nn.Linear(hidden, keys)
        self.noise = noise

    def forward(self, rows: Rows, carry: Any) -> Loss:
        inputs, targets = rows
        lengths = torch.tensor([len(row) for row in inputs])
        weights = [self.body.weight_ih_l0, self.body.weight_hh_l0]
        noise = [self.noise * torch.randn_like(weight) for weight in weights]
        with torch.no_grad():
            torch._foreach_add_(weights, noise)
        packed = pack_padded_sequence(
            pad_sequence(inputs, batch_first=True), lengths, batch_first=True, enforce_sorted=False
        )
        wanted = pack_padded_sequence(
            pad_sequence(targets, batch_first=True), lengths, batch_first=True, enforce_sorted=False
        )
        logits = self.head(self.body(packed)[0].data)
        total = F.binary_cross_entropy_with_logits(logits, wanted.data, reduction="sum")
        self.drawn = (weights, noise)
        return Loss(total, int(lengths.sum()))

    def quiet(self) -> None:
        """Takes the noise back, after the gradient and before the update."""
        with torch.no_grad():
            torch._foreach_sub_(*self.drawn)


class Bench(NamedTuple):
    """A recipe and its peer.

    Attributes:
        rows: what a batch of the task reads and wants, row by row.
    """

    recipe: str
    peer: Callable[[Task], nn.Module]
    rows: Callable[[Any], Rows]


def _window(batch: Any) -> Rows:
    return batch.inputs.to_list(), batch.targets.to_list()


def _labelled(batch: Any) -> Rows:
    inputs, labels = batch
    return getattr(inputs, "ids", inputs).to_list(), list(labels)


BENCHES = (
    Bench("char-lm", lambda task: Language(len(task.text.tokenizer), 64, 512, 0.4, False), _window),
    Bench("word-lm", lambda task: Language(len(task.text.tokenizer), 256, 256, 0.2, True), _window),
    Bench(
        "mnist_rows",
        lambda task: Classifier(
            nn.Identity(), nn.GRU(28, 80, 2, batch_first=True, bidirectional=True, dropout=0.2), 10, 0.2
        ),
        _labelled,
    ),
    Bench(
        "sentiment",
        lambda task: Classifier(
            nn.Embedding(task.model.input.words.table.num_embeddings, 100),
            nn.LSTM(100, 128, batch_first=True, bidirectional=True),
            2,
            0.5,
            0.3,
        ),
        _labelled,
    ),
    Bench("jsb", lambda task: Notes(88, 46, 0.075), _window),
)


def ours(recipe: Recipe, task: Task) -> Callable[[int], float]:
    """A step of the training loop: the batch is made as it is taken."""
    batches = task.batches(0)
    updates = Updates(recipe.train, task.model, task.score, planned=10_000, per_epoch=len(batches))
    carry: Any = None

    def step(number: int) -> float:
        nonlocal carry
        loss = task.loss(batches[number % len(batches)], carry)
        carry = loss.carry
        torch.autograd.backward(loss.total / loss.items)
        updates.norm()
        updates.update(number)
        updates.forget()
        return float(loss.total.detach()) / loss.items

    task.model.train()
    return step


def peers(recipe: Recipe, model: nn.Module, rows: Sequence[Rows]) -> Callable[[int], float]:
    """The same step as one writes it in plain torch."""
    settings = recipe.train.optimiser.model_dump(exclude_none=True)
    optimiser = getattr(torch.optim, settings.pop("name"))(model.parameters(), **settings)
    carry: Any = None

    def step(number: int) -> float:
        nonlocal carry
        loss = model(rows[number % len(rows)], carry)
        carry = loss.carry
        torch.autograd.backward(loss.total / loss.items)
        if isinstance(model, Notes):
            model.quiet()
        if recipe.train.clip_norm:
            clip_grad_norm_(model.parameters(), recipe.train.clip_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return float(loss.total.detach()) / loss.items

    model.train()
    return step


def measure(bench: Bench, steps: int, rounds: int) -> Iterator[str]:
    recipe = read_recipe(find_recipe(bench.recipe))
    task = recipe.prepare()
    torch.manual_seed(0)
    batches = task.batches(0)
    rows = [bench.rows(batches[number]) for number in range(min(len(batches), steps * (rounds + 1)))]
    sides = {"recurra": ours(recipe, task), "torch": peers(recipe, bench.peer(task), rows)}
    times: dict[str, list[float]] = {name: [] for name in sides}
    losses: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, step in sides.items():
            start = time.perf_counter()
            numbers = range(turn * steps, (turn + 1) * steps)
            losses[name] = sum(step(number) for number in numbers) / steps
            times[name].append((time.perf_counter() - start) / steps)
    mine, other = (1e3 * median(times[name][1:]) for name in ("recurra", "torch"))
    ends = (losses[name] for name in sides)
    yield "\t".join(
        (bench.recipe, f"{mine:.1f}", f"{other:.1f}", f"{other / mine:.2f}", *(f"{x:.3f}" for x in ends))
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    machine = f"{processor()}, {level()}, {torch.get_num_threads()} threads, load {load():.2f}"
    print(machine)
    print("\t".join(HEADER), flush=True)
    ratios, lines = [], []
    for bench in BENCHES:
        if not options.names or bench.recipe in options.names:
            for line in measure(bench, options.steps, options.rounds):
                lines.append(line.split("\t"))
                ratios.append(float(lines[-1][3]))
                print(line, flush=True)
    mean = f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}, least {min(ratios):.2f}"
    print(mean)
    if options.output is not None:
        write_json(options.output, {"machine": machine, "header": HEADER, "rows": lines, "mean": mean})
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
