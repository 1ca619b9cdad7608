"""Estimators of rows with an answer each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recurra.errors import Fault
from recurra.sklearn.estimator import Estimator
from recurra.sklearn.hold_out import held_out_rows
from recurra.sklearn.rows import Kind, Rows, rows_of
from recurra.storage.fields import Fields

COLUMN = "x"
_KINDS: tuple[Kind, ...] = ("text", "tokens", "vectors")
_COLUMNS: Mapping[Kind, Mapping[str, Any]] = {
    "text": {"tokens": COLUMN},
    "tokens": {"tokens": COLUMN},
    "vectors": {"vectors": COLUMN},
}


class Supervised(Estimator):
    """Reads X, holds a part of it out, and answers by the trained task."""

    _kind: Kind

    def _fit_rows(
        self,
        rows: Rows,
        answers: Mapping[str, list[Any]],
        owned: Mapping[str, Any],
        labels: Sequence[frozenset[Any]] | None = None,
    ) -> None:
        """Trains on rows and their answers, by column.

        Args:
            labels: see `held_out_rows`.
        """
        owner, count = type(self).__name__, len(rows.entries)
        for entries in answers.values():
            if len(entries) != count:
                raise Fault(f"{owner}: X has {count} rows and y {len(entries)}: expected as many")
        part = (self.data or {}).get("hold_out", 0.1)
        validation = set(held_out_rows(count, part, self._seed(), owner, labels))
        columns = {COLUMN: rows.entries, **answers}
        tables = [
            {
                name: [e for k, e in enumerate(entries) if (k in validation) == late]
                for name, entries in columns.items()
            }
            for late in (False, True)
        ]
        words = {"tokenizer": {"rule": "words"}} if rows.kind == "text" else {}
        self._train(*tables, owned=owned, defaults=words)
        self._kind = rows.kind

    def _answers(self, table: Any, what: str) -> Iterator[dict[str, Any]]:
        """The run's answer to each row of X."""
        self._check_fitted(what)
        owner = f"{type(self).__name__}.{what}"
        rows = self._rows(table, owner)
        if rows.entries and rows.kind != self._kind:
            raise Fault(f"{owner}: X of the kind {rows.kind!r} found, expected {self._kind!r} as in fit")
        return self.task_.predict(rows.entries)

    def _rows(self, table: Any, owner: str) -> Rows:
        return rows_of(table, owner)

    def _owned(self, rows: Rows) -> dict[str, Any]:
        return dict(_COLUMNS[rows.kind])

    def _description(self) -> Mapping[str, Any]:
        return {"kind": self._kind}

    def _restore(self, fields: Fields) -> None:
        kind = next((kind for kind in _KINDS if kind == fields.text("kind")), None)
        if kind is None:
            raise Fault(f"{fields.where}: kind = {fields.text('kind')!r} found, expected one of {_KINDS}")
        self._kind = kind
