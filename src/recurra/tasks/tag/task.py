"""Tagging: one label for each word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import eq
from pathlib import Path
from typing import Any, Self

from recurra.data.text.spans import spans, to_tags
from recurra.models import Tagger, Words
from recurra.ragged import Ragged
from recurra.tasks.base import CHANGEABLE, TASKS, Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.confusions import Confusion, span_pairs
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.label_weights import LabelWeights, weights_of
from recurra.tasks.parts.likeness import misplaced
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.metrics import span_counts, span_figures
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.thresholds import UNSURE, read_threshold
from recurra.tasks.readers.words import WordReader
from recurra.tasks.tag.data import TagDataOptions, Tagged, read_tagged
from recurra.tasks.tag.model import TagModelOptions, build_model
from recurra.tasks.tag.plot import draw_tags
from recurra.tasks.tag.stream import TagStream
from recurra.tasks.tag.tag_set import TAGS, TagSet


@TASKS.register("tag")
class TagTask(Task[Tagger]):
    """Gives each word of a sentence a tag, and finds the spans that tags mark.

    A batch is `Words` and the tags' ids, both ragged.
    """

    name = "tag"
    item_name = "words"
    DataOptions = TagDataOptions
    ModelOptions = TagModelOptions
    changeable = (*CHANGEABLE, "model.outside_discount")

    def __init__(
        self,
        data: TagDataOptions,
        reader: WordReader,
        tags: TagSet,
        model: Tagger,
        seed: int = 0,
        label_weights: LabelWeights | None = None,
        outside_discount: float = 0.0,
    ) -> None:
        self.options, self.reader, self.tags, self.seed = data, reader, tags, seed
        self.model = model
        self.threshold: float | None = None
        self.discounts = tags.discounts(outside_discount)
        self.weights = weights_of(label_weights, tags.counts(), tags.kinds())
        self.score = Score("accuracy" if tags.scheme is None else "f1", larger_is_better=True)
        self.data: Splits[Tagged] = Splits(data, seed, lambda examples: read_tagged(examples, data, tags))

    @classmethod
    def prepare(cls, data: TagDataOptions, model: TagModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        tags = TagSet.build(parts.train, data.tags, data.scheme, data.inner)
        reader = WordReader.build(parts.train, data.tokens, data.tokenizer, model)
        with seeded(seed):
            network = build_model(model, reader, tags)
            task = cls(data, reader, tags, network, seed, model.label_weights, model.outside_discount)
        train, notes = read_tagged(parts.train, data, tags)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(
        cls, data: TagDataOptions, model: TagModelOptions, module: Tagger, folder: Path, *, seed: int = 0
    ) -> Self:
        reader = WordReader.load(folder, data.tokens, data.tokenizer, model)
        tags = TagSet.load(folder)
        reader.require_input(module.input, folder)
        require_count(len(tags.names), module.output.out_features, "tags", folder / TAGS)
        return cls(data, reader, tags, module, seed, model.label_weights, model.outside_discount)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.tags.save(folder)

    def check(self) -> list[str]:
        tags, size = self.tags, self.options.batch_size
        longest = max(map(len, self.data.train.words))
        spans = "" if tags.scheme is None else f" ({tags.scheme} in the data, {tags.inner} inside)"
        counts = zip(tags.names.names, tags.names.counts, strict=True)
        return [
            *self.reader.check(self.data.validation.words),
            f"tags: {len(tags.names)}{spans}: {', '.join(f'{name} {count:,}' for name, count in counts)}",
            f"epoch: {len(self.batches(0)):,} batches of {size} sentences",
            parameters_line(self.model),
            activations_line(self.model, size * longest, len(tags.names)),
            *tags.notes,
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Words, Ragged]]:
        lengths, size = [len(row) for row in self.data.train.words], self.options.batch_size
        return shuffled_batches(
            lengths, size, self.batch, seed=self.seed, epoch=epoch, rank=rank, world=world
        )

    def batch(self, indices: Sequence[int]) -> tuple[Words, Ragged]:
        """The training sentences at these indices."""
        train = self.data.train
        words = self.reader.batch([train.words[i] for i in indices])
        return words, Ragged.from_list([train.ids[i] for i in indices])

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def step_names(self, batch: tuple[Words, Ragged]) -> list[list[str]]:
        return self.reader.batch_names(batch[0])

    def loss(self, batch: tuple[Words, Ragged], carry: Any) -> Loss:
        device = device_of(self.model)
        words, tags = batch[0].to(device), batch[1].to(device)
        scores, _ = self.model(words)
        return Loss(self.model.loss(scores, tags, self.weights), len(tags.data))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy` over words; where tags mark spans also `f1`, `precision` and `recall` over spans."""
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        targets, predictions = selection.examples.tags, self.tag(selection.examples.words)
        pairs = [*zip(targets, predictions, strict=True)]
        words = ratios({"accuracy": ([sum(map(eq, *pair)) for pair in pairs], [len(row) for row in targets])})
        scheme = self.tags.scheme
        of_spans = [] if scheme is None else [span_figures([span_counts(*pair, scheme) for pair in pairs])]
        return selection.measured(
            len(pairs), "sentences", together(words, *of_spans), confusions=lambda: self._confusions(pairs)
        )

    def set_threshold(self, text: str) -> None:
        """A span counts where each of its tags is so probable; where tags mark none, a tag below it is
        `UNSURE`.
        """
        threshold = read_threshold(text, ())
        self.threshold = threshold.value

    def row(self, item: Any) -> list[str]:
        """Of a text, a list of words, or a table with `text` or `tokens`."""
        return self.reader.row(item)

    def answers(self, rows: Sequence[list[str]]) -> Iterator[dict[str, Any]]:
        """For each sentence: `tokens`, `tags`, the `probabilities` of the tags, and `spans` where tags mark
        them.
        """
        for words, (tags, shares) in zip(rows, self._tagged(rows), strict=True):
            more = {} if self.tags.scheme is None else {"spans": self.tags.spans(tags, words, shares)}
            yield {"tokens": words, "tags": tags, "probabilities": shares, **more}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A row for each word: `token`, `tag`, `probability`."""
        rows = zip(answer["tokens"], answer["tags"], answer["probabilities"], strict=True)
        return [dict(zip(("token", "tag", "probability"), row, strict=True)) for row in rows]

    def plain_text(self, answer: Mapping[str, Any]) -> str:
        """A line for each word, with its tag after a tab, and an empty one: as CoNLL columns."""
        pairs = zip(answer["tokens"], answer["tags"], strict=True)
        return "".join(f"{token}\t{tag}\n" for token, tag in pairs) + "\n"

    def tag(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The tags of sentences, as the data writes them."""
        return [tags for tags, _ in self._tagged(sentences)]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        sentences = self.data.evaluation(data)
        return [Example(*pair) for pair in zip(sentences.words, sentences.tags, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: Sequence[str]) -> float:
        """The share of words with another tag."""
        return misplaced(answer["tags"], truth)

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each word with its tag, how probable that is, and in red what is true instead."""
        answers = list(self.answers([each.row for each in examples]))
        truths = [each.truth for each in examples]
        return draw_tags(answers, truths, self.tags.names.names, self.tags.scheme, dark)

    def open_stream(self) -> TagStream:
        """Text in; the tag of each word. Refused where a tag depends on the whole sentence."""
        return TagStream(self.model, self.reader, self.tags, self.discounts)

    def _confusions(self, pairs: Sequence[tuple[list[str], list[str]]]) -> dict[str, Confusion]:
        tokens = Confusion((both for pair in pairs for both in zip(*pair, strict=True)), (UNSURE,))
        scheme = self.tags.scheme
        if scheme is None:
            return {"tokens": tokens}
        pieces = Confusion(both for pair in pairs for both in span_pairs(*pair, scheme))
        return {"spans": pieces, "tokens": tokens}

    def _tagged(self, sentences: Sequence[Sequence[str]]) -> list[tuple[list[str], list[float]]]:
        """The tags of sentences, and how probable each is."""
        full = [row for row in sentences if row]
        answers = iter(
            answer_in_batches(full, [len(row) for row in full], self.options.batch_size, self._tag)
        )
        return [next(answers) if row else ([], []) for row in sentences]

    def _tag(self, sentences: Sequence[Sequence[str]]) -> list[tuple[list[str], list[float]]]:
        with evaluating(self.model):
            scores, _ = self.model(self.reader.batch(sentences).to(device_of(self.model)))
            scores = scores.map(lambda data: data - self.discounts.to(data))
            ids = self.model.decode(scores)
            shares = self.model.probabilities(scores).data.gather(1, ids.data.unsqueeze(1)).squeeze(1)
        rows = zip(ids.to_list(), ids.with_data(shares).to_list(), strict=True)
        return [self._sure(self.tags.decode(row.tolist()), shares.tolist()) for row, shares in rows]

    def _sure(self, tags: list[str], shares: list[float]) -> tuple[list[str], list[float]]:
        """Tags by the threshold, and how probable those were that the model gave."""
        least = self.threshold
        if least is None:
            return tags, shares
        if self.tags.scheme is None:
            return [tag if each >= least else UNSURE for tag, each in zip(tags, shares, strict=True)], shares
        sure = [span for span in spans(tags, self.tags.scheme) if min(shares[span.start : span.end]) >= least]
        return to_tags(sure, len(tags), self.tags.scheme), shares
