"""Tokens <-> ids, built once from training data and never changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recurra.data.remarks import Note
from recurra.data.text.widening import widened
from recurra.errors import Fault, nearest
from recurra.storage.fields import is_text, is_whole
from recurra.storage.files import check_format, read_json, write_json

FORMAT = 1


class Vocabulary:
    """A fixed list of tokens with their counts in the training data.

    Ids run from 0: special tokens first, then the others by falling count, equal counts by code point. Where
    another run began it, that one's tokens keep their ids, and the others follow.

    Attributes:
        tokens: the token of each id.
        counts: how often each was seen; that of the unknown token counts all tokens it stands for.
        unknown, end, begin: ids of the special tokens, None where there is none.
        base: how many of the tokens another run began it with.
    """

    __slots__ = ("_ids", "base", "begin", "counts", "end", "tokens", "unknown")

    def __init__(
        self,
        tokens: Sequence[str],
        counts: Sequence[int],
        *,
        unknown: str | None = None,
        end: str | None = None,
        begin: str | None = None,
    ) -> None:
        self.base = 0
        if len(tokens) == len(counts):
            tokens, counts, self.base = widened("tokens", tokens, counts)
        self.tokens = tuple(tokens)
        self.counts = tuple(counts)
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            double = Counter(self.tokens).most_common(1)[0][0]
            raise Fault(f"a vocabulary holds each token once, found {double!r} twice")
        if len(self.counts) != len(self.tokens):
            raise Fault(f"a vocabulary of {len(self.tokens)} tokens has {len(self.counts)} counts")
        for special in (unknown, end, begin):
            if special is not None and special not in self._ids:
                raise Fault(f"the special token {special!r} is not in the vocabulary")
        self.unknown = None if unknown is None else self._ids[unknown]
        self.end = None if end is None else self._ids[end]
        self.begin = None if begin is None else self._ids[begin]
        plain = [t for t in self.tokens if t not in (unknown, end, begin)]
        if len(plain) < 2:
            content = f"one token ({plain[0]!r})" if plain else "no token"
            raise Fault(
                f"a vocabulary of {content} leaves nothing to learn: give more text, or lower min_count"
            )

    @classmethod
    def build(
        cls,
        sequences: Iterable[Iterable[str]],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unknown: str | None = "<UNK>",
        end: str | None = "<EOS>",
        begin: str | None = None,
    ) -> Vocabulary:
        """Counts tokens and keeps those seen at least `min_count` times, `max_size` entries at most, special
        ones included. A token of the data spelt like a special one is that special one."""
        special = list(dict.fromkeys(s for s in (unknown, end, begin) if s is not None))
        counter: Counter[str] = Counter()
        for sequence in sequences:
            counter.update(sequence)
        plain = [(t, n) for t, n in counter.items() if n >= min_count and t not in special]
        plain.sort(key=lambda pair: (-pair[1], pair[0]))
        if max_size is not None:
            plain = plain[: max(0, max_size - len(special))]
        entries = {token for token, _ in plain}
        left = sum(n for t, n in counter.items() if t not in entries and t not in special)
        if unknown is None and left:
            raise Fault(
                f"min_count = {min_count} and max_size = {max_size} leave out {len(counter) - len(entries)} "
                f"tokens, and there is no unknown token to stand for them"
            )
        counts = [counter[s] + (left if s == unknown else 0) for s in special] + [n for _, n in plain]
        return cls([*special, *(t for t, _ in plain)], counts, unknown=unknown, end=end, begin=begin)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def __getitem__(self, token: str) -> int:
        """The id of a token; that of the unknown token for one never seen, or a Fault when there is none."""
        index = self._ids.get(token, self.unknown)
        if index is None:
            raise Fault(f"unknown token {token!r}{nearest(token, self.tokens)}")
        return index

    def token(self, index: int) -> str:
        """The token of an id."""
        if not 0 <= index < len(self.tokens):
            raise Fault(f"no token has the id {index}: ids run from 0 to {len(self) - 1}")
        return self.tokens[index]

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Ids of tokens."""
        return [self[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Tokens of ids."""
        return [self.token(index) for index in ids]

    def notes(self) -> list[Note]:
        """What `check` should say about this vocabulary."""
        if self.unknown is not None and self.counts[self.unknown] == 0:
            name = self.tokens[self.unknown]
            return [
                Note(
                    None, f"{name} never occurs in training, so it stays untrained: min_count = 2 would help"
                )
            ]
        return []

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` takes back."""
        special = {"unknown": self.unknown, "end": self.end, "begin": self.begin}
        names = {key: None if index is None else self.tokens[index] for key, index in special.items()}
        base = {"base": self.base} if self.base else {}
        return {"format": FORMAT, **names, "tokens": list(self.tokens), "counts": list(self.counts), **base}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any], where: str = "vocabulary") -> Vocabulary:
        """The inverse of `to_dict`; `where` is named in a Fault, of another order of tokens, too."""
        check_format(description, FORMAT, where)
        tokens, counts = description.get("tokens"), description.get("counts")
        special = {key: description.get(key) for key in ("unknown", "end", "begin")}
        base = description.get("base", 0)
        if (
            not isinstance(tokens, list)
            or not (is_whole(base) and 0 <= base <= len(tokens))
            or not isinstance(counts, list)
            or not all(map(is_text, tokens))
            or not all(is_whole(n) and n >= 0 for n in counts)
            or not all(s is None or is_text(s) for s in special.values())
        ):
            raise Fault(
                f"{where}: not a vocabulary: expected lists 'tokens' (texts) and 'counts' (whole numbers)"
            )
        names = set(special.values())
        pairs = zip(tokens[base:], counts[base:], strict=False)
        plain = [(-n, t) for t, n in pairs if n and t not in names]
        if plain != sorted(plain):  # those of count 0 are in the order of the word vectors they come from
            raise Fault(
                f"{where}: tokens are not in the order of their counts: it is damaged or from another version"
            )
        try:
            vocabulary = cls(tokens, counts, **special)
            vocabulary.base = base
            return vocabulary
        except Fault as fault:
            raise Fault(f"{where}: {fault}") from None

    def save(self, path: str | Path) -> None:
        """Writes a JSON file atomically."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Reads what `save` wrote."""
        return cls.from_dict(read_json(path), str(path))
