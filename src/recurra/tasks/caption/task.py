"""Captions: a picture, a film or rows of features into a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data.text.tokenizers import natural_text
from recurra.models import EncoderDecoder, PicturePlaces, Pictures
from recurra.storage.files import write_json
from recurra.tasks.base import TASKS, Example, Loss, Score, Task
from recurra.tasks.caption.data import Captioned, CaptionOptions, CaptionReader
from recurra.tasks.caption.model import CaptionModelOptions, CaptionSearchOptions, build_model
from recurra.tasks.caption.plot import draw_captions
from recurra.tasks.parts.batches import answer_in_batches
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.counts import require_end, require_tokens
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.sizes import activations_line, bytes_text, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import some
from recurra.tasks.seq2seq.batches import PairBatch, TokenPair, pair_batches
from recurra.tasks.seq2seq.pairs import TARGET_TOKENIZER
from recurra.tasks.seq2seq.plot import Aligned, draw_alignments
from recurra.tasks.seq2seq.scores import bleu_figures, chrf_score, text_signatures
from recurra.tasks.seq2seq.search import Answer, answer_table, search
from recurra.tasks.seq2seq.teacher_forcing import forced_loss, perplexity_figures, target_costs

SCORING = "scoring.json"


@TASKS.register("caption")
class CaptionTask(Task[EncoderDecoder]):
    """Says in words what is seen: one to many, and many to many over frames.

    Attributes:
        search: how captions are searched for; may be set to other `CaptionSearchOptions`.
    """

    name = "caption"
    item_name = "tokens"
    DataOptions = CaptionOptions
    ModelOptions = CaptionModelOptions
    score = Score("exact", larger_is_better=True)

    def __init__(
        self,
        data: CaptionOptions,
        options: CaptionModelOptions,
        reader: CaptionReader,
        model: EncoderDecoder,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader, self.seed = data, options, reader, seed
        self.search: CaptionSearchOptions = options.search
        self.model = model
        self.data: Splits[Captioned] = Splits(data, seed, reader.read)

    @classmethod
    def prepare(cls, data: CaptionOptions, model: CaptionModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        reader, train, notes = CaptionReader.build(data, parts.train)
        with seeded(seed):
            task = cls(data, model, reader, build_model(model, reader, train.sources), seed)
        task.data.fill(train, notes, parts.validation)
        _ = task.train_pairs  # a caption that is too long is told now
        return task

    @classmethod
    def restore(
        cls,
        data: CaptionOptions,
        model: CaptionModelOptions,
        module: EncoderDecoder,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader = CaptionReader.load(data, folder)
        require_end(reader.tokenizer, folder / TARGET_TOKENIZER)
        require_tokens(len(reader.tokenizer), module.target, "tokens", folder / TARGET_TOKENIZER)
        return cls(data, model, reader, module, seed)

    def save_assets(self, folder: Path) -> None:
        """What reading needs, and the signatures of the scores over the validation data."""
        self.reader.save(folder)
        write_json(folder / SCORING, text_signatures(self.data.validation.captions))

    @cached_property
    def train_pairs(self) -> list[TokenPair]:
        """Each training caption by itself."""
        return self.reader.pairs(self.data.train)

    def check(self) -> list[str]:
        train, validation = self.data.train, self.data.validation
        lengths = [len(ids) for _, ids in self.train_pairs]
        size, steps = self.options.batch_size, max(len(row) for row in train.sources)
        tokenizer = self.reader.tokenizer
        ids = [i for _, text in validation.pairs() for i in tokenizer.encode(text)]
        unknown = sum(i == tokenizer.unknown for i in ids) / len(ids)
        return [
            *self.reader.check(train, validation),
            lengths_line("train, captions", lengths, f"{self.options.unit} tokens"),
            f"vocabulary: {len(tokenizer):,} tokens; {unknown:.2%} of the validation's are unknown",
            f"epoch: {len(self.batches(0)):,} batches of {size} captions",
            parameters_line(self.model),
            activations_line(
                self.model, size * (max(lengths) + 1 + steps * self.model.places), len(tokenizer)
            ),
            *_convolution_lines(self.model, size * steps),
            *(f"{name}: {signature}" for name, signature in text_signatures(validation.captions).items()),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[PairBatch]:
        pairs, end, size = self.train_pairs, self.reader.end, self.options.batch_size
        return pair_batches(pairs, end, size, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: PairBatch, carry: Any) -> Loss:
        return forced_loss(self.model, batch, self.model_options)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """Of the best caption of each picture against all references for it: `exact`, the share that are one
        of them word for word, `bleu` and `chrf` (see `text_signatures`), and `perplexity` of the references,
        a token.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        rows = selection.examples
        hypotheses = [self.text(best) for best, *_ in self.caption(rows.sources)]
        tokenizer = self.reader.tokenizer
        references = [[natural_text(tokenizer, text) for text in captions] for captions in rows.captions]
        exact = [
            text.split() in map(str.split, among) for text, among in zip(hypotheses, references, strict=True)
        ]
        counts = [len(texts) for texts in rows.captions]
        costs = [part.sum(0) for part in torch.split(self.target_costs(rows), counts)]
        parts = (
            ratios({"exact": (exact, None)}),
            bleu_figures(hypotheses, references),
            perplexity_figures(torch.stack(costs)),
        )
        chrf = {"chrf": chrf_score(hypotheses, references)}
        return selection.measured(len(hypotheses), "captioned sources", together(*parts), chrf)

    def target_costs(self, rows: Captioned) -> Tensor:
        """See `recurra.tasks.seq2seq.teacher_forcing.target_costs`; of each caption, source by source."""
        pairs = self.reader.pairs(rows)
        return target_costs(self.model, pairs, self.reader.end, self.options.batch_size)

    def row(self, item: Any) -> tuple[dict[str, Any], Tensor]:
        """Of a picture (see `recurra.data.pictures.frames_of`), rows of features, or a table with one of
        them: its name as `image` where it has one, and what the network reads.
        """
        entry = item.get(self.options.image) if isinstance(item, Mapping) else item
        return {"image": entry} if _is_name(entry) else {}, self.seen(item)

    def answers(self, rows: Sequence[tuple[dict[str, Any], Tensor]]) -> Iterator[dict[str, Any]]:
        """For each row: `image`, its name where it has one, the best caption as `text`, `score`
        (log-probability over the length penalty), `log_probability` and `tokens`; with attention `weights`,
        nested lists: how much each token looked at each place, row by row, or frame. All `answers`, such
        tables each, where `search.best` asks for more than one.
        """
        captions = self.caption([source for _, source in rows])
        for (name, _), answers in zip(rows, captions, strict=True):
            tables = [self._table(answer) for answer in answers]
            yield {**name, **tables[0], **({"answers": tables} if self.search.best > 1 else {})}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`image`, where it has a name, and the best caption's `text`, `score` and `log_probability`."""
        return [some(answer, "image", "text", "score", "log_probability")]

    def seen(self, item: Any) -> Tensor:
        """What the network reads of one thing to predict."""
        return self.reader.source.row(item)

    def caption(self, sources: Sequence[Tensor]) -> list[list[Answer]]:
        """The best captions of each, best first; `weights` are `[tokens, places]`, the places of one frame
        after those of the one before, row by row.
        """
        lengths = [len(row) for row in sources]
        return answer_in_batches(sources, lengths, self.options.batch_size, self._search)

    def text(self, answer: Answer) -> str:
        """A caption in words."""
        return self.reader.tokenizer.decode(answer.hypothesis.ids)

    def words(self, answer: Answer) -> list[str]:
        """Its tokens."""
        return [self.reader.tokenizer.token(index) for index in answer.hypothesis.ids]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        rows = self.data.evaluation(data)
        return [Example(({}, source), texts) for source, texts, _ in zip(*rows, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: Sequence[str]) -> float:
        """How far its words are from those of the nearest reference."""
        return min(unlike(answer["text"].split(), text.split()) for text in truth)

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """The best caption of each, and where each of its words looked; of rows of features the words and the
        steps.
        """
        sources = [each.row[1] for each in examples]
        best = [answers[0] for answers in self.caption(sources)]
        words, weights = [self.words(answer) for answer in best], [answer.weights for answer in best]
        truths = [None if each.truth is None else each.truth[0] for each in examples]
        if isinstance(self.model.source, Pictures):
            return draw_captions(self.model.source, sources, words, weights, truths, dark)
        steps = [[str(number + 1) for number in range(len(source))] for source in sources]
        return draw_alignments(
            [Aligned(*row) for row in zip(steps, words, weights, truths, strict=True)], dark
        )

    def _search(self, sources: Sequence[Tensor]) -> list[list[Answer]]:
        return search(self.model, sources, self.reader.end, self.search)

    def _table(self, answer: Answer) -> dict[str, Any]:
        table = answer_table(answer.hypothesis, self.text(answer), self.reader.tokenizer)
        return table if answer.weights is None else {**table, "weights": self._grid(answer.weights)}

    def _grid(self, weights: Tensor) -> list[Any]:
        """Rounded, `[tokens, places]`; of one picture `[tokens, rows, columns]`, of a film's frames likewise
        `[tokens, frames, rows, columns]`.
        """
        if isinstance(self.model.source, PicturePlaces):
            convolution = self.model.source.convolution
            frames = weights.shape[1] // (convolution.rows * convolution.columns)
            weights = weights.reshape(len(weights), frames, convolution.rows, convolution.columns)
            weights = weights.squeeze(1) if weights.shape[1] == 1 else weights
        rounded: list[Any] = (weights.double() * 1e4).round().div(1e4).tolist()
        return rounded


def _is_name(entry: Any) -> bool:
    """Whether an entry is the name of a picture, or the names of frames."""
    return isinstance(entry, str) or (
        isinstance(entry, list) and all(isinstance(name, str) for name in entry)
    )


def _convolution_lines(model: EncoderDecoder, pictures: int) -> list[str]:
    if not isinstance(model.source, Pictures):
        return []
    # the sums, and what normalisation and rectifier make of them, in four bytes each
    size = bytes_text(12 * pictures * model.source.convolution.sums)
    return [f"memory of the convolution: about {size} for a batch of {pictures:,} pictures"]
