"""What a run's files count against what its model counts: files of two runs answer wrongly, or not at all."""

from __future__ import annotations

from pathlib import Path

from recurra.data import Tokenizer
from recurra.errors import Fault
from recurra.registry import Configured


def require_count(count: int, expected: int, what: str, path: Path) -> None:
    """Fault unless a file holds as many entries as the model beside it has places for."""
    if count != expected:
        raise Fault(
            f"{path}: {count:,} {what} found, the model has {expected:,}: "
            "one of the two is damaged, from another version, or is "
            f"another run's"
        )


def require_end(tokenizer: Tokenizer, path: Path) -> None:
    """Fault unless a tokenizer's file has the token that ends a text."""
    if tokenizer.end is None:
        raise Fault(
            f"{path}: no end token found, which the model needs: it is damaged or from another version"
        )


def require_tokens(count: int, reader: Configured | None, what: str, path: Path) -> None:
    """The same for what reads tokens; what reads anything else, or nothing, has no places for them."""
    if reader is not None and "tokens" in reader.config:
        require_count(count, reader.config["tokens"], what, path)
