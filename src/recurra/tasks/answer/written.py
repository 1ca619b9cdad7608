"""Answers that are written word by word, from a text and a question about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from recurra.data import Examples, Place
from recurra.data.text.tokenizers import natural_text
from recurra.errors import Fault, quoted
from recurra.tasks.answer.options import HIDDEN, SeeingOptions, Sees
from recurra.tasks.answer.scores import exact_match, overlap
from recurra.tasks.base import Score
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Measurement, ratios, together
from recurra.tasks.parts.tables import some
from recurra.tasks.parts.tokens import TokenizerOptions
from recurra.tasks.seq2seq.pairs import PairOptions, Pairs
from recurra.tasks.seq2seq.teacher_forcing import perplexity_figures
from recurra.tasks.translate.model import TranslateModelOptions
from recurra.tasks.translate.task import TranslateTask

_BORDER = "|"
"""Stands between the text and the question."""


class WrittenOptions(PairOptions):
    """Questions about texts, and answers in words.

    Attributes:
        evidence: "text".
        text: the column of texts: a text each, or a list of sentences.
        source: the column of questions.
        target: the column of answers: a text each, or a list of texts, any of which is right and the first
            of which is learnt.
        unit: what texts, questions and answers are cut into.
        shared: one vocabulary, and one table of vectors, for what is read and what is written.
    """

    evidence: Literal["text"] = "text"
    text: str = "text"
    source: str = "question"
    target: str = "answer"
    unit: Literal["word", "character", "subword"] = "word"
    tokenizer: TokenizerOptions = TokenizerOptions(rule="words", lower=True)


class WrittenModelOptions(TranslateModelOptions, SeeingOptions):
    """The network, its loss, how answers are searched for, and what the model sees."""


class Written(Pairs):
    """What is read, which answer is learnt, and where each stands.

    Attributes:
        right: of each all answers that are right.
    """

    right: list[list[str]]

    @classmethod
    def of(cls, sources: list[str], right: list[list[str]], places: list[Place]) -> Self:
        """The first of the right answers is the one to learn."""
        pairs = cls(sources, [answers[0] for answers in right], places)
        pairs.right = right
        return pairs


class WrittenAnswerTask(TranslateTask):
    """Reads a text and a question, and writes the answer."""

    name = "answer"
    DataOptions = WrittenOptions
    ModelOptions = WrittenModelOptions
    score = Score("f1", larger_is_better=True)

    @classmethod
    def pairs(
        cls, examples: Examples, data: WrittenOptions, options: WrittenModelOptions
    ) -> tuple[Written, list[str]]:
        sources, right = [], []
        columns = (examples[name] for name in (data.text, data.source, data.target))
        for text, question, answers, place in zip(*columns, examples.places, strict=True):
            sources.append(_joined(text, question, options.sees, data, f"{place}: "))
            texts = [answers] if isinstance(answers, str) else answers
            if not isinstance(texts, Sequence) or not texts or not all(map(_is_full, texts)):
                raise Fault(
                    f"{place}: column {data.target!r}: {quoted(answers)} found, expected an answer in words, "
                    f"or a list of them"
                )
            right.append(list(texts))
        return Written.of(sources, right, list(examples.places)), []

    def signatures(self) -> dict[str, str]:
        """Answers are counted by one rule."""
        return {}

    def evaluate(self, data: str | Path | None = None) -> Mapping[str, float]:
        """`exact` and `f1` against the nearest of the right answers, as SQuAD's script counts them, and
        `perplexity` of the answers to learn, a token.
        """
        return self.measure(data).scores

    def measure(self, data: str | Path | None = None) -> Measurement:
        selection = self.data.select(data)
        pairs = selection.examples
        assert isinstance(pairs, Written)
        answers = [best["text"] for best, *_ in self.translate(pairs.sources)]
        right = [[natural_text(self.reader.target, text) for text in texts] for texts in pairs.right]
        both = list(zip(answers, right, strict=True))
        figures = ratios(
            {
                "exact": ([exact_match(*pair) for pair in both], None),
                "f1": ([overlap(*pair) for pair in both], None),
            }
        )
        return selection.measured(
            len(answers), "questions", together(figures, perplexity_figures(self.target_costs(pairs)))
        )

    def row(self, item: Any) -> str:
        """Of a table with a text, or a list of sentences, and a question."""
        assert isinstance(self.options, WrittenOptions)
        assert isinstance(self.model_options, WrittenModelOptions)
        text, question = self.options.text, self.options.source
        if not isinstance(item, Mapping) or not {text, question} <= item.keys():
            raise Fault(f"{quoted(item)} found, expected a table with {text!r} and {question!r}")
        return super().row(_joined(item[text], item[question], self.model_options.sees, self.options, ""))

    def answers(self, rows: Sequence[str]) -> Iterator[dict[str, Any]]:
        """For each question `answer`, `log_probability`, `tokens`, and with attention `looked`: for each of
        them the token that it looked at most.
        """
        for row, (best, *_) in zip(rows, self.translate(rows), strict=True):
            source = [*self.reader.source.split(row), "the end"]
            table = some({**best, "answer": best["text"]}, "answer", "log_probability", "tokens")
            looked = [source[place] for place in best["alignment"]] if "alignment" in best else None
            yield table if looked is None else {**table, "looked": looked}

    def table_rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`answer` and `log_probability`."""
        return [some(answer, "answer", "log_probability")]

    def mistake(self, answer: Mapping[str, Any], truth: str) -> float:
        """How far its words are from the answer's."""
        return unlike(answer["answer"].split(), truth.split())


def _joined(text: Any, question: Any, sees: Sees, data: WrittenOptions, where: str) -> str:
    """The text and its question as one text, or what a blind twin sees of them."""
    sentences = [text] if isinstance(text, str) else text
    if not isinstance(sentences, Sequence) or not all(isinstance(part, str) for part in sentences):
        raise Fault(f"{where}{data.text!r}: {quoted(text)} found, expected a text or a list of sentences")
    if not _is_full(question):
        raise Fault(f"{where}{data.source!r}: {quoted(question)} found, expected a question in words")
    parts = [
        "" if sees == "question" else " ".join(sentences),
        *(HIDDEN if sees == "evidence" else [question]),
    ]
    return f" {_BORDER} ".join(parts).strip()


def _is_full(text: Any) -> bool:
    return isinstance(text, str) and any(map(str.isalnum, text))
