"""Answers that are a piece of a passage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from recurra.data import Examples
from recurra.errors import Fault, quoted
from recurra.models import FlowReader, Inquiry, Reply, SpanReader
from recurra.tasks.answer.passages import Passage, PassageReader, SpanOptions, SpanQuestion, item_passage
from recurra.tasks.answer.plot import Span, draw_words
from recurra.tasks.answer.scores import exact_match, overlap, word_scores
from recurra.tasks.answer.span_model import SpanModelOptions, build_model
from recurra.tasks.base import Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.measurement import Measurement, ratios
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import some

_TOLD = 10  # words that `predict` names


class SpanBatch(NamedTuple):
    """Questions and the ends of every answer to them.

    Attributes:
        owners: `[A]`: the question of each answer. ends: `[A, 2]`. weights: `[A]`: those of a question sum to
            1.
    """

    inquiry: Inquiry
    owners: Tensor
    ends: Tensor
    weights: Tensor


class SpanAnswerTask(Task[SpanReader | FlowReader]):
    """Finds where a passage answers a question."""

    name = "answer"
    item_name = "questions"
    DataOptions = SpanOptions
    ModelOptions = SpanModelOptions
    score = Score("f1", larger_is_better=True)

    def __init__(
        self,
        data: SpanOptions,
        options: SpanModelOptions,
        reader: PassageReader,
        model: SpanReader | FlowReader,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader = data, options, reader
        self.model, self.seed = model, seed
        self.data: Splits[list[SpanQuestion]] = Splits(data, seed, self.read)

    @classmethod
    def prepare(cls, data: SpanOptions, model: SpanModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        reader = PassageReader.build(parts.train, data, model)
        with seeded(seed):
            task = cls(data, model, reader, build_model(model, reader.words.input()), seed)
        train, notes = reader.read(parts.train)
        task.data.fill(train, notes, parts.validation)
        if not task.learnable:
            raise Fault(
                f"{parts.train.source}: no question has an answer that is whole words: nothing to learn"
            )
        return task

    @classmethod
    def restore(
        cls,
        data: SpanOptions,
        model: SpanModelOptions,
        module: SpanReader | FlowReader,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader = PassageReader.load(folder, data, model)
        reader.words.require_input(module.input, folder)
        return cls(data, model, reader, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)

    def read(self, examples: Examples) -> tuple[list[SpanQuestion], list[str]]:
        """See `PassageReader.read`."""
        return self.reader.read(examples)

    @cached_property
    def learnable(self) -> list[SpanQuestion]:
        """Training questions whose answer is whole words."""
        return [row for row in self.data.train if row.targets]

    def check(self) -> list[str]:
        train, validation = self.learnable, self.data.validation
        lengths = [len(passage.words) for passage, *_ in train]
        size = self.options.batch_size
        texts = [[*row.passage.words, *row.words] for row in validation]
        texts_of_training = {row.passage.text for row in train}
        both = sum(row.passage.text in texts_of_training for row in validation)
        shared = f"{both:,} of the validation's questions are about passages of training: set data.group"
        return [
            lengths_line("train, passages", lengths, "words"),
            lengths_line("train, questions", [len(row.words) for row in train], "words"),
            *self.reader.words.check(texts)[2:],
            f"epoch: {len(self.batches(0)):,} batches of {size} questions",
            parameters_line(self.model),
            activations_line(self.model, size * max(lengths)),
            *([shared] if both else []),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[SpanBatch]:
        train = self.learnable

        def make(indices: Sequence[int]) -> SpanBatch:
            rows = [train[i] for i in indices]
            passages, questions = [row.passage for row in rows], [row.words for row in rows]
            targets = [row.targets for row in rows]
            counts = torch.tensor([len(each) for each in targets])
            owners = torch.repeat_interleave(torch.arange(len(targets)), counts)
            ends = torch.tensor([pair for each in targets for pair in each])
            inquiry = self.reader.inquiry(passages, questions, self.model_options.sees)
            return SpanBatch(inquiry, owners, ends, 1 / counts[owners])

        sizes = [len(passage.words) for passage, *_ in train]
        size = self.options.batch_size
        return shuffled_batches(sizes, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: SpanBatch, carry: Any) -> Loss:
        """-ln P(first word) - ln P(last word), the mean over a question's answers."""
        device = device_of(self.model)
        scores = self.model(batch.inquiry.to(device)).scores.log_softmax(-1)
        owners, ends, weights = (part.to(device) for part in batch[1:])
        logs = scores[owners].gather(2, ends.unsqueeze(-1)).squeeze(-1).sum(1)
        return Loss(-(weights * logs).sum(), len(scores))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`exact` and `f1` as SQuAD's script counts them, the best over a question's answers; and
        `word_exact` and `word_f1`, the same over numbers of words, of questions whose answers have places.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rows = selection.examples
        spans = self.find([row.passage for row in rows], [row.words for row in rows])
        pairs = [
            (row.passage.part(span.first, span.last), row.answers)
            for row, span in zip(rows, spans, strict=True)
        ]
        numbers = [
            word_scores(range(span.first, span.last + 1), row.numbers) if row.numbers else (0.0, 0.0)
            for row, span in zip(rows, spans, strict=True)
        ]
        placed = [bool(row.numbers) for row in rows]
        return selection.measured(
            len(rows),
            "questions",
            ratios(
                {
                    "exact": ([exact_match(*pair) for pair in pairs], None),
                    "f1": ([overlap(*pair) for pair in pairs], None),
                    "word_exact": ([exact for exact, _ in numbers], placed),
                    "word_f1": ([f1 for _, f1 in numbers], placed),
                }
            ),
        )

    def row(self, item: Any) -> tuple[Passage, list[str]]:
        """A passage and the words of a question: of a table with both, or a text with a tab between them."""
        if isinstance(item, str) and item.count("\t") == 1:
            text, question = item.split("\t")
        elif isinstance(item, Mapping):
            text, question = item_passage(item, self.options)
        else:
            raise Fault(
                f"{quoted(item)} found, expected a table with {self.options.passage!r} and "
                f"{self.options.question!r}, or both with a tab between them"
            )
        return self.reader.passage(text, "the passage"), self.reader.question(question, "the question")

    def answers(self, rows: Sequence[tuple[Passage, list[str]]]) -> Iterator[dict[str, Any]]:
        """`answer`, the characters where it starts and ends, `probability`, and `looked`: the words most
        likely to be one of the ends, with their weights.
        """
        spans = self.find([passage for passage, _ in rows], [question for _, question in rows])
        for (passage, _), span in zip(rows, spans, strict=True):
            order = span.looks.argsort(descending=True)[:_TOLD].tolist()
            yield {
                "answer": passage.part(span.first, span.last),
                "start": passage.starts[span.first],
                "end": passage.ends[span.last],
                "probability": span.probability,
                "looked": [
                    {
                        "word": passage.words[k],
                        "start": passage.starts[k],
                        "weight": round(float(span.looks[k]), 4),
                    }
                    for k in order
                ],
            }

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All but where the model looked."""
        return [some(answer, "answer", "start", "end", "probability")]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        return [Example((row.passage, row.words), row.answers) for row in self.data.evaluation(data)]

    def mistake(self, answer: Mapping[str, Any], truth: Sequence[str]) -> float:
        """1 - F1 over words, of the true answer that is nearest."""
        return 1 - overlap(answer["answer"], truth)

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each passage, the darker the more likely a word is an end of the answer, which is framed."""
        rows = [each.row for each in examples]
        spans = self.find([passage for passage, _ in rows], [question for _, question in rows])
        return draw_words(
            [(" ".join(q), p.words, span) for (p, q), span in zip(rows, spans, strict=True)], dark
        )

    def find(self, passages: Sequence[Passage], questions: Sequence[list[str]]) -> list[Span]:
        """The best span of each."""
        pairs = list(zip(passages, questions, strict=True))
        lengths = [len(passage.words) for passage in passages]
        return answer_in_batches(pairs, lengths, self.options.batch_size, self._best)

    def _best(self, pairs: Sequence[tuple[Passage, list[str]]]) -> list[Span]:
        passages, questions = zip(*pairs, strict=True)
        inquiry = self.reader.inquiry(passages, questions, self.model_options.sees)
        with evaluating(self.model):
            reply: Reply = self.model(inquiry.to(device_of(self.model)))
        assert reply.looks is not None
        spans = best_spans(reply.scores.float().cpu().log_softmax(-1), self.model_options.max_span)
        return [Span(*span, looks.cpu()) for span, looks in zip(spans, reply.looks, strict=True)]


def best_spans(logs: Tensor, longest: int) -> list[tuple[int, int, float]]:
    """Of log-probabilities `[B, 2, M]` of ends, for each row the most likely first and last word, at most
    `longest` apart, and the probability of both.
    """
    first, last = logs.unbind(1)
    width = logs.shape[2]
    best = torch.full((len(logs),), -torch.inf)
    place = torch.zeros(len(logs), 2, dtype=torch.int64)
    for more in range(min(longest, width)):
        sums, start = (first[:, : width - more] + last[:, more:]).max(1)
        better = sums > best
        best = torch.where(better, sums, best)
        place = torch.where(better.unsqueeze(1), torch.stack([start, start + more], 1), place)
    return [(*pair, float(log.exp())) for pair, log in zip(place.tolist(), best, strict=True)]
