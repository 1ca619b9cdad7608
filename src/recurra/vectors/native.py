"""The compiled part, and one sentence where it was not built."""

from __future__ import annotations

from types import ModuleType

from recurra.errors import Fault


def native() -> ModuleType:
    """The extension module. Raises Fault where the package was installed without a C++ compiler."""
    try:
        from recurra.vectors import _vectors
    except ImportError as error:
        raise Fault(
            "training word vectors needs Recurra's compiled part, which is not built here: "
            f"install a C++ compiler, then Recurra again ({error})"
        ) from None
    return _vectors
