"""What a language model thinks of the prefixes of a beam."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from recurra.decode.step import Step
from recurra.state import map_state, select_rows


class PrefixScores(ABC):
    """Scores of one symbol more, for each of the prefixes `[B, W]` that a beam keeps alive."""

    @abstractmethod
    def begin(self, rows: int, width: int) -> None:
        """All prefixes are empty."""

    @abstractmethod
    def next(self, rows: int) -> Tensor:
        """`[rows, W, symbols]` (or what broadcasts to it): what each symbol adds, for the first `rows`."""

    @abstractmethod
    def advance(self, parents: Tensor, symbols: Tensor) -> None:
        """Of the first rows, prefix `[b, w]` is now `parents[b, w]`'s with `symbols[b, w]`; -1: as it is."""

    @abstractmethod
    def end(self) -> Tensor:
        """`[B, W]` (or what broadcasts to it): what ending there adds."""


class NoScores(PrefixScores):
    """Nothing is added."""

    def __init__(self, symbols: int) -> None:
        self._nothing = torch.zeros(1, 1, symbols, dtype=torch.float64)

    def begin(self, rows: int, width: int) -> None:
        pass

    def next(self, rows: int) -> Tensor:
        return self._nothing

    def advance(self, parents: Tensor, symbols: Tensor) -> None:
        pass

    def end(self) -> Tensor:
        return torch.zeros(1, 1, dtype=torch.float64)


class LanguageScores(PrefixScores):
    """`weight * ln P(symbol | prefix) + bonus` for each symbol, and `weight * ln P(end | prefix)` at the end
    (Hannun et al., 2014).

    Args:
        step: of the language model. logits, state: of one row, before the first symbol.
        ids: for each symbol its id in the language model's vocabulary. end: the id of the end; None: ending
            adds nothing.
        bonus: makes up for what every further symbol costs.
    """

    def __init__(
        self,
        step: Step,
        logits: Tensor,
        state: Any,
        ids: Tensor,
        end: int | None,
        weight: float,
        bonus: float,
    ) -> None:
        self._step, self._first, self._ids, self._end = step, (logits, state), ids, end
        self._weight, self._bonus = weight, bonus

    def begin(self, rows: int, width: int) -> None:
        logits, state = self._first
        self._width = width
        self._logits = logits.expand(rows * width, -1).contiguous()
        self._state = map_state(lambda leaf: leaf.expand(rows * width, *leaf.shape[1:]).contiguous(), state)

    def next(self, rows: int) -> Tensor:
        shares = self._logits[: rows * self._width].double().log_softmax(-1).cpu()
        gains = self._weight * shares.index_select(1, self._ids) + self._bonus
        return gains.reshape(rows, self._width, -1)

    def advance(self, parents: Tensor, symbols: Tensor) -> None:
        rows = len(parents)
        places = (torch.arange(rows).unsqueeze(1) * self._width + parents).flatten()
        rest = torch.arange(len(places), len(self._logits))
        everything = torch.cat([places, rest])
        logits = self._logits.index_select(0, everything.to(self._logits.device))
        state = select_rows(self._state, everything)
        flat = symbols.flatten()
        grown = (flat >= 0).nonzero().flatten()
        if len(grown):
            device = logits.device
            ids = self._ids[flat[grown]].to(device)
            there = grown.to(device)
            new, next_state = self._step(ids, select_rows(state, grown))
            logits = logits.index_copy(0, there, new)
            state = map_state(lambda leaf, now: leaf.index_copy(0, there, now), state, next_state)
        self._logits, self._state = logits, state

    def end(self) -> Tensor:
        if self._end is None:
            return torch.zeros(1, 1, dtype=torch.float64)
        shares = self._logits.double().log_softmax(-1)[:, self._end].cpu()
        return (self._weight * shares).reshape(-1, self._width)
