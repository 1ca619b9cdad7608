"""scikit-build-core, whose metadata are ready without compiling.

A wheel made without a C++ compiler is pure Python. Metadata can't know that, so scikit-build-core would
compile everything to tell them; what differs is the tag of the wheel, which nobody asks them for.
"""

from __future__ import annotations

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
    return str(backend.build_wheel(wheel_directory, config_settings))


def build_editable(
    wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None
) -> str:
    """The same for an installation that points to the sources."""
    return str(backend.build_editable(wheel_directory, config_settings))
