"""A run to the Hugging Face Hub: what its model needs, a card, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from recurra.errors import Fault, quoted
from recurra.reports.card import CARD, card
from recurra.runs.digests import without_folders
from recurra.runs.folder import METRICS, RECIPE, load, run_recipe
from recurra.runs.hub import ENDINGS, check_repository, hub_errors, library, own_files
from recurra.runs.toml import to_toml
from recurra.storage.files import write_text
from recurra.storage.models import CONFIG, WEIGHTS, read_seal
from recurra.storage.toml_text import read_toml
from recurra.tasks.base import Task


class Upload(NamedTuple):
    """What is to go up.

    Attributes:
        folder: that holds it. sizes: name -> bytes. card: its text.
    """

    folder: Path
    sizes: dict[str, int]
    card: str


@contextmanager
def prepared(run: str | Path, repository: str, license: str | None = None) -> Iterator[Upload]:
    """A folder with what goes up, for as long as it lasts: model, recipe, what the task keeps, the figures,
    and a card. No checkpoint, no log and no data; of the recipe's files the names alone. It has been loaded.

    Raises:
        Fault: the run can't be loaded, or has files that nobody could fetch.
    """
    source = Path(run)
    check_repository(repository)
    task = load(source)
    names = _names(source)
    with TemporaryDirectory(prefix="recurra-push-") as place:
        folder = Path(place)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
        content = read_toml(source / RECIPE)
        write_text(folder / RECIPE, to_toml(without_folders(content)))
        table, _ = run_recipe(read_toml(folder / RECIPE), str(source / RECIPE))
        text = card(repository, source, task, table, license)
        write_text(folder / CARD, text)
        _check(folder, source)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
        yield Upload(folder, sizes, text)


def push(
    run: str | Path,
    repository: str,
    *,
    license: str | None = None,
    private: bool = False,
    message: str = "Upload by Recurra",
) -> str:
    """Sends a run to the hub as one commit; files of an earlier run that it does not have are removed there.

    Args:
        repository: user/name, made where it is not there. license: as the hub calls it, "apache-2.0".
        private: of a repository that is made.

    Returns:
        The address of the repository.

    Raises:
        Fault: see `prepared`; or nobody is logged in, the repository belongs to somebody else, or the hub
            can't be reached. Nothing was uploaded then.
    """
    with prepared(run, repository, license) as upload:
        hub = library()
        with hub_errors(f"hf://{repository}"):
            api = hub.HfApi()
            url = api.create_repo(repository, private=private, exist_ok=True)
        with hub_errors(f"hf://{repository}: nothing was uploaded"):
            api.upload_folder(
                repo_id=repository,
                folder_path=upload.folder,
                commit_message=message,
                delete_patterns=[f"*{ending}" for ending in ENDINGS],
            )
        return str(url)


def _names(source: Path) -> list[str]:
    """The files of a run that its model needs, but the recipe, which is written anew."""
    seal = read_seal(source)
    if seal is None:
        raise Fault(
            f"{source}: trained by an earlier version, without digests of its files, so it can't be told "
            f"which of them belong to it: train it again, or go on with it by --resume"
        )
    names = [CONFIG, WEIGHTS, *sorted(seal.files)]
    own_files(str(source), [RECIPE, *names])
    strange = [name for name in names if not name.endswith(ENDINGS)]
    if strange:
        raise Fault(f"{source}: {quoted(strange[0])} has no ending that is fetched: {', '.join(ENDINGS)}")
    return [*names, *([METRICS] if (source / METRICS).is_file() else [])]


def _check(folder: Path, source: Path) -> Task:
    """Loads what goes up, as whoever fetches it will."""
    try:
        return load(folder)
    except Fault as fault:
        text = str(fault).replace(f"{folder}", f"{source}")
        raise Fault(f"{text} (as it would go up, without the folders of its recipe's files)") from None
