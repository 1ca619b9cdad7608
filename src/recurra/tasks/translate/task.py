"""Translation: a text into another, of any length. Conversations are the same task: a turn, and its reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor

from recurra.data import Examples
from recurra.data.text.tokenizers import natural_text
from recurra.errors import Fault
from recurra.models import EncoderDecoder
from recurra.storage.files import write_json
from recurra.tasks.base import TASKS, Example, Loss, Score, Task
from recurra.tasks.parts.batches import answer_in_batches
from recurra.tasks.parts.contexts import seeded
from recurra.tasks.parts.counts import require_end, require_tokens
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.sizes import activations_line, lengths_line, parameters_line
from recurra.tasks.parts.sources import read_parts
from recurra.tasks.parts.splits import Splits
from recurra.tasks.parts.tables import some
from recurra.tasks.seq2seq.batches import PairBatch, TokenPair, pair_batches, pair_lengths
from recurra.tasks.seq2seq.pairs import (
    SOURCE_TOKENIZER,
    TARGET_TOKENIZER,
    PairOptions,
    PairReader,
    Pairs,
    pairs_of,
    text_of,
)
from recurra.tasks.seq2seq.plot import Aligned, draw_alignments
from recurra.tasks.seq2seq.scores import bleu_figures, chrf_score, text_signatures
from recurra.tasks.seq2seq.search import Answer, SearchOptions, answer_table, hard_alignment, search, words_of
from recurra.tasks.seq2seq.teacher_forcing import forced_loss, perplexity_figures, target_costs
from recurra.tasks.translate.model import TranslateModelOptions, build_model

SCORING = "scoring.json"


@TASKS.register("translate")
class TranslateTask(Task[EncoderDecoder]):
    """Reads a source text and writes the target text.

    Attributes:
        search: how answers are searched for; may be set to other `SearchOptions`.
    """

    name = "translate"
    item_name = "tokens"
    DataOptions: ClassVar[type[PairOptions]] = PairOptions
    ModelOptions = TranslateModelOptions
    score = Score("bleu", larger_is_better=True)

    def __init__(
        self,
        data: PairOptions,
        options: TranslateModelOptions,
        reader: PairReader,
        model: EncoderDecoder,
        seed: int = 0,
    ) -> None:
        self.options, self.model_options, self.reader, self.seed = data, options, reader, seed
        self.search: SearchOptions = options.search
        self.model = model
        self.data: Splits[Pairs] = Splits(data, seed, lambda examples: self.pairs(examples, data, options))

    @classmethod
    def prepare(cls, data: PairOptions, model: TranslateModelOptions, *, seed: int) -> Self:
        parts = read_parts(data, seed)
        train, notes = cls.pairs(parts.train, data, model)
        reader = PairReader.build(data, train)
        with seeded(seed):
            task = cls(data, model, reader, build_model(model, reader), seed)
        task.data.fill(train, notes, parts.validation)
        _ = task.train_ids  # a pair that is too long is told now
        return task

    @classmethod
    def restore(
        cls,
        data: PairOptions,
        model: TranslateModelOptions,
        module: EncoderDecoder,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        reader = PairReader.load(data, folder)
        for tokenizer, name in ((reader.source, SOURCE_TOKENIZER), (reader.target, TARGET_TOKENIZER)):
            require_end(tokenizer, folder / name)
        require_tokens(len(reader.target), module.target, "target tokens", folder / TARGET_TOKENIZER)
        require_tokens(
            len(reader.source), module.source or module.target, "source tokens", folder / SOURCE_TOKENIZER
        )
        return cls(data, model, reader, module, seed)

    @classmethod
    def pairs(cls, examples: Examples, data: Any, options: Any) -> tuple[Pairs, list[str]]:
        """The pairs of examples, and notes on those left out; `options` are `ModelOptions`."""
        return pairs_of(examples, data)

    def save_assets(self, folder: Path) -> None:
        """The tokenizers, and the signatures of the scores."""
        self.reader.save(folder)
        if signatures := self.signatures():
            write_json(folder / SCORING, signatures)

    def signatures(self) -> dict[str, str]:
        """How the scores of `evaluate` are counted, by name."""
        return text_signatures()

    @cached_property
    def train_ids(self) -> list[TokenPair]:
        """The training pairs as ids."""
        return self.reader.ids(self.data.train, self.options.max_length)

    def check(self) -> list[str]:
        train = self.train_ids
        validation = self.reader.ids(self.data.validation, self.options.max_length)
        source, target, tokens = self.reader.source, self.reader.target, f"{self.options.unit} tokens"
        size = self.options.batch_size
        unknown = sum(ids.tolist().count(source.unknown) for ids, _ in validation)
        return [
            lengths_line("train, sources", [len(a) for a, _ in train], tokens),
            lengths_line("train, targets", [len(b) for _, b in train], tokens),
            lengths_line("validation, targets", [len(b) for _, b in validation], tokens),
            f"vocabulary: {len(source):,} source and {len(target):,} target tokens"
            f"{', the same ones' if self.options.shared else ''}; "
            f"{unknown / sum(len(a) for a, _ in validation):.2%} of the validation's source is unknown",
            f"epoch: {len(self.batches(0)):,} batches of {size} pairs",
            parameters_line(self.model),
            activations_line(self.model, size * max(pair_lengths(train)), len(target)),
            *(f"{name}: {signature}" for name, signature in self.signatures().items()),
            *self.data.notes,
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[PairBatch]:
        pairs, end, size = self.train_ids, self.reader.end, self.options.batch_size
        return pair_batches(pairs, end, size, seed=self.seed, epoch=epoch, rank=rank, world=world)

    def read_training_data(self) -> bool:
        self.data.read_train()
        return True

    def loss(self, batch: PairBatch, carry: Any) -> Loss:
        return forced_loss(self.model, batch, self.model_options)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`bleu` and `chrf` of the best answers (see `text_signatures`), `exact`: the share that are the
        reference itself, and `perplexity` of the references, a token.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        pairs = selection.examples
        hypotheses = [best["text"] for best, *_ in self.translate(pairs.sources)]
        references = [natural_text(self.reader.target, text) for text in pairs.targets]
        exact = [a.split() == b.split() for a, b in zip(hypotheses, references, strict=True)]
        parts = (
            bleu_figures(hypotheses, references),
            ratios({"exact": (exact, None)}),
            perplexity_figures(self.target_costs(pairs)),
        )
        chrf = {"chrf": chrf_score(hypotheses, references)}
        return selection.measured(len(hypotheses), "pairs", together(*parts), chrf)

    def target_costs(self, pairs: Pairs) -> Tensor:
        """See `recurra.tasks.seq2seq.teacher_forcing.target_costs`."""
        ids = self.reader.ids(pairs, self.options.max_length)
        return target_costs(self.model, ids, self.reader.end, self.options.batch_size)

    def row(self, item: Any) -> str:
        """Of a text, or a table with `source`."""
        text = text_of(item, "source")
        count = len(self.reader.source_ids(text))
        if count > self.options.max_length:
            raise Fault(f"a text of {count:,} tokens, expected at most {self.options.max_length}: cut it")
        return text

    def answers(self, rows: Sequence[str]) -> Iterator[dict[str, Any]]:
        """For each text: `source`, then the keys of the best answer of `translate`, and all `answers` where
        `search.best` asks for more than one.
        """
        for text, answers in zip(rows, self.translate(rows), strict=True):
            more = {"answers": answers} if self.search.best > 1 else {}
            yield {"source": text, "source_tokens": self.reader.source.split(text), **answers[0], **more}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`source`, the best answer's `text`, `score` and `log_probability`."""
        return [some(answer, "source", "text", "score", "log_probability")]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        pairs = self.data.evaluation(data)
        return [Example(*pair) for pair in zip(pairs.sources, pairs.targets, strict=True)]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How far its words are from the reference's."""
        return unlike(answer["text"].split(), truth.split())

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """Where each token of the best answer looked in the source."""
        answers = self._answers([each.row for each in examples])
        token = self.reader.target.token
        return draw_alignments(
            [
                Aligned(
                    self.reader.source.split(each.row),
                    [token(index) for index in best.hypothesis.ids],
                    best.weights,
                    each.truth,
                )
                for each, (best, *_) in zip(examples, answers, strict=True)
            ],
            dark,
        )

    def translate(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """The best answers to each text, best first.

        Each has `text`, `score` (log-probability over the length penalty), `log_probability`, `tokens` and,
        with attention, `alignment`: for each token the index of the source token that it looked at most.
        """
        sources = [self.reader.source.split(text) for text in texts]
        return [
            [self._table(answer, source) for answer in row]
            for row, source in zip(self._answers(texts), sources, strict=True)
        ]

    def _answers(self, texts: Sequence[str]) -> list[list[Answer]]:
        """The best answers to each text, best first."""
        ids = [self.reader.source_ids(text) for text in texts]
        long = next((row for row in ids if len(row) > self.options.max_length), None)
        if long is not None:
            raise Fault(f"a text of {len(long):,} tokens, expected at most {self.options.max_length}: cut it")
        return answer_in_batches(ids, [len(row) for row in ids], self.options.batch_size, self._search)

    def _search(self, sources: Sequence[Tensor]) -> list[list[Answer]]:
        return search(self.model, sources, self.reader.end, self.search)

    def _table(self, answer: Answer, source: Sequence[str]) -> dict[str, Any]:
        hypothesis, target = answer.hypothesis, self.reader.target
        alignment = None if answer.weights is None else hard_alignment(answer.weights)
        text = words_of(hypothesis.ids, target, source, alignment if self.search.copy_unknown else None)
        table = answer_table(hypothesis, text, target)
        return table if alignment is None else {**table, "alignment": alignment}
