"""Prefix beam search: the likeliest symbols, over all paths that say them; many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.decode.ctc_align import ctc_align
from recurra.decode.ctc_greedy import Transcript
from recurra.decode.prefix_scores import NoScores, PrefixScores
from recurra.decode.prefixes import ROOT, Prefixes
from recurra.errors import Fault
from recurra.ragged import Ragged

_NEVER = float("-inf")


class _Alive(NamedTuple):
    """Prefixes of each row, `[B, W]` each.

    Attributes:
        ends_blank, ends_symbol: ln of the probability of all paths that say the prefix, and end so.
        prior: what the language model adds to it.
        node: its number. last: its last symbol; -1 for none. parent: the number of what is before that.
    """

    ends_blank: Tensor
    ends_symbol: Tensor
    prior: Tensor
    node: Tensor
    last: Tensor
    parent: Tensor

    @property
    def total(self) -> Tensor:
        return torch.logaddexp(self.ends_blank, self.ends_symbol)


@torch.no_grad()
def ctc_beam_search(
    log_probabilities: Sequence[Tensor],
    blank: int,
    *,
    width: int,
    scores: PrefixScores | None = None,
) -> list[list[Transcript]]:
    """The `width` best transcripts of each row, best first (Graves, 2012, section 7.5.3; with a language
    model: Hannun et al., 2014).

    Probabilities of all paths that say the same are added up, in logarithms; no path is said twice. Prefixes
    are ranked by `ln P + scores`.

    Args:
        log_probabilities: `[T, V]` each, normalised.
        blank: the index of the blank, the last of the V.
        width: prefixes kept alive for each row at each step. With as many as there are prefixes the search
            is exact.
        scores: of a language model; None: none.

    Raises:
        Fault: a width below 1, or a blank that is not the last index.
    """
    if width < 1:
        raise Fault(f"width = {width}, expected at least 1")
    if not log_probabilities:
        return []
    shares = Ragged.from_list([row.double() for row in log_probabilities])
    size, rows = shares.data.shape[1], len(shares)
    if blank != size - 1:
        raise Fault(f"blank = {blank}, expected the last index, {size - 1}")
    scores = NoScores(blank) if scores is None else scores
    scores.begin(rows, width)
    prefixes = Prefixes()
    never = torch.full((rows, width), _NEVER, dtype=torch.float64)
    nothing = torch.full((rows, width), -1)
    first = torch.arange(width) == 0
    alive = _Alive(
        never.where(~first, 0.0),
        never,
        torch.zeros_like(never),
        nothing.where(~first, ROOT),
        nothing,
        nothing,
    )
    for step, count in enumerate(shares.batch_sizes):
        at = shares.offsets[step]
        going = _Alive(*(part[:count] for part in alive))
        new = _step(going, shares.data[at : at + count], prefixes, scores)
        alive = _Alive(*(torch.cat([part, old[count:]]) for part, old in zip(new, alive, strict=True)))
    ranked = alive.total + alive.prior + scores.end()
    transcripts: list[list[Transcript]] = []
    for k, row in zip(shares.unsort(torch.arange(rows)).tolist(), log_probabilities, strict=True):
        transcripts.append([])
        for slot in ranked[k].argsort(descending=True, stable=True).tolist():
            if ranked[k, slot] > _NEVER:
                ids = prefixes.symbols(int(alive.node[k, slot]))
                total, score = float(alive.total[k, slot]), float(ranked[k, slot])
                transcripts[-1].append(Transcript(ids, ctc_align(row, ids, blank), total, score))
    return transcripts


def _step(alive: _Alive, shares: Tensor, prefixes: Prefixes, scores: PrefixScores) -> _Alive:
    """The prefixes one step on; `shares`, `[B, V]`: ln of the probability of each symbol at this step."""
    rows, width = alive.node.shape
    symbols = shares.shape[1] - 1
    total = alive.total
    last = alive.last.clamp_min(0)
    # the prefix stays: a blank, or its last symbol once more
    ends_blank = total + shares[:, -1:]
    ends_symbol = alive.ends_symbol + shares.gather(1, last)
    # it grows by a symbol; by its last one only after a blank
    grown = total.unsqueeze(-1) + shares[:, None, :-1]
    again = (alive.ends_blank + shares.gather(1, last)).unsqueeze(-1)
    grown = torch.where(_marks(alive.last, symbols), again, grown)
    # grown into a prefix that is alive itself: [b, i, j] where i and a symbol make j
    meets = (alive.node.unsqueeze(2) == alive.parent.unsqueeze(1)) & (alive.node >= 0).unsqueeze(2)
    into = grown.gather(2, last.unsqueeze(1).expand(-1, width, -1)).masked_fill(~meets, _NEVER)
    ends_symbol = torch.logaddexp(ends_symbol, into.logsumexp(1))
    places = last.unsqueeze(1).expand(-1, width, -1)
    met = torch.zeros_like(grown, dtype=torch.int64).scatter_add_(2, places, meets.long())
    grown = grown.masked_fill(met > 0, _NEVER)
    # the best of both
    more = alive.prior.unsqueeze(-1) + scores.next(rows)
    stays = torch.logaddexp(ends_blank, ends_symbol) + alive.prior
    ranked = torch.cat([stays, (grown + more).flatten(1)], 1)
    best = ranked.topk(width, 1).indices
    grew = best >= width
    parents = torch.where(grew, (best - width) // symbols, best)
    symbol = torch.where(grew, (best - width) % symbols, -1)
    parent = _Alive(*(part.gather(1, parents) for part in alive))
    pairs = torch.where(grew, best - width, 0)
    grown_total = grown.flatten(1).gather(1, pairs)
    possible = ranked.gather(1, best) > _NEVER
    node = torch.where(possible & ~grew, parent.node, -1)
    for row, slot in (grew & possible).nonzero().tolist():
        node[row, slot] = prefixes.child(int(parent.node[row, slot]), int(symbol[row, slot]))
    scores.advance(parents, torch.where(possible, symbol, -1))
    return _Alive(
        torch.where(grew, _NEVER, ends_blank.gather(1, parents)).masked_fill(~possible, _NEVER),
        torch.where(grew, grown_total, ends_symbol.gather(1, parents)).masked_fill(~possible, _NEVER),
        torch.where(grew, more.flatten(1).gather(1, pairs), parent.prior).masked_fill(~possible, 0.0),
        node,
        torch.where(grew, symbol, parent.last).masked_fill(~possible, -1),
        torch.where(grew, parent.node, parent.parent).masked_fill(~possible, -1),
    )


def _marks(last: Tensor, symbols: int) -> Tensor:
    """`[B, W]` -> `[B, W, symbols]`: true at the last symbol of each prefix."""
    return last.unsqueeze(-1) == torch.arange(symbols)
