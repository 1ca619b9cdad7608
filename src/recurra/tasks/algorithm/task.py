"""Problems with an answer that a program would compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Self, cast, get_args

import torch
from torch import Tensor

from recurra.errors import Fault, quoted
from recurra.models.step_answers import StepAnswers
from recurra.storage.text import parse_json
from recurra.tasks.algorithm.data import AlgorithmData, AlgorithmOptions, Part, require_room
from recurra.tasks.algorithm.model import AlgorithmModelOptions, build_model, slots_of
from recurra.tasks.algorithm.plot import draw_runs
from recurra.tasks.algorithm.problems import Rows, bayes_bits, costs, wrong
from recurra.tasks.base import CHANGEABLE, TASKS, Example, Loss, Score, Task
from recurra.tasks.parts.contexts import device_of, evaluating, seeded
from recurra.tasks.parts.measurement import Figures, Measurement, Selection, ratios
from recurra.tasks.parts.sizes import activations_line, parameters_line

_BITS = 1 / torch.log(torch.tensor(2.0, dtype=torch.float64)).item()


@TASKS.register("algorithm")
class AlgorithmTask(Task[StepAnswers]):
    """Computes what a short program would: copies, recalls, sorts, adds; measured by the length of the row,
    beyond those that were trained on too.
    """

    name = "algorithm"
    item_name = "answers"
    DataOptions = AlgorithmOptions
    ModelOptions = AlgorithmModelOptions
    changeable = (*CHANGEABLE, "data.test_lengths", "data.rows")
    score = Score("validation_loss", larger_is_better=False)

    def __init__(self, data: AlgorithmData, model: StepAnswers) -> None:
        self.data, self.options, self.problem = data, data.options, data.options.of_problem
        self.model = model
        require_room(self.options, slots_of(model))

    @classmethod
    def prepare(cls, data: AlgorithmOptions, model: AlgorithmModelOptions, *, seed: int) -> Self:
        problem, sizes = data.of_problem, data.sizes
        with seeded(seed):
            network = build_model(model, problem.inputs(sizes), problem.outputs(sizes))
        return cls(AlgorithmData(data, seed), network)

    @classmethod
    def restore(
        cls,
        data: AlgorithmOptions,
        model: AlgorithmModelOptions,
        module: StepAnswers,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        return cls(AlgorithmData(data, seed), module)

    def save_assets(self, folder: Path) -> None:
        pass  # the problem is drawn, not read

    def check(self) -> list[str]:
        options = self.options
        longest = self.data.draw("train", 0, options.lengths[1], 1).x.shape[1]
        return [
            f"train: {options.batches:,} batches an epoch of {options.batch_size} rows of "
            f"{options.lengths[0]} to {options.lengths[1]} {self.problem.unit}, at most {longest} steps",
            f"evaluation: {options.rows:,} rows each of {', '.join(map(str, options.test_lengths))} "
            f"{self.problem.unit}",
            parameters_line(self.model),
            activations_line(self.model, longest * options.batch_size, self.problem.inputs(options.sizes)),
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Any]:
        return self.data.batches(epoch, rank, world)

    def read_training_data(self) -> bool:
        return True

    def loss(self, batch: Rows, carry: Any) -> Loss:
        batch = Rows(*(part.to(device_of(self.model)) for part in batch))
        scores, _ = self.model(batch.x)
        each = costs(self.problem, scores, batch)
        answers = int(batch.mask.sum()) * (batch.targets.shape[-1] if self.problem.answer == "bits" else 1)
        return Loss(each.sum(), len(each) * answers)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """By length: `wrong@20`, how many bits (or answers) of a row are wrong on average, `exact@20`, the
        share of rows without any, and, of bits, `bits@20`, what a row costs in bits (`bayes@20`: what the
        best guess does, of `ngrams`). `wrong` and `exact` are means over all lengths; `validation_loss` is
        that of training, a mean over answers, on rows of training lengths that are not trained on.

        Args:
            data: None: rows to validate on; "test" or "train": others.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        part = self._part(data)
        columns: dict[str, list[Tensor]] = {"wrong": [], "bits": [], "bayes": []}
        lengths: list[int] = []
        with evaluating(self.model):
            loss = self._loss_of_training_lengths(part)
            for length, batches in self.data.by_length(part):
                for rows in batches:
                    scores = self._scores(rows)
                    lengths += [length] * len(rows.x)
                    columns["wrong"].append(wrong(self.problem, scores, rows).double())
                    columns["bits"].append(costs(self.problem, scores, rows).double() * _BITS)
                    if self.options.problem == "ngrams":
                        whole = torch.cat([rows.x[..., 0], rows.targets[:, -1:, 0]], 1)
                        columns["bayes"].append(bayes_bits(whole).double())
        mistakes = torch.cat(columns["wrong"])
        numbers = {"wrong": mistakes, "exact": (mistakes == 0).double()}
        if self.problem.answer == "bits":
            numbers["bits"] = torch.cat(columns["bits"])
        if columns["bayes"]:
            numbers["bayes"] = torch.cat(columns["bayes"])
        figures = _by_length(numbers, torch.tensor(lengths))
        selection = Selection(None, part, f"the problem {self.options.problem}")
        return selection.measured(len(lengths), "rows", figures, {"validation_loss": loss})

    def _part(self, data: str | Path | None) -> Part:
        part = "validation" if data is None else str(data)
        if part not in get_args(Part):
            raise Fault(
                f"{quoted(part)} found: rows of the task algorithm are drawn, no file is read: "
                f"leave it out, or say test"
            )
        return cast(Part, part)

    def _loss_of_training_lengths(self, part: Part) -> float:
        low, high = self.options.lengths
        total, items = 0.0, 0
        for length in sorted({low, (low + high) // 2, high}):
            rows = self.data.draw(part, -length, length, min(self.options.rows, self.options.batch_size))
            loss = self.loss(rows, None)
            total, items = total + float(loss.total), items + loss.items
        return total / items

    def _scores(self, rows: Rows) -> Tensor:
        scores: Tensor = self.model(rows.x.to(device_of(self.model)))[0]
        return scores.cpu()

    def row(self, item: Any) -> Rows:
        """Of a length: a row of it, drawn; or of the vectors of `copy` alone, a list of lists of 0 and 1."""
        options = self.options
        value = parse_json(item, "item") if isinstance(item, str) else item
        if isinstance(value, int) and not isinstance(value, bool):
            self._require_length(value)
            return self.data.draw("test", value, value, 1)
        try:
            vectors = torch.tensor(value, dtype=torch.float32)
        except (ValueError, TypeError, RuntimeError, OverflowError):
            vectors = torch.zeros(0)
        fits = vectors.dim() == 2 and vectors.shape[1] == options.bits and len(vectors) > 0
        if options.problem != "copy" or not fits or not bool(((vectors == 0) | (vectors == 1)).all()):
            more = f", or a list of vectors of {options.bits} bits" if options.problem == "copy" else ""
            raise Fault(f"{quoted(str(item))} found, expected a length in {self.problem.unit}{more}")
        self._require_length(len(vectors))
        rows = self.data.draw("test", 0, len(vectors), 1)
        rows.x[0, 1 : len(vectors) + 1, :-2] = vectors
        rows.targets[0, len(vectors) + 2 :] = vectors
        return rows

    def _require_length(self, length: int) -> None:
        if length < self.problem.shortest:
            raise Fault(
                f"a length of {length} found, expected at least {self.problem.shortest} {self.problem.unit}"
            )
        longer = self.options.model_copy(update={"test_lengths": [length]})
        require_room(longer, slots_of(self.model))

    def answers(self, rows: Sequence[Rows]) -> Iterator[dict[str, Any]]:
        """For each row: what was shown, what came out at the steps that are asked, what was right, and how
        much of it is wrong.
        """
        for row in rows:
            with evaluating(self.model):
                scores = self._scores(row)
            yield {
                "input": row.x[0].tolist(),
                "output": self._output(scores[0, row.mask]),
                "target": self._target(row.targets[0, row.mask]),
                "wrong": int(wrong(self.problem, scores, row)[0]),
            }

    def _output(self, scores: Tensor) -> Any:
        if self.problem.answer == "bits":
            return (scores > 0).int().tolist()
        return (scores if self.problem.answer == "number" else scores.argmax(-1))[0].tolist()

    def _target(self, targets: Tensor) -> Any:
        if self.problem.answer == "bits":
            return targets.int().tolist()
        return targets[0].tolist() if self.problem.answer == "number" else int(targets[0, 0])

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """How much is `wrong`."""
        return [{"wrong": answer["wrong"]}]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        """A row of each length that is measured."""
        part = self._part(data)
        return [Example(self.data.draw(part, length, length, 1)) for length in self.options.test_lengths]

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Each row as a column of pictures over time: what is shown, what is asked and answered, and of a
        Neural Turing Machine where it writes and where it reads.
        """
        return draw_runs(self.model, self.problem, [each.row for each in examples], dark)


def _by_length(numbers: Mapping[str, Tensor], lengths: Tensor) -> Figures:
    """`NAME@LENGTH`, means over the rows of each length, and of `wrong` and `exact` the means of these."""
    each = sorted(set(lengths.tolist()))
    parts = ratios(
        {
            f"{name}@{length}": (column * (lengths == length), lengths == length)
            for length in each
            for name, column in numbers.items()
        }
    )

    def figures(weights: Tensor) -> dict[str, float]:
        means = dict(parts(weights))
        whole = {name: fmean(means[f"{name}@{length}"] for length in each) for name in ("wrong", "exact")}
        return {**means, **whole}

    return figures
