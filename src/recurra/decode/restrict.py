"""Which next tokens may be drawn: temperature, top-k and nucleus."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.errors import Fault


def restrict(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    forbid: Sequence[int] = (),
) -> Tensor:
    """Logits `[..., V]` with those that may not be drawn at minus infinity; at least one stays.

    Args:
        temperature: divides the logits: below 1 is more certain, above 1 more even.
        top_k: only the k most likely (ties with the k-th stay).
        top_p: only the fewest, most likely first, whose probabilities reach p together (Holtzman et al.,
            2020); taken after `temperature` and `top_k`.
        forbid: ids that are never drawn.

    Raises:
        Fault: a number out of its range, or every id forbidden.
    """
    if temperature <= 0:
        raise Fault(f"temperature = {temperature}, expected more than 0; top_k = 1 takes the most likely")
    if top_k is not None and top_k < 1:
        raise Fault(f"top_k = {top_k}, expected at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise Fault(f"top_p = {top_p}, expected more than 0, at most 1")
    logits = logits / temperature
    lowest = float("-inf")
    if forbid:
        if len(set(forbid)) >= logits.shape[-1]:
            raise Fault("every token is forbidden: nothing is left to draw")
        logits = logits.index_fill(-1, torch.tensor(list(forbid), device=logits.device), lowest)
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k, -1).values[..., -1:]
        logits = logits.masked_fill(logits < least, lowest)
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(-1, descending=True)
        shares = ordered.softmax(-1)
        # a token is left out when those before it reach p already, so the first always stays
        beyond = shares.cumsum(-1) - shares >= top_p
        beyond[..., 0] = False
        logits = logits.masked_fill(beyond.gather(-1, order.argsort(-1)), lowest)
    return logits
