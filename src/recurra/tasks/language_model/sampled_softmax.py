"""The softmax of a large vocabulary, estimated from a part of it while training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.models import LanguageModel


class SampledSoftmax:
    """Costs over the next tokens of a batch and some draws from the frequencies of tokens.

    One set of tokens serves the whole batch. Every logit is lowered by ln P(the token is in the set), which
    brings the best answer back to ln P(token | text) for any number of draws (Jean et al., 2015; Ma and
    Collins, 2018, for why it is consistent). The batch's own tokens count as draws, which they nearly are.

    Args:
        counts: `[V]`, how often each token is predicted in an epoch. draws: a batch, besides its own tokens.
    """

    def __init__(self, counts: Tensor, draws: int) -> None:
        # a token that training lacks can still be asked for, and ln 0 is no logit
        shares = counts.double().clamp_min(1)
        self.shares, self.draws = shares / shares.sum(), draws
        self.sums = self.shares.cumsum(0)

    def cost(self, model: LanguageModel, y: Tensor, targets: Tensor) -> Tensor:
        """Nats that `targets` `[N]` cost after the body's outputs `[N, F]`, summed."""
        places = torch.searchsorted(self.sums, torch.rand(self.draws, dtype=torch.float64))
        draws = places.clamp_max(len(self.sums) - 1).to(targets.device)
        tokens = torch.unique(torch.cat([targets, draws]))
        absent = torch.log1p(-self.shares[tokens.cpu()]) * (len(targets) + self.draws)
        presence = torch.log(-torch.expm1(absent)).float().to(y.device)
        logits = model.head(y, tokens).float() - presence
        return F.cross_entropy(logits, torch.searchsorted(tokens, targets), reduction="sum")
