"""Stories: sentences that a question is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator

from recurra.cells import EntityNetwork
from recurra.data import Examples, LabelSet
from recurra.data.text.tokenizers import RULES
from recurra.errors import Fault, quoted
from recurra.models import EntityReader, Inquiry, MemoryNetwork, RowAnswerer, Words
from recurra.ragged import Ragged
from recurra.tasks.answer.options import QuestionOptions, words_of
from recurra.tasks.answer.plain import (
    TEXT,
    PlainModelOptions,
    PlainReader,
    build_row_model,
    build_words,
    word_rows,
)
from recurra.tasks.answer.plot import Panel, draw_sentences
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.network import DirectedOptions
from recurra.tasks.parts.sizes import lengths_line
from recurra.tasks.readers.words import WordModelOptions, WordReader

Sentence = tuple[str, ...]


class StoryOptions(QuestionOptions):
    """Questions about stories.

    Attributes:
        evidence: "story".
        story: the column of stories: a list of sentences each.
        max_sentences: of a story.
        longer: what to do with a longer story: "error" names it, "cut" keeps the last sentences.
    """

    evidence: Literal["story"] = "story"
    story: str = "story"
    max_sentences: int = Field(default=50, ge=1)
    longer: Literal["error", "cut"] = "error"


class StoryModelOptions(PlainModelOptions):
    """The network.

    Attributes:
        kind: "memory_network" looks over the sentences in hops (Sukhbaatar et al., 2015); "entity_network"
            reads them one by one into slots (Henaff et al., 2017); "recurrent" reads the words of story and
            question in order, by layers over time.
        embedding: width of a word's vector, and of everything in a memory or entity network.
        hops: of a memory network, how often it looks.
        tying: of a memory network: "adjacent" hops share a table each; of "layer" all have the same.
        position, time: of a memory network, whether words are weighed by position, sentences dated by age.
        gaps: of a memory network, share of sentences before which one is missing, in training.
        as_program: of a memory network, whether it is that of the authors' program instead of their paper's:
            with blank sentences up to the longest story, position weights of mean 1, and answers that are
            scored by the last table's vectors of them as words.
        linear_epochs: of a memory network, the first epochs, in which it has no softmax (a linear start).
        slots: of an entity network.
        positions: of an entity network, words of a sentence that have places of their own.
    """

    kind: Literal["memory_network", "entity_network", "recurrent"] = "memory_network"
    embedding: int = Field(default=50, ge=1)
    hops: int = Field(default=3, ge=1)
    tying: Literal["adjacent", "layer"] = "adjacent"
    position: bool = True
    time: bool = True
    gaps: float = Field(default=0.1, ge=0, lt=1)
    as_program: bool = False
    linear_epochs: int = Field(default=0, ge=0)
    slots: int = Field(default=20, ge=1)
    positions: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        fields = type(self).model_fields
        own = {
            "memory_network": {"hops", "tying", "position", "time", "gaps", "as_program", "linear_epochs"},
            "entity_network": {"slots", "positions"},
            "recurrent": {*DirectedOptions.model_fields, *WordModelOptions.model_fields, "pool"},
        }
        for name in sorted(set().union(*own.values()) - own[self.kind] - {"embedding"}):
            if getattr(self, name) != fields[name].get_default(call_default_factory=True):
                raise ValueError(f"kind = {self.kind!r} has no {name}: leave it out")
        return self


class StoryReader:
    """Stories as lists of sentences, each a tuple of words.

    Args:
        joined: whether a model reads the words of story and question as one row.

    Attributes:
        answers: the words that answers are, where a model scores them so; None elsewhere, and in a reader
            that was loaded. longest: in training, the most sentences of a story, and words of a sentence.
    """

    def __init__(self, data: StoryOptions, words: WordReader, joined: bool) -> None:
        self.data, self.words, self.joined = data, words, joined
        self.answers: list[int] | None = None
        self.longest = (1, 1)
        self._cut = lru_cache(100_000)(lambda text: tuple(RULES[data.tokenizer.rule](text)))
        self._ids = lru_cache(100_000)(self._numbers)

    @classmethod
    def build(cls, examples: Examples, data: StoryOptions, model: StoryModelOptions) -> Self:
        """From the training data."""
        rule = RULES[data.tokenizer.rule]
        texts = [sentence for story in examples[data.story] for sentence in _sentences(story, "a story")]
        rows = [rule(text) for text in texts]
        questions = word_rows(examples, data)
        names = LabelSet.from_column(examples, data.answer).names if model.as_program else ()
        words = build_words([*questions, *rows, *([name] for name in names)], examples, data, model)
        reader = cls(data, words, model.kind == "recurrent")
        if model.as_program:
            reader.answers = _answer_words(names, words, examples.source)
        stories = max((len(story) for story in examples[data.story]), default=1)
        lengths = [len(row) for row in (*questions, *rows)]
        reader.longest = max(1, min(stories, data.max_sentences)), max(lengths, default=1)
        return reader

    @classmethod
    def load(cls, folder: Path, data: StoryOptions, model: StoryModelOptions) -> Self:
        """What `save` wrote."""
        return cls(data, WordReader.load(folder, TEXT, data.tokenizer, model), model.kind == "recurrent")

    def rows(self, examples: Examples) -> tuple[list[list[Sentence]], list[str]]:
        rows, long = [], []
        for story, place in zip(examples[self.data.story], examples.places, strict=True):
            sentences = _sentences(story, f"{place}: column {self.data.story!r}")
            if len(sentences) > self.data.max_sentences:
                long.append(place)
                self._refuse(sentences, str(place))
            rows.append([self._sentence(text, f"{place}: a sentence") for text in self._last(sentences)])
        note = (
            f"{long[0]}: a story of more than {self.data.max_sentences} sentences, as are {len(long) - 1:,} "
            f"more of {len(examples):,}: their last ones are read"
            if long
            else ""
        )
        return rows, [note] if note else []

    def row(self, item: Mapping[str, Any]) -> list[Sentence]:
        story = item.get(self.data.story)
        if isinstance(story, str):
            story = [part.strip() for part in story.replace(". ", ".\n").splitlines() if part.strip()]
        sentences = _sentences(story, f"{self.data.story!r}")
        if len(sentences) > self.data.max_sentences:
            self._refuse(sentences, "the story")
        return [self._sentence(text, "a sentence of the story") for text in self._last(sentences)]

    def _last(self, sentences: list[str]) -> list[str]:
        return sentences[-self.data.max_sentences :]

    def _refuse(self, sentences: list[str], where: str) -> None:
        if self.data.longer == "error":
            raise Fault(
                f"{where}: a story of {len(sentences)} sentences, expected at most "
                f"{self.data.max_sentences}, the model's memory: raise data.max_sentences, or set "
                f"data.longer = 'cut' to read the last ones"
            )

    def _sentence(self, text: str, where: str) -> Sentence:
        words = self._cut(text)
        return words if words else tuple(words_of(text, self.data.tokenizer, where))

    def size(self, row: list[Sentence]) -> int:
        return sum(map(len, row)) if self.joined else len(row)

    def blank(self, row: list[Sentence]) -> list[Sentence]:
        return []

    def inquiry(
        self, questions: Sequence[list[str]], rows: Sequence[list[Sentence]], linear: bool
    ) -> Inquiry:
        if self.joined:
            joined = [
                [word for sentence in row for word in sentence] + list(question)
                for question, row in zip(questions, rows, strict=True)
            ]
            return Inquiry(self.words.batch(joined))
        # many stories of a batch have a sentence in common: it is read once
        places: dict[Sentence, int] = {}
        which = [places.setdefault(sentence, len(places)) for row in rows for sentence in row]
        distinct = [self._ids(sentence) for sentence in places]
        ids = Ragged.from_list(distinct or [torch.zeros(0, dtype=torch.int64)])
        counts = torch.tensor([len(row) for row in rows])
        asking = Words(Ragged.from_list([self._ids(tuple(question)) for question in questions]))
        return Inquiry(
            asking, Words(ids), counts, linear=linear, which=torch.tensor(which, dtype=torch.int64)
        )

    def _numbers(self, sentence: Sentence) -> torch.Tensor:
        ids: torch.Tensor = self.words.batch([sentence]).ids.data
        return ids

    def summary(self, row: list[Sentence], looks: torch.Tensor) -> dict[str, Any]:
        """`looked`: each sentence with its weights, one for each hop."""
        weights = looks.reshape(len(row), -1).double().mul(1e4).round().div(1e4).tolist()
        return {
            "looked": [
                {"sentence": " ".join(sentence), "weights": each}
                for sentence, each in zip(row, weights, strict=True)
            ]
        }

    def drawing(self, panels: Sequence[Panel], dark: bool) -> Any:
        texts = [panel._replace(body=[" ".join(sentence) for sentence in panel.body]) for panel in panels]
        return draw_sentences(texts, dark)

    def check(self, rows: Sequence[list[Sentence]]) -> list[str]:
        return [lengths_line("train, stories", [len(row) for row in rows], "sentences")]

    def save(self, folder: Path) -> None:
        self.words.save(folder)


def build_story_model(
    options: StoryModelOptions, reader: StoryReader, outputs: int
) -> MemoryNetwork | EntityReader | RowAnswerer:
    """The network, with fresh weights."""
    tokens, size = len(reader.words.words), options.embedding
    if options.kind == "memory_network":
        stories, words = reader.longest
        return MemoryNetwork(
            tokens,
            size,
            outputs,
            options.hops,
            stories if options.as_program else reader.data.max_sentences,
            options.tying,
            options.position,
            options.time,
            options.gaps,
            options.as_program,
            words if options.as_program else None,
            reader.answers,
        )
    if options.kind == "entity_network":
        return EntityReader(tokens, EntityNetwork(size, size), outputs, options.slots, options.positions)
    return build_row_model(options, reader.words, outputs)


def require_story_model(reader: StoryReader | PlainReader, module: Any, folder: Path) -> int:
    """How many answers a model gives. Fault unless it reads what the reader makes."""
    if isinstance(module, RowAnswerer):
        reader.words.require_input(module.input, folder)
        return int(module.output.out_features)
    require_count(len(reader.words.words), module.config["tokens"], "words", folder / "words.json")
    return int(module.config["outputs"])


def _answer_words(names: Sequence[str], words: WordReader, source: str) -> list[int]:
    """The number of each answer as a word. Fault for one that is no word of its own."""
    numbers: list[int] = words.batch([list(names)]).ids.data.tolist()
    owners: dict[int, str] = {}
    for name, number in zip(names, numbers, strict=True):
        if number == words.words.unknown or number in owners:
            what = (
                f"the word that {quoted(owners[number])} is" if number in owners else "no word that is known"
            )
            raise Fault(
                f"{source}: answer {quoted(name)} is {what}, expected a word of its own: set "
                f"model.as_program = false, or tell more words apart (data.tokenizer)"
            )
        owners[number] = name
    return numbers


def _sentences(story: Any, where: str) -> list[str]:
    if (
        not isinstance(story, Sequence)
        or isinstance(story, str)
        or not all(isinstance(s, str) for s in story)
    ):
        raise Fault(f"{where}: {quoted(story)} found, expected a list of sentences")
    return list(story)
