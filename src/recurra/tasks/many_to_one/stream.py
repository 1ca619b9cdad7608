"""The answer by now, while a row is still coming."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

from recurra.data.text.tokenizers import RULES
from recurra.errors import Fault, quoted
from recurra.models import Bag, ManyToOne, Regressor, Words
from recurra.storage.text import parse_json
from recurra.streaming.runner import runner
from recurra.tasks.base import TextStream
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.readers.base import RowReader
from recurra.tasks.readers.word_stream import TextBuffer, WordStream
from recurra.tasks.readers.words import WordReader


class ManyToOneStream(TextStream):
    """After each step the answer as if the row ended there.

    Words are complete with the blank after them, and a line end ends a row. Rows of numbers come as one JSON
    list a line for each step; an empty line ends a row.
    """

    def __init__(
        self,
        model: ManyToOne | Bag | Regressor,
        reader: RowReader,
        table: Callable[[Tensor], dict[str, Any]],
    ) -> None:
        if not model.causal:
            raise Fault(
                "this model's answer depends on the whole row, so it can't be streamed: train with "
                "bidirectional = false and pool = 'last', or ask for the movement of whole rows"
            )
        self.model, self.reader, self.table = model, reader, table
        self._words = WordStream()
        self._lines, self._count = TextBuffer(), 0
        with evaluating(model):
            self._run = runner(model, 1)
        self._begin()

    def feed(self, piece: str) -> Iterator[dict[str, Any]]:
        if isinstance(self.reader, WordReader):
            *ended, open_row = self._words.feed(piece)
            for row in ended:
                yield from self._read_words(row)
                self._begin()
            yield from self._read_words(open_row)
        else:
            for line in self._lines.feed(piece, piece.rfind("\n") + 1).split("\n")[:-1]:
                yield from self._read_line(line)

    def finish(self) -> Iterator[dict[str, Any]]:
        if isinstance(self.reader, WordReader):
            yield from self._read_words(self._words.finish())
        else:
            yield from self._read_line(self._lines.finish())
        self._begin()

    def _begin(self) -> None:
        self._state = self._run.initial_state(1)

    def _read_words(self, pieces: Sequence[str]) -> Iterator[dict[str, Any]]:
        assert isinstance(self.reader, WordReader)
        for piece in pieces:
            for word in RULES[self.reader.options.rule](piece):
                yield {"step": word, **self._step(self.reader.batch([[word]]))}

    def _read_line(self, line: str) -> Iterator[dict[str, Any]]:
        self._count += 1
        if not line.strip():
            self._begin()
            return
        try:
            numbers = parse_json(line, "line")
        except Fault:
            raise Fault(
                f"line {self._count}: {quoted(line)} found, expected the numbers of one step as a JSON "
                f"list, as [0.5, 1]"
            ) from None
        row = self.reader.row([numbers] if isinstance(numbers, list) else [[numbers]])
        yield {"step": line.strip(), **self._step(self.reader.batch([row]))}

    def _step(self, x: Any) -> dict[str, Any]:
        """One row of one step."""
        x = x.to(device_of(self.model))
        row = x.as_row() if isinstance(x, Words) else x.data[None]
        with evaluating(self.model):
            outputs, self._state = self._run.feed(row, self._state)
        return self.table(outputs[0, 0].float().cpu())
