"""Which tag may follow which, in schemes that mark spans."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.registry import nearest

_PARTS = {"bio": "BIO", "bioes": "BIOES"}


def allowed(labels: Sequence[str], scheme: str) -> tuple[Tensor, Tensor, Tensor]:
    """What a scheme permits between the labels `O`, `B-kind`, `I-kind`, `E-kind`, `S-kind`.

    `bio`: I follows B or I of its kind. `bioes`: I and E follow B or I of their kind, and what B or I opened
    goes on or ends in E (Ramshaw and Marcus, 1995; Ratinov and Roth, 2009).

    Returns:
        bool: `[K, K]`, from tag (row) to tag (column); `[K]`, may stand first; `[K]`, may stand last.
    """
    if scheme not in _PARTS:
        raise Fault(f"no tag scheme is called {scheme!r}{nearest(scheme, _PARTS)}")
    parts = [_parts(label, scheme) for label in labels]
    edge = ("O", "")
    pairs = [[_follows(before, after, scheme) for after in parts] for before in parts]
    first = [_follows(edge, part, scheme) for part in parts]
    last = [_follows(part, edge, scheme) for part in parts]
    return torch.tensor(pairs), torch.tensor(first), torch.tensor(last)


def _follows(before: tuple[str, str], after: tuple[str, str], scheme: str) -> bool:
    inside = before[0] in ("B", "I")
    continues = after[0] in ("I", "E")
    if scheme == "bio":
        return not continues or (inside and before[1] == after[1])
    return continues == inside and (not inside or before[1] == after[1])


def _parts(label: str, scheme: str) -> tuple[str, str]:
    part, dash, kind = label.partition("-")
    if part not in list(_PARTS[scheme]) or (part == "O") == bool(dash):
        known = ", ".join("O" if letter == "O" else f"{letter}-kind" for letter in _PARTS[scheme])
        raise Fault(f"label {label!r} is none of the scheme {scheme!r}: expected {known}")
    return part, kind
