"""What was made of a module's step, kept for as long as the step reads what it read then."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping
from itertools import pairwise
from typing import Any, Generic, TypeVar

from torch import nn

from recurra.tracing.fingerprint import now, settings_by_name
from recurra.tracing.parametrized import prepare
from recurra.tracing.reads import Reads, reads_of
from recurra.tracing.side_effects import Attribute
from recurra.tracing.watch import Watch

Item = TypeVar("Item")

_MOST = 16
"""Items kept for one module; one whose settings change at every run shall not fill the memory."""

_TRACES = 12
"""A step is traced so often, in a row, for settings that change at nearly every run."""

_ENOUGH = 32
"""Runs that make a trace worth while."""


class _Lock:
    """Tracing goes one step at a time, in a process that was forked meanwhile too."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.lock = threading.RLock()


TRACING = _Lock()


class _Entry(Generic[Item]):
    """An item, and the settings under which it holds.

    Args:
        ignored: attributes that may change.
    """

    def __init__(
        self,
        reads: Reads,
        training: bool | None,
        ignored: frozenset[Attribute],
        settings: Any,
        item: Item,
    ) -> None:
        self.reads, self.training, self.ignored = reads, training, ignored
        self.settings, self.item = settings, item
        self.watch: Watch | None = None

    def settings_of(self, module: nn.Module) -> Any:
        if not self.ignored:
            return now(module, self.reads, self.training)
        names = settings_by_name(module, self.reads, self.training)
        return _without(names, self.ignored)

    def holds(self, module: nn.Module) -> bool:
        """Whether the settings are the same, though something has changed."""
        if self.settings_of(module) != self.settings:
            return False
        self.watch = Watch(module, self.reads, self.training, self.ignored)
        return True


class Memory(Generic[Item]):
    """Items by module.

    Args:
        make: makes the item of a module as it is; gives too what its step was seen to change.
        give_up: the item of a module whose settings change at nearly every run, from their names.
        training: the mode that modules are taken to be in; None: their own.
    """

    def __init__(
        self,
        make: Callable[[Any], tuple[Item, frozenset[Attribute]]],
        give_up: Callable[[Any, frozenset[Attribute]], Item],
        training: bool | None = None,
    ) -> None:
        self._make, self._give_up, self._training = make, give_up, training
        self._entries: weakref.WeakKeyDictionary[nn.Module, _Entries[Item]] = weakref.WeakKeyDictionary()

    def find(self, module: nn.Module) -> Item | None:
        """The item that holds for the module as it is now; None: none was made, or its settings differ."""
        entries = self._entries.get(module)
        entry = None if entries is None else entries.find(module)
        return None if entry is None else entry.item

    def watch(self, module: nn.Module) -> Watch | None:
        """What watches the module since its item was last asked for; None: nothing does."""
        entries = self._entries.get(module)
        entry = None if entries is None else entries.find(module)
        return None if entry is None else entry.watch

    def get(self, module: nn.Module) -> Item:
        """The item for the module as it is now."""
        entries = self._entries.get(module)
        entry = None if entries is None else entries.find(module)
        if entry is None:
            with TRACING.lock:
                entries = self._entries.setdefault(module, _Entries())
                entry = entries.find(module) or self._add(module, entries)
        return entry.item

    def _add(self, module: nn.Module, entries: _Entries[Item]) -> _Entry[Item]:
        prepare(module)
        reads = entries.shared(reads_of(module))
        names = settings_by_name(module, reads, self._training)
        volatile = entries.volatile(names)
        settings = now(module, reads, self._training)
        if volatile:
            item, ignored = self._give_up(module, volatile), volatile
        else:
            item, ignored = self._make(module)
        if ignored:
            ignored = ignored.union(*(entry.ignored for entry in entries.entries))
        rest = _without(names, ignored) if ignored else settings
        entry = _Entry(reads, self._training, ignored, rest, item)
        entries.add(entry, names)
        return entry


class _Entries(Generic[Item]):
    """Those of one module, newest first."""

    def __init__(self) -> None:
        self.entries: tuple[_Entry[Item], ...] = ()
        self.names: list[Mapping[Attribute, Hashable]] = []
        self.hits = 0

    def find(self, module: nn.Module) -> _Entry[Item] | None:
        for entry in self.entries:
            if entry.watch is not None and entry.watch.holds():
                self.hits += 1
                return entry
        for entry in self.entries:
            if entry.holds(module):
                self.hits += 1
                return entry
        return None

    def shared(self, reads: Reads) -> Reads:
        return next((entry.reads for entry in self.entries if entry.reads.same(reads)), reads)

    def add(self, entry: _Entry[Item], names: Mapping[Attribute, Hashable]) -> None:
        if self.hits >= _ENOUGH:
            self.names = []
        self.hits = 0
        self.names = [*self.names, names][-_TRACES:]
        self.entries = (entry, *self.entries)[:_MOST]

    def volatile(self, names: Mapping[Attribute, Hashable]) -> frozenset[Attribute]:
        """What differed at each of the last traces, where there were too many of them in a row."""
        if self.hits >= _ENOUGH or len(self.names) < _TRACES:
            return frozenset()
        every = [*self.names, names]
        return frozenset(
            place
            for place in names
            if all(one.get(place) != other.get(place) for one, other in pairwise(every))
        )


def _without(names: Mapping[Attribute, Hashable], ignored: frozenset[Attribute]) -> dict[Attribute, Hashable]:
    return {place: settings for place, settings in names.items() if place not in ignored}
