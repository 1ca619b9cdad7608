"""A task: data in, a model, a loss, metrics, predictions. It knows no optimiser, device or launcher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from typing_extensions import TypeVar

from recurra.errors import Fault, quoted
from recurra.registry import Registry
from recurra.storage.figures import check_ending, save_figure
from recurra.tasks.parts.batches import chunks
from recurra.tasks.parts.measurement import Measurement, plain_measurement
from recurra.tasks.parts.tables import flat, plain_text
from recurra.tasks.parts.units import Unit, unit_of

E = TypeVar("E")
AT_ONCE = 32
"""Items to predict that are read, and answered, together."""

CHANGEABLE = ("data.test", "data.validation", "data.batch_size", "model.search")
"""Of every task, as far as it has them; see `Task.changeable`."""

TASKS = Registry("task", plugins=("tasks",))
"""Every task by the name that a recipe gives."""

Model = TypeVar("Model", bound=nn.Module, default=nn.Module)


class Options(BaseModel):
    """A section of a recipe. An unknown key is an error that names the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Loss(NamedTuple):
    """What one batch costs.

    Attributes:
        total: scalar, summed over the batch's items (not averaged), differentiable.
        items: how many items (tokens, tags, rows, ...) it was summed over; the mean loss is total / items.
        carry: what the next batch of the same stream starts from (truncated back-propagation): a detached
            state (see `recurra.state`), in the order of the batch's rows; None where batches are independent.
    """

    total: Tensor
    items: int
    carry: Any = None


class Score(NamedTuple):
    """The metric that decides which checkpoint is best."""

    metric: str
    larger_is_better: bool

    @property
    def unit(self) -> str:
        """What the metric is counted in; see `recurra.tasks.parts.units`."""
        unit = unit_of(self.metric)
        return "" if unit is None else unit.name


class Example(NamedTuple):
    """One example of the data that a run is measured on.

    Attributes:
        row: what the model reads of it, as `Task.row` gives it.
        truth: what the data say the answer is, in the task's own form; None where they say nothing besides.
    """

    row: Any
    truth: Any = None


class TextStream(ABC):
    """A task's model fed piece by piece; how the input is cut does not change the answers."""

    @abstractmethod
    def feed(self, piece: str) -> Iterator[dict[str, Any]]:
        """The answers, JSON-ready, that this piece completes, one for each step."""

    @abstractmethod
    def finish(self) -> Iterator[dict[str, Any]]:
        """The answers still due at the end of the input."""


class ByteStream(ABC):
    """The same for a task whose input is no text."""

    @abstractmethod
    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """The answers, JSON-ready, that this piece completes."""

    @abstractmethod
    def finish(self) -> Iterator[dict[str, Any]]:
        """The answers still due at the end of the input."""


class Answering(Protocol):
    """What gives answers to items, and writes them: every task does.

    Attributes:
        name: of the task. formats: see `Task`.
    """

    name: ClassVar[str]
    formats: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], str]]]

    def row(self, item: Any) -> Any:
        """What the model reads of one item. Fault, without its place, for one it can't answer."""

    def answers(self, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """One JSON-ready answer to each of what `row` gave, in order."""

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """An answer as rows of a table."""

    def plain_text(self, answer: Mapping[str, Any]) -> str:
        """What a person reads of an answer."""


class Task(ABC, Generic[Model]):
    """A model with its data, loss, metrics and predictions.

    A task comes from a recipe and its training data (`prepare`), or from a run folder without any data
    (`restore`). `Task[Tagger]` is one whose model is a `Tagger`.

    Attributes:
        item_name: what a loss is summed over, as `Loss.items` counts it, in the plural.
        formats: how else than as JSON an answer can be written: name -> its text, line ends included.
        kinds: of a task of several kinds, what tells each one, and its class; a task that has options of its
            own is a kind besides.
        units: of figures whose unit is the task's own; see `recurra.tasks.parts.units`.
        tables: whether an item is a table as a whole, `{column: [cells]}`, where others are rows of one.
        changeable: keys of its sections that may be set of a trained run, since no training depends on them.
    """

    name: ClassVar[str]
    item_name: ClassVar[str] = "items"
    formats: ClassVar[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {}
    tables: ClassVar[bool] = False
    DataOptions: ClassVar[type[Options]]
    ModelOptions: ClassVar[type[Options]]
    changeable: ClassVar[tuple[str, ...]] = CHANGEABLE
    kinds: ClassVar[Mapping[str, type[Task[Any]]]] = {}
    units: ClassVar[Mapping[str, Unit]] = {}
    score: Score
    model: Model

    @classmethod
    def kind_of(cls, table: Mapping[str, Any]) -> type[Task[Any]]:
        """The class for a recipe's table, where a task is of several kinds. Fault for a kind that is none."""
        return cls

    @classmethod
    @abstractmethod
    def prepare(cls, data: Any, model: Any, *, seed: int) -> Self:
        """Reads the training data, builds vocabularies and a fresh model.

        Args:
            data, model: `DataOptions` and `ModelOptions` of this task.

        Raises:
            Fault: the data can't be used; names file and line.
        """

    @abstractmethod
    def save_assets(self, folder: Path) -> None:
        """Writes what predicting needs beside the model (vocabularies, label sets, ...), atomically."""

    @classmethod
    @abstractmethod
    def restore(cls, data: Any, model: Any, module: Model, folder: Path, *, seed: int = 0) -> Self:
        """The task of a run folder: reads what `save_assets` wrote, and no data.

        Args:
            data, model, seed: as for `prepare`.
            module: the folder's model, loaded.

        Raises:
            Fault: a file is missing or altered, or does not fit the model.
        """

    @abstractmethod
    def check(self) -> list[str]:
        """What is worth knowing of the data before training: sizes, lengths, oddities, one line each."""

    @abstractmethod
    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        """The training batches of an epoch, a function of (seed, epoch, rank, world) alone.

        Batches are made as they are indexed, so that a resumed run can begin anywhere.
        """

    def read_training_data(self) -> bool:
        """Reads the training data of a restored task, by the vocabularies of its run, for `batches`.

        Returns:
            False where the task can't: it has to be prepared.

        Raises:
            Fault: the data are gone, or can't be used.
        """
        return False

    def step_names(self, batch: Any) -> list[list[str]] | None:
        """What the steps of a batch's rows are called, as words of a text; None where they have no names."""
        return None

    @abstractmethod
    def loss(self, batch: Any, carry: Any) -> Loss:
        """The loss of a batch on the model's device. `carry` is the last batch's, None as an epoch starts."""

    @abstractmethod
    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Metrics on the recipe's validation data, on "train" or "test", or on another file of the format."""

    def measure(self, data: str | Path | None = None) -> Measurement:
        """What `evaluate` gives, and which data that is; with it intervals are had, too, where the task says
        what each example adds.
        """
        return plain_measurement(self.evaluate(data), "validation" if data is None else str(data))

    def anomalies(self, quantile: float) -> Answering:
        """What answers which steps of a series are more surprising than this share of those of the validation
        data. Fault where the task forecasts no series.
        """
        raise Fault(f"--anomalies: a {self.name} model forecasts no series: train a forecast recipe")

    def set_threshold(self, text: str) -> None:
        """From now on answers only labels of so high a probability; see `recurra.tasks.parts.thresholds`.

        Raises:
            Fault: the task gives no labels, or the text is no threshold.
        """
        raise Fault(f"--threshold {quoted(text)}: a {self.name} model of this kind gives no labels with one")

    def unit(self, metric: str) -> Unit | None:
        """What a figure of `evaluate` is counted in; None where the task does not say."""
        return unit_of(metric, self.units)

    @abstractmethod
    def row(self, item: Any) -> Any:
        """What the model reads of one item to predict. Fault, without its place, for one it can't answer."""

    @abstractmethod
    def answers(self, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """One JSON-ready answer to each of what `row` gave, in order."""

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """One JSON-ready answer an item, in order; see `answers`.

        Raises:
            Fault: an item that can't be answered, by its number, counted from 1.
        """
        return self._each(items, self.answers)

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """An answer as rows of a table, all answers with the same columns: one, unless the task says else.

        Raises:
            Fault: the answer holds lists.
        """
        return [flat(answer)]

    def plain_text(self, answer: Mapping[str, Any]) -> str:
        """What a person reads of an answer, line end included. Fault where it is no text."""
        return plain_text(answer, self.name)

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        """What `evaluate(data)` measures, one by one. Fault where the task does not tell them apart."""
        raise Fault(f"a {self.name} model tells no examples of its data apart: give the items")

    def mistake(self, answer: Mapping[str, Any], truth: Any) -> float | None:
        """How wrong one of `answers` is: 0 not at all, the larger the worse; None where it can't be said."""
        return None

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """A figure (of `recurra.storage.figures`) of the answers to one or more examples, with their truth
        where it is there.

        Raises:
            Fault: the task draws none, or they can't be drawn.
        """
        raise Fault(f"a {self.name} model draws no picture of its answers")

    def picture(
        self,
        items: Iterable[Any] | None,
        path: str | Path,
        dark: bool = False,
        *,
        data: str | Path | None = None,
        count: int = 4,
    ) -> None:
        """Draws answers into one picture, whose kind follows from the path's ending.

        Args:
            items: as `predict` takes them. None: `count` examples, evenly spaced, of what `evaluate(data)`
                measures, with what is true of them.
            dark: on dark ground.

        Raises:
            Fault: the task draws none, an item can't be answered, or the picture can't be written.
        """
        path = Path(path)
        check_ending(path)
        if items is None:
            examples = spaced(self.examples(data), count)
        else:
            examples = [Example(self._row(number, item)) for number, item in enumerate(items, 1)]
        if not examples:
            raise Fault("nothing to draw: give at least one item")
        save_figure(self.drawing(examples, dark), path)

    def open_stream(self) -> TextStream | ByteStream:
        """A stream at its start. Fault, with the reason, where the task or its model can't be streamed."""
        raise Fault(f"a {self.name} model can't be streamed: predict whole inputs instead")

    def sample(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """New data from a generative model; each task has `options` of its own. Fault without one."""
        raise Fault(f"a {self.name} model makes no new data: sample from a language model")

    def pair_scores(self, path: str | Path) -> Any:
        """How a language model judges minimal pairs of sentences. Fault for a model of anything else."""
        raise Fault(f"a {self.name} model gives sentences no probability: judge pairs by a language model")

    def encodings(self, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """The vector of each of what `row` gave: `item` and `vector`. Fault where the model makes none."""
        raise Fault(f"a {self.name} model makes no vectors of whole inputs: train an autoencode recipe")

    def encode(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """The vector of each item, in order; see `encodings`, and `predict`."""
        return self._each(items, self.encodings)

    def nearest(self, items: Iterable[Any], among: Iterable[Any], count: int = 5) -> Iterator[dict[str, Any]]:
        """For each item those of `among` with the nearest vectors.

        Yields:
            `item`, and `nearest`, a list of `item` and `similarity`.

        Raises:
            Fault: the model makes no vectors.
        """
        raise Fault(f"a {self.name} model makes no vectors of whole inputs: train an autoencode recipe")

    def _each(
        self, items: Iterable[Any], answers: Callable[[Sequence[Any]], Iterable[dict[str, Any]]]
    ) -> Iterator[dict[str, Any]]:
        """The answer to each item, `AT_ONCE` of them read at a time."""
        for chunk in chunks(enumerate(items, 1), AT_ONCE):
            yield from answers([self._row(number, item) for number, item in chunk])

    def _row(self, number: int, item: Any) -> Any:
        try:
            return self.row(item)
        except Fault as fault:
            raise Fault(f"item {number}: {fault}") from None


def spaced(values: Sequence[E], count: int) -> list[E]:
    """At most `count` of them, evenly spaced, the first and the last among them."""
    count = min(count, len(values))
    gap = (len(values) - 1) / max(1, count - 1)
    return [values[round(k * gap)] for k in range(count)]
