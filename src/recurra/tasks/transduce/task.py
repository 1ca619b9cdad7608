"""Many to many with fewer steps: one symbol of the target for every so many of the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any, Self

import torch

from recurra.data import Tokenizer, load_tokenizer, train_tokenizer
from recurra.models import Tagger
from recurra.ragged import Ragged
from recurra.storage.colours import colours
from recurra.tasks.base import TASKS, Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count, require_tokens
from recurra.tasks.parts.likeness import misplaced
from recurra.tasks.parts.measurement import Measurement, ratios
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.word_lines import Word, draw_words
from recurra.tasks.seq2seq.pairs import SOURCE_TOKENIZER, TARGET_TOKENIZER, Pairs, pairs_of, text_of
from recurra.tasks.transduce.data import TransduceDataOptions, check_ratio, read_matched
from recurra.tasks.transduce.model import TransduceModelOptions, build_model


@TASKS.register("transduce")
class TransduceTask(Task[Tagger]):
    """Reads `ratio` symbols for each that it writes."""

    name = "transduce"
    item_name = "tokens"
    DataOptions = TransduceDataOptions
    ModelOptions = TransduceModelOptions
    score = Score("accuracy", larger_is_better=True)

    def __init__(
        self,
        data: TransduceDataOptions,
        source: Tokenizer,
        target: Tokenizer,
        model: Tagger,
        seed: int = 0,
    ) -> None:
        self.options, self.source, self.target, self.seed = data, source, target, seed
        self.model = model
        convert = partial(read_matched, options=data, source=source, target=target)
        self.data: Splits[Pairs] = Splits(data, seed, convert)

    @classmethod
    def prepare(cls, data: TransduceDataOptions, model: TransduceModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        train, notes = pairs_of(parts.train, data)
        source = train_tokenizer(data.unit, train.sources, end=None)
        target = train_tokenizer(data.unit, train.targets, end=None)
        with seeded(seed):
            task = cls(data, source, target, build_model(model, data.ratio, source, target), seed)
        check_ratio(train, data, source, target)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls,
        data: TransduceDataOptions,
        model: TransduceModelOptions,
        module: Tagger,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        source, target = (load_tokenizer(folder / name) for name in (SOURCE_TOKENIZER, TARGET_TOKENIZER))
        require_tokens(len(source), module.input, "symbols", folder / SOURCE_TOKENIZER)
        require_count(len(target), module.output.out_features, "symbols", folder / TARGET_TOKENIZER)
        return cls(data, source, target, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.source.save(folder / SOURCE_TOKENIZER)
        self.target.save(folder / TARGET_TOKENIZER)

    def check(self) -> list[str]:
        train, validation = (
            [len(self.source.split(text)) for text in pairs.sources]
            for pairs in (self.data.train, self.data.validation)
        )
        size = self.options.batch_size
        return [
            lengths_line("train", train, "source symbols"),
            lengths_line("validation", validation, "source symbols"),
            f"vocabulary: {len(self.source)} source and {len(self.target)} target symbols, "
            f"{self.options.ratio} to 1",
            f"epoch: {len(self.batches(0)):,} batches of {size} pairs",
            parameters_line(self.model),
            activations_line(self.model, size * max(train), len(self.target)),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Ragged, Ragged]]:
        train = self.data.train

        def make(indices: Sequence[int]) -> tuple[Ragged, Ragged]:
            targets = [torch.tensor(self.target.encode(train.targets[i])) for i in indices]
            return self._batch([train.sources[i] for i in indices]), Ragged.from_list(targets)

        lengths, size = [len(text) for text in train.sources], self.options.batch_size
        return shuffled_batches(lengths, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def step_names(self, batch: tuple[Ragged, Ragged]) -> list[list[str]]:
        return [[*map(self.source.token, row.tolist())] for row in batch[0].to_list()]

    def loss(self, batch: tuple[Ragged, Ragged], carry: Any) -> Loss:
        device = device_of(self.model)
        scores, _ = self.model(batch[0].to(device))
        return Loss(self.model.loss(scores, batch[1].to(device)), len(batch[1].data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy` over symbols, `exact`: the share of whole targets without a fault, and `longest`: the
        source symbols of the longest pair among them.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        pairs = selection.examples
        predictions = self.transduce(pairs.sources)
        targets = [self.target.split(text) for text in pairs.targets]
        rows = [*zip(targets, predictions, strict=True)]
        figures = ratios(
            {
                "accuracy": ([sum(map(eq, *row)) for row in rows], [len(row) for row in targets]),
                "exact": ([true == guess for true, guess in rows], None),
            }
        )
        longest = float(max(len(self.source.split(text)) for text in pairs.sources))
        return selection.measured(len(rows), "pairs", figures, {"longest": longest})

    def row(self, item: Any) -> str:
        """Of a text, or a table with `source`."""
        return text_of(item, "source")

    def answers(self, rows: Sequence[str]) -> Iterator[dict[str, Any]]:
        """For each text: `source` and `target`."""
        blank = " " if self.options.unit == "word" else ""
        for text, symbols in zip(rows, self.transduce(rows), strict=True):
            yield {"source": text, "target": blank.join(symbols)}

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        pairs = self.data.evaluation(data)
        return [Example(*pair) for pair in zip(pairs.sources, pairs.targets, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """The share of symbols that are others."""
        return misplaced(self.target.split(answer["target"]), self.target.split(truth))

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each symbol below the last of those that it answers to; in red what is true instead."""
        answers = self.transduce([each.row for each in examples])
        return draw_words(
            [self._words(each, answer, dark) for each, answer in zip(examples, answers, strict=True)], dark
        )

    def _words(self, example: Example, answer: Sequence[str], dark: bool) -> list[Word]:
        source, ratio = self.source.split(example.row), self.options.ratio
        truth = answer if example.truth is None else self.target.split(example.truth)
        words = []
        for k, symbol in enumerate(source):
            place, last = divmod(k, ratio)
            if last < ratio - 1 or place >= len(answer):
                words.append(Word(symbol))
                continue
            wrong = place < len(truth) and answer[place] != truth[place]
            correction = f"✗ {truth[place]}" if wrong else ""
            words.append(Word(symbol, (answer[place],), colours(dark).blue, 0.2, correction))
        return words

    def transduce(self, texts: Sequence[str]) -> list[list[str]]:
        """The symbols of each target; what is left of a source that is no multiple of `ratio` has none."""
        lengths = [len(text) for text in texts]
        return answer_in_batches(texts, lengths, self.options.batch_size, self._answer)

    def _answer(self, texts: Sequence[str]) -> list[list[str]]:
        with evaluating(self.model):
            scores, _ = self.model(self._batch(texts).to(device_of(self.model)))
            rows = self.model.decode(scores).to_list()
        return [[self.target.token(index) for index in row.tolist()] for row in rows]

    def _batch(self, texts: Sequence[str]) -> Ragged:
        return Ragged.from_list([torch.tensor(self.source.encode(text), dtype=torch.int64) for text in texts])
