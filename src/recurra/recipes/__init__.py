"""Recipes made to be copied: one TOML file each, whose first line says what it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from recurra.errors import Fault, nearest
from recurra.plugins import plugin, plugin_names

FOLDER = Path(__file__).parent


def recipe_names() -> list[str]:
    """The name of every recipe, those of other packages included."""
    return sorted({*_own_names(), *plugin_names("recipes")})


def recipe_text(name: str) -> str:
    """A recipe by name."""
    return _recipe_path(name).read_text(encoding="utf-8")


def recipe_titles() -> dict[str, str]:
    """Name -> what it is: its first comment line; of one whose package is broken what is wrong with it."""
    return {name: _title(name) for name in recipe_names()}


def needs_files(name: str) -> bool:
    """Whether a recipe reads data that does not come with Recurra."""
    data = tomllib.loads(recipe_text(name))["data"]
    sources = [data[key] for key in ("train", "validation", "test", "common") if key in data]
    return not all(_is_builtin(source) for source in sources)


def find_recipe(name: str | Path) -> Path:
    """A file as it stands, or a recipe of Recurra or another package by its bare name."""
    path = Path(name)
    if not path.exists() and (str(name) in _own_names() or plugin("recipes", str(name)) is not None):
        return _recipe_path(str(name))
    return path


def _recipe_path(name: str) -> Path:
    if name in _own_names():
        return FOLDER / f"{name}.toml"
    entry = plugin("recipes", name)
    if entry is None:
        raise Fault(f"no recipe is called {name!r}{nearest(name, recipe_names())}")
    path = Path(str(getattr(entry.load(), "__file__", ""))).parent / f"{name}.toml"
    if not path.is_file():
        raise Fault(
            f"the plug-in {name!r} (recurra.recipes) of {entry.package}: no {path}: expected the recipe "
            f"beside the module that it names, {entry.entry.value}"
        )
    return path


def _own_names() -> list[str]:
    return [path.stem for path in FOLDER.glob("*.toml")]


def _title(name: str) -> str:
    try:
        return recipe_text(name).splitlines()[0].lstrip("# ").rstrip(".")
    except Fault as fault:
        return str(fault)


def _is_builtin(source: object) -> bool:
    return "builtin" in source if isinstance(source, dict) else str(source).startswith("builtin:")
