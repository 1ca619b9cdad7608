"""The parameters of an estimator: the sections of a recipe."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Self

from recurra.errors import Fault, nearest, quoted

SECTIONS = ("data", "model", "train")

Section = Mapping[str, Any] | None


class Settings:
    """What scikit-learn reads and changes of an estimator.

    Args:
        data, model, train: the sections of a recipe, without the columns of the data: those are the
            estimator's. `recurra options TASK` lists the keys.
        verbose: shows the progress of the training.
    """

    def __init__(
        self, data: Section = None, model: Section = None, train: Section = None, verbose: bool = False
    ) -> None:
        self.data, self.model, self.train, self.verbose = data, model, train, verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Its parameters; with `deep` also each key that is set, as `model__hidden`."""
        params = {name: getattr(self, name) for name in (*SECTIONS, "verbose")}
        if deep:
            for name in SECTIONS:
                if isinstance(params[name], Mapping):
                    params |= dict(_leaves(name, params[name]))
        return params

    def set_params(self, **params: Any) -> Self:
        """Changes parameters, or keys of them as `model__hidden=64`; the mappings stay as they are.

        Raises:
            Fault: there is no such parameter.
        """
        for name, value in params.items():
            first, *keys = name.split("__")
            if first not in (*SECTIONS, "verbose") or (keys and first == "verbose") or "" in keys:
                hint = nearest(first, (*SECTIONS, "verbose"))
                raise Fault(f"{type(self).__name__}: no parameter {name!r}{hint}; keys are model__hidden")
            setattr(self, first, _changed(getattr(self, first), keys, value, name) if keys else value)
        return self

    def __repr__(self) -> str:
        params = ((name, value) for name, value in self.get_params(deep=False).items() if value)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in params)})"

    def section(self, name: str, owned: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
        """A section of the recipe: what the estimator alone sets, over what the person has set.

        Raises:
            Fault: the person sets a key that is the estimator's.
        """
        section = getattr(self, name)
        if section is None:
            section = {}
        if not isinstance(section, Mapping):
            raise Fault(f"{type(self).__name__}: {name} = {quoted(section)} found, expected a mapping")
        twice = next((key for key in owned if key in section), None)
        if twice is not None:
            raise Fault(f"{type(self).__name__}: {name}: {twice!r} is what fit sets: leave it out")
        return {**defaults, **copy.deepcopy(dict(section)), **owned}


def _leaves(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        yield f"{prefix}__{key}", value
        if isinstance(value, Mapping):
            yield from _leaves(f"{prefix}__{key}", value)


def _changed(table: Any, keys: list[str], value: Any, name: str) -> dict[str, Any]:
    if table is None:
        table = {}
    if not isinstance(table, Mapping):
        raise Fault(f"{name}: {quoted(table)} stands where a table was expected")
    first, *rest = keys
    return {**table, first: _changed(table.get(first), rest, value, name) if rest else value}
