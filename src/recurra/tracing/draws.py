"""Random numbers that leave torch's own generators, which all threads share, as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


@contextmanager
def own_random_numbers(seed: int) -> Iterator[None]:
    """What is drawn inside comes from generators of this seed; outside, nothing seems drawn."""
    with _Drawing(seed):
        yield


class _Drawing(TorchDispatchMode):
    """Gives every operation that draws a generator of its device.

    Those that take none run with torch's own one, whose state is put back at once.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.generators: dict[torch.device, torch.Generator] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        generator = self._generator(_device(args, kwargs))
        overload = _with_generator(func)
        if overload is not None:
            names = [argument.name for argument in func._schema.arguments if not argument.kwarg_only]
            if kwargs.get("generator") is not None or _given(args, names) is not None:
                return func(*args, **kwargs)
            place = names.index("generator") if "generator" in names else len(args)
            return overload(*args[:place], *args[place + 1 :], **{**kwargs, "generator": generator})
        with torch.random.fork_rng(devices=[generator.device] if generator.device.type == "cuda" else []):
            shared = torch.default_generator
            if generator.device.type == "cuda":
                shared = torch.cuda.default_generators[generator.device.index or 0]
            shared.set_state(generator.get_state())
            result = func(*args, **kwargs)
            generator.set_state(shared.get_state())
        return result

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]


def _given(args: tuple[Any, ...], names: list[str]) -> Any:
    """The generator among arguments by place."""
    if "generator" not in names or names.index("generator") >= len(args):
        return None
    return args[names.index("generator")]


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
    device = tensors[0].device if tensors else torch.device(kwargs.get("device") or "cpu")
    return device if device.type in ("cpu", "cuda") else torch.device("cpu")


def _with_generator(func: Any) -> Any:
    """The overload of an operation that takes a generator and else the same arguments; None: there is none."""
    own = [argument.name for argument in func._schema.arguments]
    if "generator" in own:
        return func
    packet = func.overloadpacket
    for name in packet.overloads():
        other = getattr(packet, name)
        if [a.name for a in other._schema.arguments if a.name != "generator"] == own and "generator" in [
            a.name for a in other._schema.arguments
        ]:
            return other
    return None
