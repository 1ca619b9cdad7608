"""Nothing registered escapes the laws."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

import recurra
from recurra.data.readers import READERS as READERS_REGISTRY
from recurra.registry import MODULES as MODULES_REGISTRY
from recurra.tasks import TASKS as TASKS_REGISTRY
from tests.laws.table import REGISTERED, UNTRACED
from tests.laws.table_modules import MODULES
from tests.laws.table_readers import READERS
from tests.laws.table_tasks import TASKS
from tests.laws.table_trees import TREES

ASIDE = ("recurra.cli", "recurra.serve", "recurra.export", "recurra.bench")


def walked() -> None:
    """Imports the whole package, so that everything in it is registered."""
    for module in pkgutil.walk_packages(recurra.__path__, "recurra."):
        if not module.name.startswith(ASIDE):
            importlib.import_module(module.name)


def own(registry: Iterable[tuple[str, object]]) -> set[str]:
    """Names of everything that the package registers, whatever a test has registered besides."""
    walked()
    return {name for name, entry in registry if entry.__module__.startswith("recurra.")}


def first_words(*tables: Iterable[str]) -> set[str]:
    return {name.split()[0] for table in tables for name in table}


def test_every_module_has_an_example() -> None:
    missing = sorted(own(MODULES_REGISTRY.items()) - first_words(REGISTERED, UNTRACED, MODULES, TREES))
    assert missing == [], (
        f"no example in tests/laws/table.py, table_modules.py or table_trees.py for {', '.join(missing)}"
    )


def test_every_task_has_an_example() -> None:
    missing = sorted(own(TASKS_REGISTRY.items()) - first_words(TASKS))
    assert missing == [], f"no example in tests/laws/table_tasks.py for {', '.join(missing)}"


def test_every_reader_has_an_example() -> None:
    missing = sorted(own(READERS_REGISTRY.items()) - first_words(READERS))
    assert missing == [], f"no example in tests/laws/table_readers.py for {', '.join(missing)}"


def test_every_example_is_of_what_its_name_says() -> None:
    for name, build in [*REGISTERED.items(), *TREES.items()]:
        assert MODULES_REGISTRY.name_of(type(build())) == name.split()[0]
    for name, example in MODULES.items():
        assert MODULES_REGISTRY.name_of(type(example.build())) == name.split()[0]
    assert first_words(TASKS) <= TASKS_REGISTRY.keys()
    assert first_words(READERS) <= READERS_REGISTRY.keys()
