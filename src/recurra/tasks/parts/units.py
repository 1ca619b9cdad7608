"""What figures are counted in, and whether more of it is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Unit(NamedTuple):
    """What a figure is counted in.

    Attributes:
        name: "percent", "nats a token", ...
        larger_is_better: None where neither is.
        factor: what a value is multiplied by for people; files and Python have shares where it is 100.
    """

    name: str
    larger_is_better: bool | None
    factor: int = 1

    @property
    def better(self) -> str:
        """In a word."""
        return {True: "higher", False: "lower", None: ""}[self.larger_is_better]


_GOOD = Unit("percent", True, 100)
_BAD = Unit("percent", False, 100)
_COUNT = Unit("count", None)

UNITS: Mapping[str, Unit] = {
    **dict.fromkeys(
        (
            "accuracy",
            "macro_f1",
            "f1",
            "precision",
            "recall",
            "complete",
            "exact",
            "uas",
            "las",
            "sound",
            "tokens_back",
            "in_place",
            "above_shuffled",
            "hit_rate",
        ),
        _GOOD,
    ),
    **dict.fromkeys(("cer", "wer"), _BAD),
    **dict.fromkeys(("bleu", "chrf"), Unit("points of 100", True)),
    "nats": Unit("nats an item", False),
    "nats_per_token": Unit("nats a token", False),
    "perplexity": Unit("tokens", False),
    "bits_per_character": Unit("bits a character", False),
    "nll": Unit("nats a step", False),
    "loss": Unit("as trained", False),
    "mse": Unit("squared units", False),
    "mae": Unit("units of the data", False),
    "smape": Unit("percent of 200", False, 100),
    "wrong": Unit("bits or answers a row", False),
    **dict.fromkeys(("bits", "bayes"), Unit("bits a row", False)),
    "r2": Unit("percent of the variance", True, 100),
    **dict.fromkeys(("ade", "fde"), Unit("units of the data", False)),
    "answered": Unit("percent", None, 100),
    "coverage": Unit("percent", None, 100),
    **dict.fromkeys(("longest", "windows", "changes", "unseen_labels"), _COUNT),
}
"""Figure -> its unit. A longer name (`season_mse`, `nll_after_first`) has that of its end or beginning,
`exact@20` that of what stands before the sign."""


def unit_of(name: str, own: Mapping[str, Unit] | None = None) -> Unit | None:
    """The unit of a figure; None: nobody says.

    Args:
        own: units of the task, before those of all.
    """
    name = name.split("@")[0]
    words = name.split("_")
    names = [name, *("_".join(words[k:]) for k in range(1, len(words)))]
    names += ["_".join(words[:k]) for k in range(len(words) - 1, 0, -1)]
    for each in names:
        for table in (own or {}, UNITS):
            if each in table:
                return table[each]
    return None
