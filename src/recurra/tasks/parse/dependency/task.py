"""Dependency parsing: for each word the word that governs it, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import eq
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import torch

from recurra.data import Examples, LabelSet, columns
from recurra.errors import Fault
from recurra.models import Analysed, ArcHybridParser, BiaffineParser
from recurra.ragged import Ragged
from recurra.tasks.base import Example, Loss, Score, Task
from recurra.tasks.parse.dependency.data import DependencyDataOptions, Treebank, read_trees
from recurra.tasks.parse.dependency.model import DependencyModelOptions, build_parser
from recurra.tasks.parse.dependency.plot import draw_trees
from recurra.tasks.parse.dependency.scores import attachment_figures
from recurra.tasks.parse.dependency.texts import conllu_text, tree_text
from recurra.tasks.parse.own_tags import OwnTags
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.readers.words import WordReader

LABELS = "labels.json"


class Parsed(NamedTuple):
    """A sentence with its tree, as the data writes it: see `Treebank`."""

    words: Sequence[str]
    heads: list[int]
    labels: list[str]
    tags: dict[str, list[str]]


class DependencyTask(Task[BiaffineParser | ArcHybridParser]):
    """Finds the tree of each sentence. Gold tags are never read but as what is to be learnt.

    Its `score` is `las`. A batch is `Analysed`.
    """

    name = "parse"
    item_name = "words"
    DataOptions = DependencyDataOptions
    ModelOptions = DependencyModelOptions
    formats: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
        "conllu": conllu_text,
        "tree": tree_text,
    }
    score = Score("las", larger_is_better=True)

    def __init__(
        self,
        data: DependencyDataOptions,
        reader: WordReader,
        labels: LabelSet,
        tags: OwnTags,
        model: BiaffineParser | ArcHybridParser,
        seed: int = 0,
    ) -> None:
        self.options, self.reader, self.labels, self.tags, self.seed = data, reader, labels, tags, seed
        self.model = model
        self.data: Splits[Treebank] = Splits(data, seed, self.read)

    @classmethod
    def prepare(cls, data: DependencyDataOptions, model: DependencyModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        labels = LabelSet.from_column(parts.train, data.labels, sequences=True)
        rows = {name: columns.tags(parts.train, name, data.tokens) for name in data.tags}
        tags = OwnTags.build(rows, parts.train.source)
        reader = WordReader.build(parts.train, data.tokens, data.tokenizer, model)
        with seeded(seed):
            task = cls(data, reader, labels, tags, build_parser(model, reader, tags, len(labels)), seed)
        train, notes = task.read(parts.train)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls,
        data: DependencyDataOptions,
        model: DependencyModelOptions,
        module: BiaffineParser | ArcHybridParser,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader = WordReader.load(folder, data.tokens, data.tokenizer, model)
        labels = LabelSet.load(folder / LABELS)
        reader.require_input(module.encoder.input, folder)
        require_count(len(labels), module.config["labels"], "labels", folder / LABELS)
        return cls(data, reader, labels, OwnTags.load(folder, module.encoder.config["tags"]), module, seed)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.labels.save(folder / LABELS)
        self.tags.save(folder)

    def read(self, examples: Examples) -> tuple[Treebank, list[str]]:
        """The sentences of examples, and notes on them; see `read_trees`."""
        return read_trees(examples, self.options, self.labels)

    def check(self) -> list[str]:
        size = self.options.batch_size
        longest = max(map(len, self.data.train.words))
        counts = sorted(zip(self.labels.counts, self.labels.names, strict=True), reverse=True)
        return [
            *self.reader.check(self.data.validation.words),
            f"labels: {len(self.labels)}: {', '.join(f'{name} {count:,}' for count, name in counts)}",
            *(f"tags: {name}: {count}" for name, count in self.tags.sizes.items()),
            f"epoch: {len(self.batches(0)):,} batches of {size} sentences",
            parameters_line(self.model),
            activations_line(self.model, size * longest, longest + len(self.labels)),
            *map(str, self.labels.notes),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Analysed]:
        lengths, size = [len(row) for row in self.data.train.words], self.options.batch_size
        return shuffled_batches(
            lengths, size, self.batch, seed=self.seed, epoch=epoch, rank=rank, world=world
        )

    def batch(self, indices: Sequence[int]) -> Analysed:
        """The training sentences at these indices."""
        train = self.data.train
        return Analysed(
            self.reader.batch([train.words[i] for i in indices]),
            Ragged.from_list([torch.tensor(train.heads[i]) for i in indices]),
            Ragged.from_list([torch.tensor(self.labels.encode(train.labels[i])) for i in indices]),
            self.tags.encode({name: [rows[i] for i in indices] for name, rows in train.tags.items()}),
        )

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def step_names(self, batch: Analysed) -> list[list[str]]:
        return self.reader.batch_names(batch.words)

    def loss(self, batch: Analysed, carry: Any) -> Loss:
        return Loss(self.model.loss(batch.to(device_of(self.model))), len(batch.heads.data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`uas` and `las` by the rules of CoNLL 2018, and for each column of tags its `..._accuracy`; a tag
        that training had none of counts as wrong.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        bank = selection.examples
        trees = self.parse(bank.words)
        arcs = attachment_figures(
            bank.heads, bank.labels, [tree.heads for tree in trees], [tree.labels for tree in trees]
        )
        words = [len(row) for row in bank.words]
        hits = {
            f"{name}_accuracy": [
                sum(map(eq, row, tree.tags[name])) for row, tree in zip(rows, trees, strict=True)
            ]
            for name, rows in bank.tags.items()
        }
        tags = ratios({name: (counts, words) for name, counts in hits.items()})
        return selection.measured(len(words), "sentences", together(arcs, tags))

    def row(self, item: Any) -> list[str]:
        """Of a text, a list of words, or a table with `text` or `tokens`."""
        words = self.reader.row(item)
        if len(words) > self.options.max_length:
            raise Fault(
                f"a sentence of {len(words):,} words found, expected at most data.max_length = "
                f"{self.options.max_length:,}: cut the text into sentences"
            )
        return words

    def answers(self, rows: Sequence[list[str]]) -> Iterator[dict[str, Any]]:
        """For each sentence its `tokens`, and of each of them its head (`heads`: the number of a token, from
        1; 0 for the root), the label of that arc (`labels`) and its `tags`, by column.
        """
        for words, tree in zip(rows, self.parse(rows), strict=True):
            yield {"tokens": list(words), "heads": tree.heads, "labels": tree.labels, "tags": tree.tags}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A row for each word: its number `id`, `token`, `head`, `label`, and its tags by column."""
        tags = answer["tags"]
        rows = zip(answer["tokens"], answer["heads"], answer["labels"], strict=True)
        return [
            {
                "id": k + 1,
                "token": token,
                "head": head,
                "label": label,
                **{name: tags[name][k] for name in tags},
            }
            for k, (token, head, label) in enumerate(rows)
        ]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        bank = self.data.evaluation(data)
        truths = [[*zip(*pair, strict=True)] for pair in zip(bank.heads, bank.labels, strict=True)]
        return [Example(*pair) for pair in zip(bank.words, truths, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: Sequence[tuple[int, str]]) -> float:
        """The share of words with another head, or label."""
        pairs = zip(answer["heads"], answer["labels"], truth, strict=True)
        return sum((head, label) != true for head, label, true in pairs) / max(1, len(truth))

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """The tree of each sentence as arcs over its words; what is true instead stands below a word."""
        answers = list(self.answers([each.row for each in examples]))
        return draw_trees(answers, [each.truth for each in examples], dark)

    def parse(self, sentences: Sequence[Sequence[str]]) -> list[Parsed]:
        """The tree of each sentence; one without words has an empty one."""
        full = [row for row in sentences if row]
        answers = iter(
            answer_in_batches(full, [len(row) for row in full], self.options.batch_size, self._parse)
        )
        empty = Parsed([], [], [], {name: [] for name in self.tags.sets})
        return [next(answers) if row else empty for row in sentences]

    def _parse(self, sentences: Sequence[Sequence[str]]) -> list[Parsed]:
        with evaluating(self.model):
            encoded = self.model(self.reader.batch(sentences).to(device_of(self.model)))
            trees = self.model.heads(encoded.steps)
            heads = Ragged.from_list([torch.from_numpy(tree) for tree in trees]).to(encoded.steps.data.device)
            labels = heads.with_data(self.model.label_scores(encoded.steps, heads).argmax(-1)).to_list()
            tags = self.tags.decode(encoded.steps, encoded.tags)
        return [
            Parsed(
                words,
                trees[k].tolist(),
                self.labels.decode(labels[k].tolist()),
                {name: rows[k] for name, rows in tags.items()},
            )
            for k, words in enumerate(sentences)
        ]
