"""Constituency parsing: the phrases of each sentence, one within the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from recurra.data import Examples, Tree
from recurra.data.text.constituents import brackets, tags_of
from recurra.models import SpanParser, Words
from recurra.ragged import Ragged
from recurra.tasks.base import Example, Loss, Score, Task
from recurra.tasks.parse.constituency.baseline import RightBranching
from recurra.tasks.parse.constituency.data import (
    TOKENS,
    ConstituencyDataOptions,
    Treebank,
    require_words,
    treebank,
    with_trees,
)
from recurra.tasks.parse.constituency.decoding import Decoder, decode
from recurra.tasks.parse.constituency.labels import CONSTITUENTS, Constituents
from recurra.tasks.parse.constituency.losses import decision_hinge, label_likelihood, tree_hinge
from recurra.tasks.parse.constituency.model import ConstituencyModelOptions, build_parser
from recurra.tasks.parse.constituency.plot import draw_trees
from recurra.tasks.parse.constituency.scores import bracket_figures, bracket_scores
from recurra.tasks.parse.constituency.texts import brackets_text, tree_text
from recurra.tasks.parse.own_tags import OwnTags
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Measurement
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import some
from recurra.tasks.readers.words import WordReader

TAGS = "tags"


class SpanBatch(NamedTuple):
    """Sentences: words, the true label of every span `[M]` int64, and the tags of the words, by column."""

    words: Words
    labels: Tensor
    tags: dict[str, Ragged]

    def to(self, device: torch.device) -> SpanBatch:
        """On that device."""
        tags = {name: rows.to(device) for name, rows in self.tags.items()}
        return SpanBatch(self.words.to(device), self.labels.to(device), tags)


class ConstituencyTask(Task[SpanParser]):
    """Finds the tree of each sentence. Gold tags are never read but as what is to be learnt.

    Attributes:
        decoder: how trees are found; may be set to another one.
    """

    name = "parse"
    item_name = "words"
    DataOptions = ConstituencyDataOptions
    ModelOptions = ConstituencyModelOptions
    formats: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
        "brackets": brackets_text,
        "tree": tree_text,
    }
    score = Score("f1", larger_is_better=True)

    def __init__(
        self,
        data: ConstituencyDataOptions,
        options: ConstituencyModelOptions,
        reader: WordReader,
        labels: Constituents,
        tags: OwnTags,
        model: SpanParser,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader, self.seed = data, options, reader, seed
        self.labels, self.tags, self.model = labels, tags, model
        self.decoder: Decoder = options.decoder
        self.data: Splits[Treebank] = Splits(data, seed, self.read)

    @classmethod
    def prepare(cls, data: ConstituencyDataOptions, model: ConstituencyModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        examples, where = with_trees(parts.train, data.tree), parts.train.source
        train, notes = treebank(examples, data)
        labels = Constituents.build(train.trees, where)
        tags = OwnTags.build({TAGS: train.tags}, where)
        reader = WordReader.build(examples, TOKENS, data.tokenizer, model)
        with seeded(seed):
            parser = build_parser(model, reader, tags, len(labels.names))
            task = cls(data, model, reader, labels, tags, parser, seed)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls,
        data: ConstituencyDataOptions,
        model: ConstituencyModelOptions,
        module: SpanParser,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader, labels = WordReader.load(folder, TOKENS, data.tokenizer, model), Constituents.load(folder)
        reader.require_input(module.encoder.input, folder)
        require_count(len(labels.names), module.config["labels"], "labels", folder / CONSTITUENTS)
        tags = OwnTags.load(folder, module.encoder.config["tags"])
        return cls(data, model, reader, labels, tags, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.labels.save(folder)
        self.tags.save(folder)

    def read(self, examples: Examples) -> tuple[Treebank, list[str]]:
        """The sentences of examples, and notes on those left out."""
        return treebank(with_trees(examples, self.options.tree), self.options)

    def check(self) -> list[str]:
        size = self.options.batch_size
        longest = max(map(len, self.data.train.words))
        validation = self.data.validation
        blind = RightBranching(self.data.train.trees, self.labels)
        scores = bracket_scores(validation.trees, [blind.tree(tree) for tree in validation.trees])
        unseen = sum(map(self.labels.unseen, validation.trees))
        note = (
            [f"{unseen} validation constituents have a label that training had none of: none can be right"]
            if unseen
            else []
        )
        return [
            *self.reader.check(validation.words),
            *self.labels.lines(),
            *note,
            f"right-branching trees, which look at no word: f1 {scores['f1']:.3f} on the validation data",
            *(f"tags: {count}" for count in self.tags.sizes.values()),
            f"epoch: {len(self.batches(0)):,} batches of {size} sentences",
            parameters_line(self.model),
            activations_line(self.model, size * longest, len(self.labels.names) * (longest + 1) // 2),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[SpanBatch]:
        lengths, size = [len(row) for row in self.data.train.words], self.options.batch_size
        return shuffled_batches(
            lengths, size, self.batch, seed=self.seed, epoch=epoch, rank=rank, world=world
        )

    def batch(self, indices: Sequence[int]) -> SpanBatch:
        """The training sentences at these indices."""
        train = self.data.train
        trees = [train.trees[i] for i in indices]
        return SpanBatch(
            self.reader.batch([train.words[i] for i in indices]),
            torch.cat([self.labels.encode(tree) for tree in trees]),
            self.tags.encode({TAGS: [tags_of(tree) for tree in trees]}),
        )

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def step_names(self, batch: SpanBatch) -> list[list[str]]:
        return self.reader.batch_names(batch.words)

    def loss(self, batch: SpanBatch, carry: Any) -> Loss:
        batch = batch.to(device_of(self.model))
        scores = self.model(batch.words)
        tags = self.model.encoder.tag_loss(scores.encoded, batch.tags)
        rooted = self.labels.root is not None
        if not bool(scores.labels.isfinite().all()):
            spans = scores.labels.sum()  # there is no best tree, and the training is to say so
        elif self.model_options.loss == "softmax":
            spans = label_likelihood(scores, batch.labels)
        else:
            hinge = tree_hinge if self.model_options.decoder == "chart" else decision_hinge
            spans = hinge(scores, batch.labels, rooted)
        return Loss(spans + tags, len(batch.words.ids.data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`f1`, `precision` and `recall` of labelled brackets as EVALB counts them, `complete`: the share of
        sentences without a mistake, `tag_accuracy`, and `unseen_labels`: how many constituents have a label
        that training had none of, each of which is a mistake.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        bank = selection.examples
        unseen = sum(map(self.labels.unseen, bank.trees))
        figures = bracket_figures(bank.trees, self.parse(bank.words))
        return selection.measured(len(bank.trees), "sentences", figures, {"unseen_labels": float(unseen)})

    def row(self, item: Any) -> list[str]:
        """Of a text, a list of words, or a table with `text` or `tokens`."""
        words = self.reader.row(item)
        require_words(words, self.options.max_length)
        return words

    def answers(self, rows: Sequence[list[str]]) -> Iterator[dict[str, Any]]:
        """For each sentence its `tokens`, their `tags`, and the tree as `brackets`."""
        for words, tree in zip(rows, self.parse(rows), strict=True):
            yield {"tokens": list(words), "tags": tags_of(tree), "brackets": brackets(tree)}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The tree, as `brackets`."""
        return [some(answer, "brackets", "sound")]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        bank = self.data.evaluation(data)
        return [Example(*pair) for pair in zip(bank.words, bank.trees, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: Tree) -> float:
        """How far the tree, written in brackets, is from the true one."""
        return unlike(answer["brackets"].split(), brackets(truth).split())

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """The tree of each sentence, and below it the true one where it is another."""
        return draw_trees(
            self.parse([each.row for each in examples]), [each.truth for each in examples], dark
        )

    def parse(self, sentences: Sequence[Sequence[str]]) -> list[Tree]:
        """The tree of each sentence, of at least one word each.

        Raises:
            Fault: a score that is not finite.
        """
        rows = list(sentences)
        return answer_in_batches(rows, [len(row) for row in rows], self.options.batch_size, self._parse)

    def _parse(self, sentences: Sequence[Sequence[str]]) -> list[Tree]:
        with evaluating(self.model):
            scores = self.model(self.reader.batch(sentences).to(device_of(self.model)))
            spans = decode(scores, self.decoder, self.labels.root is not None)
            tags = self.tags.decode(scores.encoded.steps, scores.encoded.tags)[TAGS]
        return [self.labels.decode(*each) for each in zip(sentences, tags, spans, strict=True)]
