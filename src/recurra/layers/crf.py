"""A conditional random field over the tags of each row, its recursion, and what schemes of tags permit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell
from recurra.errors import Fault, nearest
from recurra.loop import scan
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


@MODULES.register("crf")
class CRF(Configured):
    """`P(y | x)` proportional to `exp(start[y_1] + sum_t x_t[y_t] + sum_t transition[y_{t-1}, y_t] +
    end[y_T])` (Lafferty et al., 2001), with the K scores of each step as x.

    Args:
        labels: the K tags by name, or K.
        scheme: `bio` or `bioes`: decoding then keeps to what the scheme permits; needs names. The likelihood
            is that of all sequences, so a forbidden one in the training data costs, but is no fault.
    """

    def __init__(self, labels: Sequence[str] | int, scheme: str | None = None) -> None:
        size = labels if isinstance(labels, int) else len(labels)
        if size < 1:
            raise Fault(f"a CRF needs at least one tag, found {size}")
        self.size = size
        self.recursion = ForwardRecursion(size)
        self.start = nn.Parameter(torch.zeros(size).uniform_(-0.1, 0.1))
        self.end = nn.Parameter(torch.zeros(size).uniform_(-0.1, 0.1))
        masks = (torch.ones(size, size), torch.ones(size), torch.ones(size))
        if scheme is not None:
            if isinstance(labels, int):
                raise Fault(
                    f"scheme {scheme!r} is about the names of tags: give CRF the labels, not {labels}"
                )
            masks = allowed(labels, scheme)
        for name, mask in zip(("permitted", "first", "last"), masks, strict=True):
            self.register_buffer(name, mask.bool(), persistent=False)

    @property
    def transitions(self) -> Tensor:
        """`[K, K]`: the score of going from one tag (row) to another (column)."""
        return self.recursion.transitions

    def forward(self, scores: Ragged, tags: Ragged) -> Tensor:
        """The log-likelihood of each row's tags, `[B]`, in the caller's order; 0 for a row of length 0.

        Args:
            scores: data `[N, K]`. tags: data `[N]` int64, rows as those of `scores`.
        """
        self._check(scores)
        if tags.data.shape != scores.data.shape[:1] or tags.batch_sizes != scores.batch_sizes:
            raise Fault(
                f"CRF: tags are {tags!r}, expected one number for each step of the scores ({scores!r})"
            )
        likelihoods = self._path(scores, tags.data) - self._total(scores)
        empty = likelihoods.new_zeros(scores.rows - len(likelihoods))
        return scores.unsort(torch.cat([likelihoods, empty]))

    @torch.no_grad()
    def decode(self, scores: Ragged) -> Ragged:
        """The most probable tags (Viterbi, 1967) that the scheme permits: data `[N]` int64."""
        self._check(scores)
        if not scores.batch_sizes:
            return scores.with_data(torch.zeros(0, dtype=torch.int64, device=scores.data.device))
        never = torch.finfo(scores.data.dtype).min / 1e6  # added up over rows of any length, still finite
        start = self.start.masked_fill(~self._mask("first"), never)
        between = self.transitions.masked_fill(~self._mask("permitted"), never)
        end = self.end.masked_fill(~self._mask("last"), never)
        steps = torch.split(scores.data, list(scores.batch_sizes))
        best = start + steps[0]
        finals: list[Tensor] = []
        pointers: list[Tensor] = []
        for step in steps[1:]:
            finals.append(best[len(step) :])
            value, pointer = (best[: len(step), :, None] + between).max(1)
            best = value + step
            pointers.append(pointer)
        finals.append(best)
        lasts = [(final + end).argmax(1) for final in finals]
        tags = [lasts[-1]]
        for pointer, last in zip(reversed(pointers), reversed(lasts[:-1]), strict=True):
            previous = pointer.gather(1, tags[-1].unsqueeze(1)).squeeze(1)
            tags.append(torch.cat([previous, last]))
        return scores.with_data(torch.cat(tags[::-1]))

    def marginals(self, scores: Ragged) -> Ragged:
        """P(y_t = k | x), data `[N, K]`: the gradient of the log of the sum over all tag sequences by the
        scores (Sutton and McCallum, 2012, section 4.1). No gradient goes through it.
        """
        self._check(scores)
        with torch.inference_mode(False), torch.enable_grad():
            data = scores.data.detach().clone().requires_grad_()
            total = self._total(scores.with_data(data)).sum()
            (shares,) = torch.autograd.grad(total, data)
        return scores.with_data(shares)

    def _path(self, scores: Ragged, tags: Tensor) -> Tensor:
        """The score of each row's own tags, of rows that have a step, in packed order."""
        present = scores.batch_sizes[0] if scores.batch_sizes else 0
        rows, begins = scores.row_of, torch.tensor([0, *scores.offsets], device=tags.device)
        own = scores.data.gather(1, tags.unsqueeze(1)).squeeze(1)
        previous = begins[scores.step_of[present:]] + rows[present:]
        ends = torch.tensor(scores.offsets, dtype=torch.int64)[scores.packed_lengths[:present] - 1]
        ends = ends.to(tags.device) + torch.arange(present, device=tags.device)
        total = self.start[tags[:present]] + self.end[tags[ends]]
        total = total.index_add(0, rows, own)
        return total.index_add(0, rows[present:], self.transitions[tags[previous], tags[present:]])

    def _total(self, scores: Ragged) -> Tensor:
        """The log of the sum over all tag sequences, of rows that have a step, in packed order."""
        present = scores.batch_sizes[0] if scores.batch_sizes else 0
        first = ForwardRecursion.State(self.start + scores.data[:present])
        rest = Ragged(scores.data[present:], scores.batch_sizes[1:], rows=present)
        _, final = scan(self.recursion, rest, first)
        return torch.logsumexp(final.log_alpha + self.end, 1)

    def _mask(self, name: str) -> Tensor:
        mask: Tensor = getattr(self, name)
        return mask

    def _check(self, scores: Ragged) -> None:
        if scores.data.dim() != 2 or scores.data.shape[1] != self.size:
            raise Fault(f"CRF: scores are {scores!r}, expected {self.size} numbers a step, one for each tag")


class ForwardRecursion(Cell):
    """`log a'_j = x_j + log sum_i exp(log a_i + transition_ij)`, as a product of exponents."""

    class State(NamedTuple):
        log_alpha: Tensor  # [B, K]

    def __init__(self, size: int) -> None:
        self.input_size = self.hidden_size = size
        self.transitions = nn.Parameter(torch.zeros(size, size).uniform_(-0.1, 0.1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        largest = state.log_alpha.detach().amax(-1, keepdim=True)
        highest = self.transitions.detach().amax()
        # exponents are at most 1; what would vanish beside them is kept just above zero for the logarithm
        shares = (state.log_alpha - largest).exp() @ (self.transitions - highest).exp()
        log_alpha = x + largest + highest + shares.clamp(min=torch.finfo(x.dtype).tiny).log()
        return x, self.State(log_alpha)


_LETTERS = {"bio": "BIO", "bioes": "BIOES"}


def allowed(labels: Sequence[str], scheme: str) -> tuple[Tensor, Tensor, Tensor]:
    """What a scheme permits between the labels `O`, `B-kind`, `I-kind`, `E-kind`, `S-kind`.

    `bio`: I follows B or I of its kind. `bioes`: I and E follow B or I of their kind, and what B or I opened
    goes on or ends in E (Ramshaw and Marcus, 1995; Ratinov and Roth, 2009).

    Returns:
        bool: `[K, K]`, from tag (row) to tag (column); `[K]`, may stand first; `[K]`, may stand last.

    Raises:
        Fault: an unknown scheme, or a label that is none of its.
    """
    if scheme not in _LETTERS:
        raise Fault(f"no tag scheme is called {scheme!r}{nearest(scheme, _LETTERS)}")
    parts = [_parts(label, scheme) for label in labels]
    edge = ("O", "")  # what stands before the first tag and after the last
    pairs = [[_may_follow(one, next_one, scheme) for next_one in parts] for one in parts]
    first = [_may_follow(edge, part, scheme) for part in parts]
    last = [_may_follow(part, edge, scheme) for part in parts]
    return torch.tensor(pairs), torch.tensor(first), torch.tensor(last)


def _may_follow(tag: tuple[str, str], next_tag: tuple[str, str], scheme: str) -> bool:
    """Whether a tag, as its letter and kind, may stand before the next one."""
    inside = tag[0] in ("B", "I")
    continues = next_tag[0] in ("I", "E")
    same = tag[1] == next_tag[1]
    if scheme == "bio":
        return not continues or (inside and same)
    return continues == inside and (not inside or same)


def _parts(label: str, scheme: str) -> tuple[str, str]:
    """`B-kind` as `("B", "kind")`, `O` as `("O", "")`."""
    letter, dash, kind = label.partition("-")
    if letter not in list(_LETTERS[scheme]) or (letter == "O") == bool(dash):
        forms = ", ".join("O" if one == "O" else f"{one}-kind" for one in _LETTERS[scheme])
        raise Fault(f"label {label!r} is none of the scheme {scheme!r}: expected {forms}")
    return letter, kind
