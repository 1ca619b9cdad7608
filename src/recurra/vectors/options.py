"""What a training run is told."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass
from typing import Literal

from recurra.errors import Fault


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of word2vec, with the defaults of the original (Mikolov et al., 2013, arXiv 1310.4546).

    ``negatives`` 0 means hierarchical softmax. ``sample`` is the frequency above which occurrences of a word
    are dropped at random (0: none). ``phrases`` is how many times neighbours that belong together are joined.
    ``window`` is the widest distance, the true one being drawn for each centre word.
    """

    algorithm: Literal["skip-gram", "cbow"] = "skip-gram"
    dimensions: int = 100
    window: int = 5
    negatives: int = 5
    sample: float = 1e-3
    exponent: float = 0.75
    min_count: int = 5
    epochs: int = 5
    rate: float = 0.025
    last_rate: float = 0.0001
    seed: int = 1
    phrases: int = 0
    phrase_threshold: float = 100.0
    lower: bool = False
    encoding: str = "utf-8"
    errors: Literal["stop", "replace"] = "stop"

    def __post_init__(self) -> None:
        if self.algorithm not in ("skip-gram", "cbow"):
            raise Fault(f"algorithm: found {self.algorithm!r}, expected 'skip-gram' or 'cbow'")
        if self.errors not in ("stop", "replace"):
            raise Fault(f"errors: found {self.errors!r}, expected 'stop' or 'replace'")
        for name, least, most in (
            ("dimensions", 1, 65_536),
            ("window", 1, 1000),
            ("negatives", 0, 1000),
            ("min_count", 1, 2**62),
            ("epochs", 1, 1_000_000),
            ("seed", 0, 2**32 - 1),
            ("phrases", 0, 10),
        ):
            _within(name, getattr(self, name), least, most)
        for name in ("sample", "exponent", "rate", "last_rate", "phrase_threshold"):
            _within(name, getattr(self, name), 0.0, 1e9)
        if not 0 < self.rate <= 1 or self.last_rate > self.rate:
            raise Fault(
                f"rate {self.rate:g}, last_rate {self.last_rate:g}: expected 0 < rate <= 1, last_rate <= rate"
            )
        self._check_encoding()

    def _check_encoding(self) -> None:
        try:
            codecs.lookup(self.encoding)
            text_like_ascii = "a b\n".encode(self.encoding) == b"a b\n"
        except LookupError:
            raise Fault(
                f"encoding: {self.encoding!r} is unknown, expected one of Python's, as 'utf-8'"
            ) from None
        if not text_like_ascii:
            raise Fault(
                f"encoding: {self.encoding!r} writes spaces in its own way, so the corpus cannot be cut at "
                "them: convert the corpus to UTF-8 first"
            )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        raise Fault(f"{name}: found {value}, expected {least:,} to {most:,}")
