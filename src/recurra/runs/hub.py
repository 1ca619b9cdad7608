"""Runs on the Hugging Face Hub: `hf://user/name` names one, and its copy in the cache is a run folder.

Only files that a run of Recurra has are fetched; loading them executes nothing, as of any run.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from recurra.errors import Fault, quoted
from recurra.storage.models import CONFIG, WEIGHTS

SCHEME = "hf://"
ENDINGS = (".json", ".toml", ".safetensors", ".jsonl", ".tsv")
"""Of the files that a run has; no other file is fetched."""

_RECIPE = "recipe.toml"
_NAME = re.compile(r"hf:/{1,2}([^/@]+/[^/@]+)(?:@(.+))?")  # a path has one slash where the name has two
_PLAIN = re.compile(r"[\w.+-]+(/[\w.+-]+)*", re.ASCII)
_SHOWN = 3  # names of files that were left out
_LOGGER = logging.getLogger("recurra")


class HubName(NamedTuple):
    """A repository of models, and its branch, tag or commit; None: the newest."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def run_folder(run: str | Path) -> Path:
    """Where a run lies: the path itself, or of `hf://user/name` a copy of what is on the hub.

    Raises:
        Fault: see `fetch`.
    """
    text = Path(run).as_posix() if isinstance(run, Path) else run
    return fetch(hub_name(text)) if text.startswith("hf:/") else Path(run)


def hub_name(text: str) -> HubName:
    """The repository that `hf://user/name`, or `hf://user/name@revision`, means. Fault for other texts."""
    match = _NAME.fullmatch(text)
    if match is None:
        raise Fault(f"{quoted(text)} found, expected hf://user/name, or hf://user/name@revision")
    name = HubName(*match.groups())
    check_repository(name.repository)
    return name


def check_repository(text: str) -> None:
    """Fault unless a text can be the name of a repository: user/name."""
    hub = library()
    try:
        hub.utils.validate_repo_id(text)
    except ValueError:
        text_fits = False
    else:
        text_fits = text.count("/") == 1
    if not text_fits:
        raise Fault(
            f"{quoted(text)} is no name of a repository, expected user/name of letters, digits, '-', '_', '.'"
        )


def fetch(name: HubName) -> Path:
    """The folder of a run on the hub, in the cache of huggingface_hub; only what is not there yet is fetched.
    Without a connection the copy that is there is taken, and that is said (by Python's `logging`).

    Raises:
        Fault: there is no such repository, it is private, holds no run, or a file with a path outside of it;
            the hub can't be reached, or the download broke off.
    """
    hub = library()
    try:
        with hub_errors(str(name)):
            info = hub.HfApi().model_info(name.repository, revision=name.revision, files_metadata=True)
    except _Unreachable as fault:
        return _cached(name, fault)
    names = own_files(str(name), [each.rfilename for each in info.siblings or []])
    with hub_errors(str(name)):
        folder = Path(hub.snapshot_download(name.repository, revision=name.revision, allow_patterns=names))
    missing = [each for each in names if not (folder / each).is_file()]
    if missing:
        raise Fault(f"{name}: {_few(missing)} did not arrive: try again")
    return folder


def own_files(where: str, names: Iterable[str]) -> list[str]:
    """Of the files of a repository those that a run has; what else there is, is told and left.

    Raises:
        Fault: a path leads outside, or there is no run.
    """
    own: list[str] = []
    others: list[str] = []
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0] or "\0" in name:
            raise Fault(
                f"{where}: holds a file {quoted(name)}, whose path leads outside: nothing was fetched"
            )
        (own if name.endswith(ENDINGS) and _PLAIN.fullmatch(name) else others).append(name)
    missing = {_RECIPE, CONFIG, WEIGHTS} - set(own)
    if missing:
        raise Fault(f"{where}: no run of Recurra: it has no {', '.join(sorted(missing))}")
    strange = [name for name in others if name not in ("README.md", ".gitattributes", "LICENSE")]
    if strange:
        _LOGGER.warning("%s: not fetched, since no run has such files: %s", where, _few(strange))
    return own


def library() -> Any:
    """huggingface_hub, quiet where nobody looks on. Fault where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.utils
    except ModuleNotFoundError:
        raise Fault("huggingface_hub is not installed: install 'recurra[hub]'") from None
    if sys.stderr is None or not sys.stderr.isatty():
        huggingface_hub.utils.disable_progress_bars()  # type: ignore[attr-defined]
    return huggingface_hub


class _Unreachable(Fault):
    """The hub did not answer at all."""


@contextmanager
def hub_errors(where: str) -> Iterator[None]:
    """Makes one line of what the hub, or the way there, has against a request."""
    errors = library().errors
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    except Fault:
        raise
    except errors.GatedRepoError:
        raise Fault(f"{where}: its owner has to let you in: ask for it on its page, and log in") from None
    except errors.RevisionNotFoundError:
        raise Fault(f"{where}: the repository has no such branch, tag or commit") from None
    except errors.RepositoryNotFoundError:
        raise Fault(
            f"{where}: no such repository on the hub, or a private one: check the name, or log in (`hf auth "
            f"login`, or set HF_TOKEN)"
        ) from None
    except errors.HfHubHTTPError as error:
        raise Fault(f"{where}: {_answer(error)}") from None
    except errors.LocalEntryNotFoundError as error:
        raise Fault(f"{where}: the download broke off: {_line(error)}: try again") from None
    except OSError as error:
        if error.filename is not None or (error.errno is not None and not isinstance(error, ConnectionError)):
            raise Fault(f"{where}: {error.filename}: {error.strerror or _line(error)}") from None
        raise _Unreachable(f"{where}: the hub can't be reached: {_line(error)}") from None
    except Exception as error:  # those of the library for requests, which changes with the version
        raise _Unreachable(
            f"{where}: the hub can't be reached, or broke off: {type(error).__name__}: {_line(error)}"
        ) from None
    finally:
        logger.setLevel(level)


def _cached(name: HubName, fault: Fault) -> Path:
    """The copy that is in the cache already; else the fault that kept us from a newer one."""
    hub = library()
    try:
        place = hub.snapshot_download(
            name.repository,
            revision=name.revision,
            local_files_only=True,
            allow_patterns=[f"*{ending}" for ending in ENDINGS],
        )
    except Exception:
        raise Fault(str(fault)) from None
    folder = Path(place)
    if not all((folder / each).is_file() for each in (_RECIPE, CONFIG, WEIGHTS)):
        raise Fault(f"{fault} (an earlier download did not end)")
    _LOGGER.warning("%s; the copy of an earlier download is taken", fault)
    return folder


def _answer(error: Any) -> str:
    status = getattr(error.response, "status_code", None)
    if status in (401, 403):
        return (
            f"the hub refuses it ({status}): log in (`hf auth login`, or set HF_TOKEN) with a token that may"
        )
    return f"the hub answered {status}: {quoted(_line(error))[1:-1]}"


def _line(error: BaseException) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)[:200]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(quoted(name)[1:-1] for name in names[:_SHOWN]) + more
