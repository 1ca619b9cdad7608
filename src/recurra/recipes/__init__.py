"""Recipes made to be copied: one TOML file each, whose first line says what it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from recurra.errors import Fault, nearest

FOLDER = Path(__file__).parent


def recipe_names() -> list[str]:
    """The name of every recipe."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def recipe_text(name: str) -> str:
    """A recipe by name."""
    if name not in recipe_names():
        raise Fault(f"no recipe is called {name!r}{nearest(name, recipe_names())}")
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def recipe_titles() -> dict[str, str]:
    """Name -> what it is: its first comment line."""
    return {name: recipe_text(name).splitlines()[0].lstrip("# ").rstrip(".") for name in recipe_names()}


def needs_files(name: str) -> bool:
    """Whether a recipe reads data that does not come with Recurra."""
    data = tomllib.loads(recipe_text(name))["data"]
    sources = [data[key] for key in ("train", "validation", "test", "common") if key in data]
    return not all(_is_builtin(source) for source in sources)


def find_recipe(name: str | Path) -> Path:
    """A file as it stands, or a recipe that comes with Recurra by its bare name."""
    path = Path(name)
    if not path.exists() and str(name) in recipe_names():
        return FOLDER / f"{name}.toml"
    return path


def _is_builtin(source: object) -> bool:
    return "builtin" in source if isinstance(source, dict) else str(source).startswith("builtin:")
