"""One of the answers of the training data, from any evidence."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.data import Examples, LabelSet, Place, columns
from recurra.errors import Fault, quoted
from recurra.models import Inquiry, Reply
from recurra.tasks.answer.evidence import EvidenceReader
from recurra.tasks.answer.options import HIDDEN, QuestionModelOptions, QuestionOptions, words_of
from recurra.tasks.answer.plot import Panel
from recurra.tasks.base import Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches, shuffled_batches
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.metrics import grouped_accuracy, macro_f1
from recurra.tasks.parts.sizes import lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import some

LABELS = "labels.json"
UNSEEN = -1


class Questions(NamedTuple):
    """Questions with the evidence of each, the number of its answer (-1: training has no such), and its value
    of the column `by` (or none).
    """

    questions: list[list[str]]
    evidence: list[Any]
    answers: list[int]
    groups: list[str]


class ClassAnswerTask(Task[nn.Module]):
    """One of the answers of the training data; a subclass reads the evidence and builds the model."""

    name = "answer"
    item_name = "questions"
    score = Score("accuracy", larger_is_better=True)

    def __init__(
        self,
        data: QuestionOptions,
        options: QuestionModelOptions,
        reader: EvidenceReader,
        labels: LabelSet,
        model: nn.Module,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader, self.labels = data, options, reader, labels
        self.model, self.seed = model, seed
        self.data: Splits[Questions] = Splits(data, seed, self.read)

    # of each kind

    @classmethod
    @abstractmethod
    def build_reader(cls, examples: Examples, data: Any, model: Any) -> EvidenceReader:
        """A reader that knows the training data."""

    @classmethod
    @abstractmethod
    def load_reader(cls, folder: Path, data: Any, model: Any) -> EvidenceReader:
        """The reader that `save_assets` wrote."""

    @classmethod
    @abstractmethod
    def build_model(cls, options: Any, reader: Any, outputs: int) -> nn.Module:
        """The network, with fresh weights."""

    @classmethod
    @abstractmethod
    def require_model(cls, reader: Any, module: Any, folder: Path) -> int:
        """How many answers a run's model gives. Fault unless it reads what the reader makes."""

    def is_linear(self, epoch: int) -> bool:
        """Whether a memory is looked over without a softmax in this epoch."""
        return False

    # of a task

    @classmethod
    def prepare(cls, data: Any, model: Any, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        labels = LabelSet.from_column(parts.train, data.answer)
        reader = cls.build_reader(parts.train, data, model)
        rows = reader.rows(parts.train)
        with seeded(seed):
            task = cls(data, model, reader, labels, cls.build_model(model, reader, len(labels)), seed)
        train, notes = task._questions(parts.train, *rows)
        task.data.fill(train, notes, parts.validation)
        return task

    @classmethod
    def restore(cls, data: Any, model: Any, module: nn.Module, folder: Path, *, seed: int = 0) -> Self:
        reader, labels = cls.load_reader(folder, data, model), LabelSet.load(folder / LABELS)
        require_count(len(labels), cls.require_model(reader, module, folder), "answers", folder / LABELS)
        return cls(data, model, reader, labels, module, seed)

    def save_assets(self, folder: Path) -> None:
        self.reader.save(folder)
        self.labels.save(folder / LABELS)

    def read(self, examples: Examples) -> tuple[Questions, list[str]]:
        """The questions of examples, and notes on them."""
        return self._questions(examples, *self.reader.rows(examples))

    def _questions(
        self, examples: Examples, evidence: list[Any], notes: list[str]
    ) -> tuple[Questions, list[str]]:
        entries = zip(examples[self.options.question], examples.places, strict=True)
        questions = [
            words_of(text, self.options.tokenizer, f"{place}: the question") for text, place in entries
        ]
        names = columns.labels(examples, self.options.answer)
        answers = [self._answer(name, place) for name, place in zip(names, examples.places, strict=True)]
        unseen = [k for k, answer in enumerate(answers) if answer == UNSEEN]
        if unseen:
            first = examples.places[unseen[0]]
            notes = [
                *notes,
                f"{first}: answer {quoted(names[unseen[0]])}: training has none of {len(unseen):,} answers "
                f"like this one: they count as wrong",
            ]
        by = self.options.by
        groups = [] if by is None else columns.labels(examples, by)
        return Questions(questions, evidence, answers, groups), notes

    def _answer(self, name: str, place: Place) -> int:
        if name in self.labels:
            return self.labels[name]
        if self.options.unseen == "wrong":
            return UNSEEN
        raise Fault(
            f"{place}: answer {quoted(name)}: training has no such answer: correct it, or set "
            f"data.unseen = 'wrong'"
        )

    def check(self) -> list[str]:
        train = self.data.train
        common = max(self.labels.counts) / max(1, len(train.answers))
        return [
            f"answers: {len(self.labels):,}; the commonest is right {common:.1%} of the time",
            lengths_line("train, questions", [len(row) for row in train.questions], "words"),
            *self.reader.check(train.evidence),
            *self.reader.words.check(self.data.validation.questions)[1:],
            f"epoch: {len(self.batches(0)):,} batches of {self.options.batch_size} questions",
            parameters_line(self.model),
            *map(str, self.labels.notes),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Inquiry, Tensor]]:
        size, make = self.options.batch_size, partial(self.batch, linear=self.is_linear(epoch))
        sizes = [self.reader.size(row) for row in self.data.train.evidence]
        return shuffled_batches(sizes, size, make, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def batch(self, indices: Sequence[int], linear: bool = False) -> tuple[Inquiry, Tensor]:
        """The questions of training at these indices, and their answers."""
        train = self.data.train
        questions, evidence = ([part[i] for i in indices] for part in train[:2])
        answers = torch.tensor([train.answers[i] for i in indices])
        return self._inquiry(questions, evidence, linear), answers

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: tuple[Inquiry, Tensor], carry: Any) -> Loss:
        device = device_of(self.model)
        reply: Reply = self.model(batch[0].to(device))
        nats = F.cross_entropy(reply.scores, batch[1].to(device), reduction="sum")
        return Loss(nats if reply.cost is None else nats + reply.cost, len(reply.scores))

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`accuracy`, `macro_f1` (the mean over answers), `nats`, the mean of -ln P(answer) over those that
        training has, and for each value of the column `by` the accuracy, as `accuracy_BY_VALUE`.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        questions = selection.examples
        rows = list(zip(questions.questions, questions.evidence, strict=True))
        scores = torch.stack([score for score, _ in self._replies(rows)])
        truths, best = torch.tensor(questions.answers), scores.argmax(-1)
        trained = truths != UNSEEN
        hits = (best == truths).double()
        costs = F.cross_entropy(scores, truths.clamp(min=0), reduction="none").double()
        return selection.measured(
            len(rows),
            "questions",
            together(
                ratios({"accuracy": (hits, None)}),
                macro_f1(truths.where(trained, scores.shape[1]), best, scores.shape[1] + 1),
                ratios({"nats": (costs * trained, trained)}),
                grouped_accuracy(hits, questions.groups, self.options.by),
            ),
        )

    def row(self, item: Any) -> tuple[list[str], Any]:
        """The words of a question and its evidence, of a table with both columns."""
        table = self._table(item)
        if self.options.question not in table:
            raise Fault(f"{quoted(item)} found, expected a table with {self.options.question!r}")
        words = words_of(table[self.options.question], self.options.tokenizer, "the question")
        return words, self.reader.row(table)

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`answer` and `probability`, without where the model looked."""
        return [some(answer, "answer", "probability")]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        rows = self.data.evaluation(data)
        names = [*self.labels.names, ""]  # of an answer that training has not
        triples = zip(rows.questions, rows.evidence, rows.answers, strict=True)
        return [Example((words, evidence), names[answer]) for words, evidence, answer in triples]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How sure a wrong answer was."""
        return 0.0 if answer["answer"] == truth else float(answer["probability"])

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Where the model looked for each question."""
        rows = [each.row for each in examples]
        panels = []
        for each, (scores, looks) in zip(examples, self._replies(rows), strict=True):
            if looks is None:
                raise Fault("this model does not say where it looks: there is nothing to draw")
            (words, evidence), answer = each.row, self.labels.names[int(scores.argmax())]
            true = f" (not {each.truth})" if each.truth not in (None, answer) else ""
            panels.append(Panel(f"{' '.join(words)}  {answer}{true}", evidence, looks))
        return self.reader.drawing(panels, dark)

    def _table(self, item: Any) -> Mapping[str, Any]:
        if isinstance(item, Mapping):
            return item
        raise Fault(f"{quoted(item)} found, expected a table with {self.options.question!r} and its evidence")

    def answers(self, rows: Sequence[tuple[list[str], Any]]) -> Iterator[dict[str, Any]]:
        """`answer`, `probability`, and where the model looked, by the kind of evidence."""
        for (_, evidence), (scores, looks) in zip(rows, self._replies(rows), strict=True):
            shares = scores.softmax(-1)
            best = int(shares.argmax())
            looked = {} if looks is None else self.reader.summary(evidence, looks)
            yield {"answer": self.labels.names[best], "probability": float(shares[best]), **looked}

    def _replies(self, rows: Sequence[tuple[list[str], Any]]) -> list[tuple[Tensor, Tensor | None]]:
        sizes = [self.reader.size(evidence) for _, evidence in rows]
        return answer_in_batches(list(rows), sizes, max(self.options.batch_size, 64), self._outputs)

    def _outputs(self, rows: Sequence[tuple[list[str], Any]]) -> list[tuple[Tensor, Tensor | None]]:
        inquiry = self._inquiry([words for words, _ in rows], [evidence for _, evidence in rows], False)
        with evaluating(self.model):
            reply: Reply = self.model(inquiry.to(device_of(self.model)))
        looks = [None] * len(rows) if reply.looks is None else [look.float().cpu() for look in reply.looks]
        return list(zip(reply.scores.float().cpu(), looks, strict=True))

    def _inquiry(self, questions: list[list[str]], evidence: list[Any], linear: bool) -> Inquiry:
        """What the model is allowed to see of both."""
        if self.model_options.sees == "question":
            evidence = [self.reader.blank(row) for row in evidence]
        elif self.model_options.sees == "evidence":
            questions = [HIDDEN] * len(questions)
        return self.reader.inquiry(questions, evidence, linear)
