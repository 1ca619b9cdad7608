"""Language modelling: the next word, character or subword."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from torch.nn import functional as F

from recurra.data import Tokenizer, Window, load_tokenizer, train_tokenizer
from recurra.errors import Fault
from recurra.models import LanguageModel
from recurra.state import detach
from recurra.tasks.base import CHANGEABLE, TASKS, Example, Loss, Score, Task
from recurra.tasks.language_model.choices import Choice, choice
from recurra.tasks.language_model.corpus import Corpus, TextOptions
from recurra.tasks.language_model.minimal_pairs import PairScores, read_pairs, score_pairs
from recurra.tasks.language_model.model import LanguageModelOptions, build_model
from recurra.tasks.language_model.plot import draw_readings
from recurra.tasks.language_model.probabilities import (
    above_shuffled,
    likeliest,
    log_probabilities,
    read_prompt,
    read_prompts,
)
from recurra.tasks.language_model.sampled_softmax import SampledSoftmax
from recurra.tasks.language_model.samples import sample_texts
from recurra.tasks.language_model.sentence_corpus import SentenceCorpus
from recurra.tasks.language_model.stream import LanguageModelStream
from recurra.tasks.language_model.stream_corpus import StreamCorpus
from recurra.tasks.language_model.text import ReadAs, RunningText
from recurra.tasks.parts.contexts import device_of, seeded
from recurra.tasks.parts.counts import require_count, require_tokens
from recurra.tasks.parts.measurement import Measurement
from recurra.tasks.parts.sizes import activations_line, parameters_line
from recurra.tasks.parts.tables import some

TOKENIZER = "tokenizer.json"
CORPORA: dict[ReadAs, type[Corpus]] = {"stream": StreamCorpus, "sentences": SentenceCorpus}


@TASKS.register("language_model")
class LanguageModelTask(Task[LanguageModel]):
    """Predicts each token from all before it. Logarithms are natural unless a name says bits."""

    name = "language_model"
    item_name = "tokens"
    DataOptions = TextOptions
    ModelOptions = LanguageModelOptions
    changeable = (*CHANGEABLE, "data.validation_streams", "data.rank_shuffled")
    score = Score("nats_per_token", larger_is_better=False)

    def __init__(
        self, corpus: Corpus, tokenizer: Tokenizer, model: LanguageModel, softmax_draws: int = 0
    ) -> None:
        self.corpus = corpus
        self.options = corpus.options
        self.text = RunningText(tokenizer, self.options.read_as)
        self.model = model
        self._draws = softmax_draws
        self._softmax: SampledSoftmax | None = None

    @classmethod
    def prepare(cls, data: TextOptions, model: LanguageModelOptions, *, seed: int) -> Self:
        corpus = CORPORA[data.read_as](data, seed)
        train = corpus.train
        try:
            tokenizer = _tokenizer(data, train)
        except Fault as fault:
            raise Fault(f"the training text: {fault}") from None
        with seeded(seed):
            task = cls(corpus, tokenizer, build_model(model, tokenizer), model.softmax_draws)
        # what is wrong with the data is told now, not at the first validation
        task.batches(0)
        _ = corpus.validation
        return task

    @classmethod
    def restore(
        cls,
        data: TextOptions,
        model: LanguageModelOptions,
        module: LanguageModel,
        folder: Path,
        *,
        seed: int = 0,
    ) -> Self:
        tokenizer = load_tokenizer(folder / TOKENIZER)
        require_tokens(len(tokenizer), module.input, "tokens", folder / TOKENIZER)
        require_count(len(tokenizer), module.bias.numel(), "tokens", folder / TOKENIZER)
        return cls(CORPORA[data.read_as](data, seed), tokenizer, module, model.softmax_draws)

    def save_assets(self, folder: Path) -> None:
        self.text.tokenizer.save(folder / TOKENIZER)

    def check(self) -> list[str]:
        windows = self.corpus.windows(self.text, self.corpus.validation)
        targets = [target for window in windows for target in window.targets.data.tolist()]
        unknown = sum(target == self.text.tokenizer.unknown for target in targets) / len(targets)
        first = self.batches(0)[0].inputs
        return [
            *self.corpus.check(self.text),
            f"vocabulary: {len(self.text.tokenizer):,} {self.options.unit} tokens; "
            f"{unknown:.2%} of the validation tokens are unknown",
            parameters_line(self.model),
            activations_line(self.model, len(first.data), len(self.text.tokenizer)),
            *map(str, self.text.tokenizer.notes()),
        ]

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[Window]:
        return self.corpus.batches(self.text, epoch, rank, world)

    def read_training_data(self) -> bool:
        _ = self.corpus.train
        return True

    def step_names(self, batch: Window) -> list[list[str]]:
        return [[*map(self.text.tokenizer.token, row.tolist())] for row in batch.inputs.to_list()]

    def loss(self, batch: Window, carry: Any) -> Loss:
        device = device_of(self.model)
        inputs, carry = batch.inputs.to(device), None if batch.fresh else carry
        targets = batch.targets.to(device).data
        if self._draws:
            if self._softmax is None:
                self._softmax = SampledSoftmax(self.corpus.counts(self.text), self._draws)
            y, state = self.model.read(inputs, carry)
            total = self._softmax.cost(self.model, y.data, targets)
        else:
            logits, state = self.model(inputs, carry)
            total = F.cross_entropy(logits.data, targets, reduction="sum")
        goes_on = self.options.read_as == "stream"
        return Loss(total, len(targets), detach(state) if goes_on else None)

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`nats_per_token`, its exponential `perplexity`, `bits_per_character` (ends of lines and sentences
        are characters, too), and `above_shuffled` where `rank_shuffled` asks for it.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.corpus.select(data)
        measurement = self.corpus.measured(self.model, self.text, selection)
        if not self.options.rank_shuffled:
            return measurement
        sentences = self.corpus.sentences(selection.examples)
        count = min(len(sentences), self.options.rank_shuffled)
        ranked = self.above_shuffled(random.Random(0).sample(sentences, count))
        return replace(measurement, constants={"above_shuffled": ranked})

    def row(self, item: Any) -> str:
        """Of a text, or a table with `text`."""
        text = item.get("text") if isinstance(item, Mapping) else item
        if not isinstance(text, str):
            raise Fault(f"{item!r} found, expected a text, or a table with the key 'text'")
        return text

    def answers(self, rows: Sequence[str]) -> Iterator[dict[str, Any]]:
        """For each text: ln P of it with its end, and the likeliest tokens after it."""
        answers = zip(
            rows, self.log_probabilities(rows), read_prompts(self.model, self.text, rows), strict=True
        )
        for text, total, logits in answers:
            tokens = len(self.text.sentence(text)[1])
            yield {
                "text": text,
                "log_probability": total,
                "tokens": tokens,
                "perplexity": _exp(-total / tokens),
                "next": likeliest(logits, 5, self.text),
            }

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`text`, `log_probability`, `tokens` and `perplexity`."""
        return [some(answer, "text", "log_probability", "tokens", "perplexity")]

    def examples(self, data: str | Path | None = None) -> Sequence[Example]:
        """Lines, or sentences, of the texts."""
        lines = [line for text in self.corpus.select(data).examples for line in text.split("\n")]
        return [Example(line) for line in lines if line.strip()]

    def drawing(self, examples: Sequence[Example], dark: bool = False) -> Any:
        """How unexpected each token of each text was, and what is expected after it."""
        readings = []
        for each in examples:
            stream = self.open_stream()
            readings.append([*stream.feed(each.row), *stream.finish()])
        if not all(readings):
            raise Fault("an empty text found, expected at least one token to draw")
        return draw_readings(readings, dark)

    def log_probabilities(self, texts: Sequence[str]) -> list[float]:
        """ln P of each text as a whole sentence, its end included."""
        return log_probabilities(self.model, self.text, texts)

    def next_tokens(self, text: str, count: int = 5) -> list[dict[str, Any]]:
        """The likeliest tokens after a text, most likely first: `token` and `probability`."""
        return likeliest(read_prompt(self.model, self.text, text)[0][0], count, self.text)

    def choice(self, text: str, options: Sequence[str]) -> Choice:
        """How likely each of some words is after each word of a text; see `choices`."""
        return choice(self.model, self.text, text, options)

    def above_shuffled(self, sentences: Sequence[str], seed: int = 0) -> float:
        """The share of sentences that are likelier than their own words in another, random order."""
        return above_shuffled(self.model, self.text, sentences, seed)

    def pair_scores(self, path: str | Path) -> PairScores:
        """How often the right sentence of a file's minimal pairs is likelier; see `minimal_pairs`."""
        return score_pairs(self.text, read_pairs(path), self.log_probabilities)

    def sample(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """See `recurra.tasks.language_model.samples.sample_texts`."""
        return sample_texts(self.model, self.text, prompt, **options)

    def open_stream(self) -> LanguageModelStream:
        """Text in; for each token its surprisal, and what is likeliest next."""
        return LanguageModelStream(self.model, self.text)


def _tokenizer(data: TextOptions, texts: Sequence[str]) -> Tokenizer:
    if data.read_as == "sentences":
        return train_tokenizer(data.unit, texts, **data.tokenizer.arguments())
    if data.unit == "character":
        # the line end stands between texts, so it is a token even where the text has none
        return train_tokenizer(data.unit, [*texts, "\n"], **{"end": None, **data.tokenizer.arguments()})
    return train_tokenizer(
        data.unit, [line for text in texts for line in text.split("\n")], **data.tokenizer.arguments()
    )


def _exp(nats: float) -> float:
    return math.exp(min(nats, 700.0))
