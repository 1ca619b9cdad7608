"""Names of classes: unique, listed once, and aliases for what people type."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from recurra.cells import CELLS, VanillaRNN
from recurra.errors import Fault
from recurra.registry import MODULES, Registry, to_config
from recurra.tasks.parts.network import BodyOptions, build_body


def fruits() -> Registry:
    fruits = Registry("fruit")
    fruits.register("lime", "green lemon", "lima")(type("Lime", (), {}))
    fruits.register("pear")(type("Pear", (), {}))
    return fruits


def test_an_alias_is_looked_up_and_listed_nowhere() -> None:
    registry = fruits()
    assert registry["green lemon"] is registry["lima"] is registry["lime"]
    assert "lima" in registry
    assert list(registry) == ["lime", "pear"]
    assert len(registry) == 2
    assert registry.name_of(registry["lima"]) == "lime"
    with pytest.raises(Fault, match=r"no fruit is called 'quince' \(known: lime, pear\)"):
        registry["quince"]


def test_names_and_aliases_are_unique() -> None:
    registry = fruits()
    with pytest.raises(Fault, match="fruit name 'pear' is taken by .*Pear: choose another name for Bird"):
        registry.register("pear")(type("Bird", (), {}))
    with pytest.raises(Fault, match="fruit alias 'lima' is taken by 'lime'"):
        registry.register("bean", "lima")(type("Bean", (), {}))
    assert "bean" not in registry


def test_a_name_goes_before_an_alias() -> None:
    registry = fruits()
    city = registry.register("lima")(type("City", (), {}))
    assert registry["lima"] is city
    assert registry["green lemon"] is registry["lime"]


def test_the_same_definition_registers_again() -> None:
    registry = fruits()
    pear = registry.register("pear")(type("Pear", (), {}))
    assert registry["pear"] is pear
    lime = registry.register("lime", "lima")(type("Lime", (), {}))
    assert registry["lima"] is lime


def test_rnn_is_vanilla_where_people_type_and_vanilla_in_files() -> None:
    assert CELLS["rnn"] is VanillaRNN
    assert "rnn" not in list(CELLS)
    assert "rnn" not in MODULES
    body = build_body(BodyOptions(cell="rnn", hidden=4), 3)
    assert to_config(body) == to_config(build_body(BodyOptions(cell="vanilla", hidden=4), 3))
    assert "vanilla" in str(to_config(body))


@pytest.mark.parametrize("room", ["recurra.cells", "recurra.layers", "recurra.models"])
def test_everything_registered_is_public_in_its_package(room: str) -> None:
    for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(module.name)
    missing = []
    for name, cls in MODULES.items():
        if not cls.__module__.startswith(f"{room}."):  # of another test's
            continue
        package = importlib.import_module(cls.__module__.rpartition(".")[0])
        if cls.__name__ not in package.__all__:
            missing.append(f"{name}: {cls.__name__} is not in {package.__name__}.__all__")
    assert missing == []
