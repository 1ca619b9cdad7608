"""scikit-build-core, whose metadata are ready without compiling.

A wheel made without a C++ compiler is pure Python. Metadata can't know that, so scikit-build-core would
compile everything to tell them; what differs is the tag of the wheel, which nobody asks them for.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import scikit_build_core.build as backend
from scikit_build_core.build import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def build_wheel(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """The wheel, whose tag need not be that of the metadata."""
    return _told(str(backend.build_wheel(wheel_directory, config_settings)))


def build_editable(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """The same for an installation that points to the sources."""
    return _told(str(backend.build_editable(wheel_directory, config_settings)))


NOT_BUILT = """
recurra: THE NATIVE ENGINE WAS NOT BUILT: compiling its C++ failed, or there is no C++ compiler.
recurra: Everything works, in the plain loop, which is 5 to 50 times slower, and `recurra env` says so.
recurra: Install a compiler (g++ or clang, C++17) and install again; `pip install -v` shows what went wrong.
"""


def _told(wheel: str) -> str:
    """A wheel's name; without native code the person is told. An installer shows what a build prints only
    where the build fails, so the terminal is written to as well, where there is one.
    """
    if wheel.endswith("-none-any.whl"):
        print(NOT_BUILT, file=sys.stderr, flush=True)
        try:
            with Path("/dev/tty").open("w", encoding="utf-8") as terminal:
                terminal.write(NOT_BUILT)
        except OSError:  # nobody sits there
            pass
    return wheel
