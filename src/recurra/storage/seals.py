"""The manifest of a run: a digest of every file that answers depend on, in the header of the weights.

It stands there because weights alone change while a model is trained, in one replacement: at any moment a
process may be killed, and what lies there fits together.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from recurra.errors import Fault, quoted
from recurra.storage.fields import Fields
from recurra.storage.files import open_regular

_MOST_FILES = 1000


class Seal(NamedTuple):
    """What belongs to the weights of a run.

    Attributes:
        recipe: digest of what answers depend on in it; see `recurra.runs.folder.recipe_digest`.
        files: name -> digest of each file beside the model that the task wrote.
    """

    recipe: str
    files: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` takes back."""
        return {"recipe": self.recipe, "files": dict(self.files)}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any], where: str) -> Self | None:
        """The inverse; None where there is no seal, as before version 0.2."""
        if "recipe" not in description and "files" not in description:
            return None
        fields = Fields(description, where)
        files = fields.table("files")
        for name, digest in files.items():
            # only what lies in the folder is looked at
            if not isinstance(digest, str) or name != Path(name).as_posix() or ".." in Path(name).parts:
                raise Fault(
                    f"{where}: files: {quoted(name)}: {quoted(digest)} found, expected digests of files"
                )
        if len(files) > _MOST_FILES:
            raise Fault(f"{where}: {len(files):,} files found, expected {_MOST_FILES:,} at most")
        return cls(fields.text("recipe"), dict(files))

    def check_files(self, folder: Path) -> None:
        """Fault unless every file lies in the folder as it was written."""
        for name, digest in self.files.items():
            if not has_digest(folder / name, digest):
                raise Fault(
                    f"{folder / name}: does not belong to the weights beside it: "
                    "it is damaged, from another version, or is "
                    f"another run's; take it from the run that the weights are of"
                )


def seal_files(folder: Path) -> dict[str, str]:
    """The digest of every file in a folder, by its name from there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def file_digest(path: Path) -> str:
    """Size and sha256 of a regular file; Fault where it can't be read."""
    with open_regular(path) as file:
        return f"{_size(file)}:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def has_digest(path: Path, digest: str) -> bool:
    """Whether a file's digest is this one; one of another size is not read for it."""
    with open_regular(path) as file:
        size = _size(file)
    return digest.startswith(f"{size}:") and file_digest(path) == digest


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def value_digest(value: Any) -> str:
    """sha256 of JSON-ready data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
