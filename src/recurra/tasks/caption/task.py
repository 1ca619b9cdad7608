"""Captions: a picture, a film or rows of features into a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from recurra.errors import Fault
from recurra.models import PicturePlaces, Pictures
from recurra.storage.files import write_json
from recurra.tasks.base import TASKS, Loss, Score, Task
from recurra.tasks.caption.data import Captioned, CaptionOptions, CaptionReader, captioned
from recurra.tasks.caption.model import CaptionModelOptions, CaptionSearchOptions, build_model
from recurra.tasks.caption.plot import plot_captions
from recurra.tasks.parts.batches import ordered_batches, shuffled_batches
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.sizes import activations_line, bytes_text, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_named, read_parts
from recurra.tasks.seq2seq.pairs import PairBatch
from recurra.tasks.seq2seq.scores import text_scores, text_signatures
from recurra.tasks.seq2seq.search import Answer, search
from recurra.tasks.seq2seq.teacher_forcing import forced_loss, perplexity

SCORING = "scoring.json"
Pair = tuple[Tensor, Tensor]


@TASKS.register("caption")
class CaptionTask(Task):
    """Says in words what is seen: one to many, and many to many over frames.

    Attributes:
        search: how captions are searched for; may be set to other `CaptionSearchOptions`.
    """

    name = "caption"
    DataOptions = CaptionOptions
    ModelOptions = CaptionModelOptions
    score = Score("exact", larger_is_better=True)

    def __init__(
        self,
        data: CaptionOptions,
        options: CaptionModelOptions,
        reader: CaptionReader,
        model: nn.Module,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader, self.seed = data, options, reader, seed
        self.search: CaptionSearchOptions = options.search
        self.model: Any = model
        self._train: Captioned | None = None
        self._pairs: list[Pair] = []
        self._held_out: Captioned | None = None
        self._notes: list[str] = []

    @classmethod
    def prepare(cls, data: CaptionOptions, model: CaptionModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        reader, train, notes = CaptionReader.build(data, parts.train)
        with seeded(seed):
            task = cls(data, model, reader, build_model(model, reader, train.seen), seed)
        task._train, task._pairs = train, reader.pairs(train)
        task._held_out, more = captioned(parts.validation, data, reader.seen)
        task._notes = notes + more
        return task

    @classmethod
    def restore(
        cls, data: CaptionOptions, model: CaptionModelOptions, module: nn.Module, folder: Path
    ) -> Self:
        return cls(data, model, CaptionReader.load(data, folder), module)

    def save_assets(self, folder: Path) -> None:
        """What reading needs, and the signatures of the scores over the validation data."""
        self.reader.save(folder)
        write_json(folder / SCORING, text_signatures(self._validation().captions))

    def check(self) -> list[str]:
        train, held = self._data(), self._validation()
        lengths = [len(ids) for _, ids in self._pairs]
        size = self.options.batch_size
        steps = size * (max(lengths) + 1 + max(len(row) for row in train.seen) * self.model.places)
        tokenizer = self.reader.tokenizer
        known = [i != tokenizer.unknown for _, text in held.pairs() for i in tokenizer.encode(text)]
        return [
            *self.reader.check(train, held),
            lengths_line("train, captions", lengths, f"{self.options.tokens} tokens"),
            f"vocabulary: {len(tokenizer):,} tokens; {known.count(False) / len(known):.2%} of the "
            f"validation's are unknown",
            f"epoch: {len(self.batches(0)):,} batches of {size} captions",
            parameters_line(self.model),
            activations_line(self.model, steps, len(tokenizer)),
            *_convolution_lines(self.model, size * max(len(row) for row in train.seen)),
            *(f"{name}: {signature}" for name, signature in text_signatures(held.captions).items()),
            *self._notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[PairBatch]:
        self._data()
        lengths = [len(row) + len(ids) for row, ids in self._pairs]

        def make(indices: Sequence[int]) -> PairBatch:
            return self.reader.batch([self._pairs[i] for i in indices], epoch)

        return shuffled_batches(lengths, self.options, self.seed, epoch, rank, world, make)

    def loss(self, batch: PairBatch, carry: Any) -> Loss:
        return forced_loss(self.model, batch, self.model_options)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Of the best caption of each picture against all that are given for it: `exact`, the share that are
        one of them word for word, `bleu` and `chrf` (see `text_signatures`), and `perplexity` of the given
        ones, a token.
        """
        held = self._validation() if data is None else self._like(data)
        said = [answers[0] for answers in self.caption(held.seen)]
        texts = [self.text(answer) for answer in said]
        true = [[text.split() for text in captions] for captions in held.captions]
        right = sum(text.split() in among for text, among in zip(texts, true, strict=True))
        return {
            "exact": right / len(texts),
            **text_scores(texts, held.captions),
            "perplexity": self.perplexity(held),
        }

    def perplexity(self, held: Captioned) -> float:
        """See `recurra.tasks.seq2seq.teacher_forcing.perplexity`."""
        pairs = self.reader.pairs(held)
        order = ordered_batches([len(row) + len(ids) for row, ids in pairs], self.options.batch_size)
        return perplexity(self.model, (self.reader.batch([pairs[i] for i in chosen]) for chosen in order))

    def predict(self, items: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """For each picture (see `recurra.data.pictures.frames_of`), rows of features, or table with one of
        them: `image`, its name where it has one, the best caption as `text`, `score` (log-probability over
        the length penalty), `log_probability` and `tokens`; with attention `weights`, nested lists: how much
        each token looked at each place, row by row, or frame. All `answers`, such tables each, where
        `search.best` asks for more than one.
        """
        waiting = iter(items)
        while some := list(islice(waiting, self.options.batch_size)):
            for item, answers in zip(some, self.caption([self.seen(item) for item in some]), strict=True):
                cell = item.get(self.options.image) if isinstance(item, Mapping) else item
                named = {"image": cell} if isinstance(cell, (str, list)) and _names(cell) else {}
                told = [self._told(answer) for answer in answers]
                yield {**named, **told[0], **({"answers": told} if self.search.best > 1 else {})}

    def seen(self, item: Any) -> Tensor:
        """What the network reads of one thing to predict."""
        return self.reader.seen.row(item)

    def caption(self, seen: Sequence[Tensor]) -> list[list[Answer]]:
        """The best captions of each, best first; `weights` are `[tokens, places]`, the places of one frame
        after those of the one before, row by row.
        """
        said: list[list[Answer]] = [[] for _ in seen]
        for chosen in ordered_batches([len(row) for row in seen], self.options.batch_size):
            found = search(self.model, [seen[i] for i in chosen], self.reader.end, self.search)
            for i, answers in zip(chosen, found, strict=True):
                said[i] = answers
        return said

    def text(self, answer: Answer) -> str:
        """A caption in words."""
        return self.reader.tokenizer.decode(answer.found.ids)

    def words(self, answer: Answer) -> list[str]:
        """Its tokens."""
        return [self.reader.tokenizer.token(index) for index in answer.found.ids]

    def picture(self, items: Iterable[Any], path: str | Path) -> None:
        """Draws the best caption of each item, and where each of its words looked."""
        seen = [self.seen(item) for item in items]
        if not seen:
            raise Fault("nothing to draw: give at least one picture")
        said = [answers[0] for answers in self.caption(seen)]
        words, weights = [self.words(one) for one in said], [one.weights for one in said]
        plot_captions(self.model, seen, words, weights, Path(path))

    def _told(self, answer: Answer) -> dict[str, Any]:
        weights = self._grid(answer.weights)
        return {
            "text": self.text(answer),
            "score": answer.found.score,
            "log_probability": answer.found.log_probability,
            "tokens": self.words(answer),
            **({} if weights is None else {"weights": weights}),
        }

    def _grid(self, weights: Tensor | None) -> list[Any] | None:
        """Rounded, `[tokens, places]`; of one picture `[tokens, rows, columns]`, of a film's frames likewise
        `[tokens, frames, rows, columns]`.
        """
        if weights is None:
            return None
        if isinstance(self.model.source, PicturePlaces):
            convolution = self.model.source.convolution
            frames = weights.shape[1] // (convolution.rows * convolution.columns)
            weights = weights.reshape(len(weights), frames, convolution.rows, convolution.columns)
            weights = weights.squeeze(1) if weights.shape[1] == 1 else weights
        rounded: list[Any] = (weights.double() * 1e4).round().div(1e4).tolist()
        return rounded

    def _like(self, data: str | Path) -> Captioned:
        return captioned(read_named(self.options, data), self.options, self.reader.seen)[0]

    def _data(self) -> Captioned:
        if self._train is None:
            raise Fault("this task was loaded to predict: prepare it from its recipe to train it")
        return self._train

    def _validation(self) -> Captioned:
        if self._held_out is None:
            examples = read_parts(self.options, self.seed).validation
            self._held_out = captioned(examples, self.options, self.reader.seen)[0]
        return self._held_out


def _names(cell: Any) -> bool:
    return isinstance(cell, str) or all(isinstance(name, str) for name in cell)


def _convolution_lines(model: Any, pictures: int) -> list[str]:
    if not isinstance(model.source, Pictures):
        return []
    # the sums, and what normalisation and rectifier make of them, in four bytes each
    kept = 12 * pictures * model.source.convolution.sums
    return [f"memory of the convolution: about {bytes_text(kept)} for a batch of {pictures:,} pictures"]
