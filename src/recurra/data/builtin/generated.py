"""Generated problems whose answers are known, to test memory over long times."""

from __future__ import annotations

import random

from recurra.data.examples import Examples, Place
from recurra.errors import Fault


def adding(*, count: int = 1000, length: int = 50, seed: int = 0) -> Examples:
    """The adding problem (Hochreiter and Schmidhuber, 1997, experiment 4): sum the two marked numbers.

    Columns `vectors`, arrays `[T, 2]` of a number in [0, 1) and a mark (1 at one step of each half, else 0),
    and `target`, the sum. Always answering 1 gives a mean squared error of 1/6.

    Args:
        count: examples.
        length: T is drawn from `length` to `length + length // 10`.
        seed: another one draws other examples.
    """
    _check(count=count, length=length, least=2)
    rng = random.Random(f"adding:{seed}")
    vectors, targets = [], []
    for _ in range(count):
        steps = rng.randint(length, length + length // 10)
        numbers = [rng.random() for _ in range(steps)]
        marked = {rng.randrange(steps // 2), rng.randrange(steps // 2, steps)}
        vectors.append([[number, float(t in marked)] for t, number in enumerate(numbers)])
        targets.append(sum(numbers[t] for t in marked))
    return Examples({"vectors": vectors, "target": targets}, _places("adding", count), "adding")


def copying(
    *, count: int = 1000, symbols: int = 8, length: int = 10, delay: int = 20, seed: int = 0
) -> Examples:
    """The copying problem (Arjovsky, Shah and Bengio, 2016): say the symbols again after a delay.

    Columns `tokens` and `tags`, lists of `2 * length + delay` texts: `length` symbols ("1" to str(symbols)),
    then blanks ("_") with one signal (":") after `delay` steps; the tags are blank until the signal has been
    read, and then the symbols in order. Without memory nothing beats guessing: a loss of `length *
    log(symbols)` nats a sequence.

    Args:
        count: examples.
        symbols: how many different ones there are.
        length: symbols to be said again.
        delay: steps from the last symbol to the signal.
        seed: another one draws other examples.
    """
    _check(count=count, length=length, least=1)
    if symbols < 2 or delay < 1:
        raise Fault(f"copying: symbols = {symbols}, delay = {delay}: expected at least 2 and 1")
    rng = random.Random(f"copying:{seed}")
    tokens, tags = [], []
    for _ in range(count):
        message = [str(rng.randint(1, symbols)) for _ in range(length)]
        tokens.append([*message, *["_"] * (delay - 1), ":", *["_"] * length])
        tags.append([*["_"] * (length + delay), *message])
    return Examples({"tokens": tokens, "tags": tags}, _places("copying", count), "copying")


def _places(name: str, count: int) -> list[Place]:
    return [Place(name, n + 1, "example") for n in range(count)]


def _check(*, count: int, length: int, least: int) -> None:
    if count < 1 or length < least:
        raise Fault(f"count = {count}, length = {length}: expected at least 1 and {least}")
