"""What decoding needs of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""Ids `[B]` and a state -> logits `[B, V]` of the next ids, and the next state (leaves `[B, ...]`)."""
