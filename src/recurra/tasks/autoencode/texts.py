"""Auto-encoding texts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from operator import eq
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data import Examples, Tokenizer, columns, load_tokenizer, train_tokenizer
from recurra.decode import beam_search
from recurra.models import EncoderDecoder
from recurra.ragged import Ragged
from recurra.tasks.autoencode.model import build_text_model
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.autoencode.plot import draw_texts
from recurra.tasks.base import Score
from recurra.tasks.parts.contexts import device_of
from recurra.tasks.parts.counts import require_end, require_tokens
from recurra.tasks.parts.likeness import unlike
from recurra.tasks.parts.measurement import Figures, ratios
from recurra.tasks.parts.sizes import lengths_line
from recurra.tasks.seq2seq.batches import PairBatch, pair_batch
from recurra.tasks.seq2seq.pairs import TARGET_TOKENIZER, PairReader, text_of


class TextCoder:
    """Texts: rows of token ids."""

    score = Score("tokens_back", larger_is_better=True)

    def __init__(self, data: AutoencodeDataOptions, tokenizer: Tokenizer) -> None:
        self.data, self.tokenizer = data, tokenizer
        self.reader = PairReader(tokenizer, tokenizer)

    @classmethod
    def build(cls, data: AutoencodeDataOptions, train: Examples) -> Self:
        assert data.text is not None
        texts = columns.text(train, data.text)
        return cls(data, train_tokenizer(data.unit, texts, **data.tokenizer.arguments()))

    @classmethod
    def load(cls, data: AutoencodeDataOptions, folder: Path) -> Self:
        return cls(data, load_tokenizer(folder / TARGET_TOKENIZER))

    def require_model(self, model: EncoderDecoder, folder: Path) -> None:
        require_end(self.tokenizer, folder / TARGET_TOKENIZER)
        require_tokens(len(self.tokenizer), model.target, "tokens", folder / TARGET_TOKENIZER)

    def save(self, folder: Path) -> None:
        self.tokenizer.save(folder / TARGET_TOKENIZER)

    def build_model(self, options: AutoencodeModelOptions) -> EncoderDecoder:
        return build_text_model(options, len(self.tokenizer))

    def rows(self, examples: Examples) -> list[str]:
        assert self.data.text is not None
        return columns.text(examples, self.data.text)

    def row(self, item: Any) -> str:
        return text_of(item, "text")

    def length(self, row: str) -> int:
        return len(self.tokenizer.split(row))

    def json(self, row: str) -> Any:
        return row

    def batch(self, rows: Sequence[str], seed: str) -> PairBatch:
        """Ids; a share `replaced` of those of training texts are others, drawn from the same batch."""
        ids = [self.reader.target_ids(row) for row in rows]
        if self.data.replaced:
            # the standard library's generator, seeded by text, draws the same numbers everywhere
            rng, pool = random.Random(seed), torch.cat(ids).tolist()
            ids = [
                torch.tensor(
                    [rng.choice(pool) if rng.random() < self.data.replaced else i for i in row.tolist()],
                    dtype=torch.int64,
                )
                for row in ids
            ]
        end = torch.tensor([self.reader.end])
        pairs = [(self._source(torch.cat([row, end])), row) for row in ids]
        return pair_batch(pairs, self.reader.end)

    def loss(self, model: EncoderDecoder, batch: PairBatch) -> tuple[Tensor, int]:
        logits = model(batch.source, batch.inputs).logits
        return F.cross_entropy(logits.data, batch.targets.data, reduction="sum"), len(batch.targets.data)

    def vectors(self, model: EncoderDecoder, rows: Sequence[str]) -> Tensor:
        """`[B, V]`."""
        ids = Ragged.from_list([self._source(self.reader.source_ids(row)) for row in rows])
        return model.encode(ids.to(device_of(model)))[1]

    def _source(self, ids: Tensor) -> Tensor:
        return ids.flip(0) if self.data.reversed else ids

    def restore(self, model: EncoderDecoder, vectors: Tensor, lengths: Sequence[int]) -> list[Any]:
        """The likeliest text of each vector, token by token; the lengths tell only where to stop at last."""
        nothing = Ragged.from_list([vectors.new_zeros(0, 1)] * len(vectors))
        first = torch.full((len(vectors),), self.reader.end, device=vectors.device)
        logits, state = model.step(first, model.decoder.begin(nothing, vectors))
        limits = [2 * length + 10 for length in lengths]
        beams = beam_search(model.step, logits, state, width=1, length=limits, end=self.reader.end)
        return [self.tokenizer.decode(best.ids) for best, *_ in beams]

    def figures(self, rows: Sequence[str], restored: Sequence[str]) -> Figures:
        """`tokens_back`: the share of the tokens that came back in their order (the longest common
        subsequence), `in_place`: at their own place, and `exact`: the share of texts without a fault.
        """
        targets = [self.tokenizer.split(row) for row in rows]
        outputs = [self.tokenizer.split(row) for row in restored]
        pairs = [*zip(targets, outputs, strict=True)]
        lengths = [len(row) for row in targets]
        return ratios(
            {
                "tokens_back": ([common(*pair) for pair in pairs], lengths),
                "in_place": ([sum(map(eq, *pair)) for pair in pairs], lengths),
                "exact": ([true == output for true, output in pairs], None),
            }
        )

    def distance(self, row: str, restored: str) -> float:
        return unlike(self.tokenizer.split(row), self.tokenizer.split(restored))

    def drawing(self, rows: Sequence[str], restored: Sequence[str], dark: bool) -> Any:
        split = self.tokenizer.split
        return draw_texts([(split(row), split(back)) for row, back in zip(rows, restored, strict=True)], dark)

    def check(self, train: Sequence[str], validation: Sequence[str]) -> list[str]:
        unknown = [i == self.tokenizer.unknown for row in validation for i in self.tokenizer.encode(row)]
        unit = f"{self.data.unit} tokens"
        return [
            lengths_line("train", [self.length(row) for row in train], unit),
            lengths_line("validation", [self.length(row) for row in validation], unit),
            f"vocabulary: {len(self.tokenizer):,} tokens; {sum(unknown) / len(unknown):.2%} of the "
            f"validation's are unknown, and can't come back",
        ]


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for a in one:
        diagonal = 0
        for k, b in enumerate(other, 1):
            diagonal, row[k] = row[k], diagonal + 1 if a == b else max(row[k], row[k - 1])
    return row[-1]
