"""Nothing registered escapes the laws."""

from __future__ import annotations

import importlib
import pkgutil

import recurra
from recurra.registry import MODULES as REGISTRY
from tests.laws.table import REGISTERED
from tests.laws.table_modules import MODULES

ASIDE = ("recurra.cli", "recurra.serve", "recurra.bench", "recurra._")


def registered() -> set[str]:
    """Names of everything that the package registers, whatever a test has registered besides."""
    for module in pkgutil.walk_packages(recurra.__path__, "recurra."):
        if not module.name.startswith(ASIDE):
            importlib.import_module(module.name)
    return {name for name, cls in REGISTRY.items() if cls.__module__.startswith("recurra.")}


def test_everything_registered_has_an_example() -> None:
    examples = {name.split()[0] for name in (*REGISTERED, *MODULES)}
    missing = sorted(registered() - examples)
    assert missing == [], f"no example in tests/laws/table.py or table_modules.py for {', '.join(missing)}"


def test_every_example_is_of_what_its_name_says() -> None:
    for name, build in REGISTERED.items():
        assert REGISTRY.name_of(type(build())) == name.split()[0]
    for name, example in MODULES.items():
        assert REGISTRY.name_of(type(example.build())) == name.split()[0]
