"""Translation: a text into another, of any length. Conversations are the same task: a turn, and its reply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from recurra.errors import Fault
from recurra.storage.files import write_json
from recurra.tasks.base import TASKS, Loss, Score, Task
from recurra.tasks.parts.batches import ordered_batches, shuffled_batches
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_named, read_parts
from recurra.tasks.seq2seq.pairs import PairBatch, PairOptions, PairReader, Pairs, pairs_of, text_of
from recurra.tasks.seq2seq.scores import text_scores, text_signatures
from recurra.tasks.seq2seq.search import Answer, SearchOptions, looked_at, search, words_of
from recurra.tasks.seq2seq.teacher_forcing import forced_loss, perplexity
from recurra.tasks.translate.model import TranslateModelOptions, build_model

SCORING = "scoring.json"


@TASKS.register("translate")
class TranslateTask(Task):
    """Reads a source text and writes the target text.

    Attributes:
        search: how answers are searched for; may be set to other `SearchOptions`.
    """

    name = "translate"
    DataOptions = PairOptions
    ModelOptions = TranslateModelOptions
    score = Score("bleu", larger_is_better=True)

    def __init__(
        self,
        data: PairOptions,
        options: TranslateModelOptions,
        reader: PairReader,
        model: nn.Module,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader, self.seed = data, options, reader, seed
        self.search: SearchOptions = options.search
        self.model: Any = model
        self._train: list[tuple[Tensor, Tensor]] | None = None
        self._held_out: Pairs | None = None
        self._notes: list[str] = []

    @classmethod
    def prepare(cls, data: PairOptions, model: TranslateModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        train, notes = pairs_of(parts.train, data)
        reader = PairReader.build(data, train)
        with seeded(seed):
            task = cls(data, model, reader, build_model(model, reader), seed)
        task._train = reader.ids(train, data.longest)
        task._held_out, more = pairs_of(parts.validation, data)
        task._notes = notes + more
        return task

    @classmethod
    def restore(
        cls, data: PairOptions, model: TranslateModelOptions, module: nn.Module, folder: Path
    ) -> Self:
        return cls(data, model, PairReader.load(data, folder), module)

    def save_assets(self, folder: Path) -> None:
        """The tokenizers, and the signatures of the scores."""
        self.reader.save(folder)
        write_json(folder / SCORING, text_signatures())

    def check(self) -> list[str]:
        train, held = self._data(), self.reader.ids(self._validation(), self.options.longest)
        size = self.options.batch_size
        steps = size * max(len(a) + len(b) for a, b in train)
        unknown = [a.tolist().count(self.reader.source.unknown) for a, _ in held]
        return [
            lengths_line("train, sources", [len(a) for a, _ in train], f"{self.options.tokens} tokens"),
            lengths_line("train, targets", [len(b) for _, b in train], f"{self.options.tokens} tokens"),
            lengths_line("validation, targets", [len(b) for _, b in held], f"{self.options.tokens} tokens"),
            f"vocabulary: {len(self.reader.source):,} source and {len(self.reader.target):,} target tokens"
            f"{', the same ones' if self.options.shared else ''}; "
            f"{sum(unknown) / sum(len(a) for a, _ in held):.2%} of the validation's source is unknown",
            f"epoch: {len(self.batches(0)):,} batches of {size} pairs",
            parameters_line(self.model),
            activations_line(self.model, steps, len(self.reader.target)),
            *(f"{name}: {signature}" for name, signature in text_signatures().items()),
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[PairBatch]:
        train = self._data()
        lengths = [len(source) + len(target) for source, target in train]

        def make(indices: Sequence[int]) -> PairBatch:
            return self.reader.batch([train[i] for i in indices], epoch)

        return shuffled_batches(lengths, self.options, self.seed, epoch, rank, world, make)

    def loss(self, batch: PairBatch, carry: Any) -> Loss:
        return forced_loss(self.model, batch, self.model_options)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`bleu` and `chrf` of the best answers (see `text_signatures`), `exact`: the share that are the
        reference itself, and `perplexity` of the references, a token.
        """
        held = self._validation() if data is None else self._like(data)
        said = [answers[0]["text"] for answers in self.translate(held.sources)]
        return {
            **text_scores(said, held.targets),
            "exact": sum(a.split() == b.split() for a, b in zip(said, held.targets, strict=True)) / len(said),
            "perplexity": self.perplexity(held),
        }

    def perplexity(self, pairs: Pairs) -> float:
        """See `recurra.tasks.seq2seq.teacher_forcing.perplexity`."""
        ids = self.reader.ids(pairs, self.options.longest)
        order = ordered_batches([len(a) + len(b) for a, b in ids], self.options.batch_size)
        return perplexity(self.model, (self.reader.batch([ids[i] for i in chosen]) for chosen in order))

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each text, or table with `source`: `source`, then the keys of the best answer of `translate`,
        and all `answers` where `search.best` asks for more than one.
        """
        for item in items:
            text = text_of(item, "source")
            (answers,) = self.translate([text])
            more = {"answers": answers} if self.search.best > 1 else {}
            yield {"source": text, "source_tokens": self.reader.source.split(text), **answers[0], **more}

    def translate(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """The best answers to each text, best first.

        Each has `text`, `score` (log-probability over the length penalty), `log_probability`, `tokens` and,
        with attention, `alignment`: for each token the index of the source token that it looked at most.
        """
        ids = [self.reader.source_ids(text) for text in texts]
        long = next((row for row in ids if len(row) > self.options.longest), None)
        if long is not None:
            raise Fault(f"a text of {len(long):,} tokens, expected at most {self.options.longest}: cut it")
        said: list[list[dict[str, Any]]] = [[] for _ in texts]
        for chosen in ordered_batches([len(row) for row in ids], self.options.batch_size):
            found = search(self.model, [ids[i] for i in chosen], self.reader.end, self.search)
            for i, answers in zip(chosen, found, strict=True):
                pieces = self.reader.source.split(texts[i])
                said[i] = [self._told(answer, pieces) for answer in answers]
        return said

    def _told(self, answer: Answer, pieces: Sequence[str]) -> dict[str, Any]:
        found, target = answer.found, self.reader.target
        places = None if answer.weights is None else looked_at(answer.weights)
        copied = places if self.search.copy_unknown else None
        return {
            "text": words_of(found.ids, target, pieces, copied),
            "score": found.score,
            "log_probability": found.log_probability,
            "tokens": [target.token(index) for index in found.ids],
            **({} if places is None else {"alignment": places}),
        }

    def _like(self, data: str | Path) -> Pairs:
        return pairs_of(read_named(self.options, data), self.options)[0]

    def _data(self) -> list[tuple[Tensor, Tensor]]:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train

    def _validation(self) -> Pairs:
        if self._held_out is None:
            self._held_out = pairs_of(read_parts(self.options, self.seed).validation, self.options)[0]
        return self._held_out
