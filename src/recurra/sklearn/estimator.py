"""What the estimators have in common: training, and the files of a run in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import recurra.runs
import recurra.tasks  # noqa: F401
from recurra.errors import Fault
from recurra.runs.folder import LAST, LOG, TENSORBOARD, load
from recurra.sklearn.settings import Settings
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json
from recurra.tasks.base import Task
from recurra.train.from_python import fit

FILE = "estimator.json"
FORMAT = 1


class NotFitted(Fault, AttributeError):
    """An estimator was asked before `fit`."""


class Estimator(Settings, ABC):
    """A task that is fitted; see `Settings` for its parameters.

    Attributes:
        task_: the trained task, after `fit`.
    """

    task_name: ClassVar[str]
    kind: ClassVar[str | None] = None
    """What scikit-learn calls it: "classifier", "regressor", or nothing."""

    task_: Task
    _files: dict[str, bytes]

    def save(self, folder: str | Path) -> None:
        """Writes the run, as `recurra train` would have: `recurra evaluate`, `predict`, ... take it too.

        Raises:
            Fault: it is not fitted, the folder is there already, or can't be written; nothing is left then.
        """
        self._check_fitted("save")
        folder = Path(folder)
        if folder.exists():
            raise Fault(f"{folder}: already there: choose another folder")
        draft = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            for name, content in self._files.items():
                path = draft / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            params = self.get_params(deep=False)
            write_json(
                draft / FILE,
                {"format": FORMAT, "estimator": type(self).__name__, "params": params, **self._description()},
            )
            os.replace(draft, folder)
        except OSError as error:
            raise Fault(f"{folder}: can't be written: {error.strerror or error}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Self:
        """What `save` wrote, fitted. Fault where it is none, or another estimator's; executes nothing."""
        folder = Path(folder)
        if not (folder / FILE).is_file():
            raise Fault(f"{folder}: no estimator: it has no {FILE}; a run is loaded by recurra.load")
        where = str(folder / FILE)
        content = read_json(folder / FILE)
        check_format(content, FORMAT, where)
        fields = Fields(content, where)
        if fields.text("estimator") != cls.__name__:
            raise Fault(f"{where}: of a {fields.text('estimator')}, expected one of a {cls.__name__}")
        estimator = cls()
        estimator.set_params(**fields.table("params"))
        task = load(folder, device)
        if task.name != cls.task_name:
            raise Fault(f"{folder}: a run of the task {task.name}, expected one of {cls.task_name}")
        estimator.task_, estimator._files = task, _files_of(folder)
        estimator._restore(fields)
        return estimator

    @abstractmethod
    def _description(self) -> Mapping[str, Any]:
        """What `_restore` needs, as plain data."""

    @abstractmethod
    def _restore(self, fields: Fields) -> None:
        """Takes back what `_description` gave."""

    def _train(
        self,
        data: Any,
        validation: Any = None,
        *,
        owned: Mapping[str, Any],
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        """Trains on tables.

        Args:
            owned: keys of [data] that the estimator alone sets. defaults: those that the person may set.
        """
        tables = dict.fromkeys(("train", "validation"))
        section = self.section("data", {**tables, **owned}, defaults or {})
        section = {key: value for key, value in section.items() if key not in tables}
        if validation is not None:
            section.pop("hold_out", None)
        recipe = {
            "task": self.task_name,
            "data": section,
            "model": self.section("model", {}, {}),
            "train": self.section("train", {}, {"tensorboard": False}),
        }
        with tempfile.TemporaryDirectory(prefix="recurra-", ignore_cleanup_errors=True) as place:
            folder = Path(place) / "run"
            self.task_ = fit(recipe, data, validation=validation, folder=folder, quiet=not self.verbose)
            self._files = _files_of(folder)

    def _seed(self) -> int:
        seed = (self.train or {}).get("seed", 0)
        return seed if isinstance(seed, int) else 0

    def _check_fitted(self, what: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFitted(f"{type(self).__name__}.{what}: not fitted: call fit first")

    def _refuse(self, others: Mapping[str, Any]) -> None:
        """Fault for an argument of `fit` that no training here takes."""
        name = next((name for name, value in others.items() if value is not None), None)
        if name is not None:
            rule = ": every row counts alike" if name == "sample_weight" else ""
            raise Fault(f"{type(self).__name__}.fit: {name} is not taken{rule}: leave it out")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "task_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=cast(Any, self.kind),
            target_tags=TargetTags(required=self.kind is not None),
            classifier_tags=ClassifierTags() if self.kind == "classifier" else None,
            regressor_tags=RegressorTags() if self.kind == "regressor" else None,
            input_tags=InputTags(two_d_array=True, three_d_array=True, string=True),
        )


def _files_of(folder: Path) -> dict[str, bytes]:
    """The files of a run that answers depend on, and its figures."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in (LAST, LOG, TENSORBOARD, FILE)
    }
