"""`recurra env`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from typing import Annotated, Any

import typer

from recurra.cli.output import emit, table
from recurra.version import __version__

NATIVE = {
    "native engine": "recurra.engines.native._engine",
    "word-vector trainer": "recurra.vectors._vectors",
}
"""What is written in C++ -> its module."""
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+).*extra == ['\"]([a-z]+)['\"]")


def env(
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """What this installation is made of: versions, native code, threads, GPUs. Put it into a bug report."""
    facts = environment()
    if as_json:
        emit(facts)
    else:
        table(("what", "value"), [(name, _shown(value)) for name, value in facts.items()])


def environment() -> dict[str, Any]:
    """Names and values, JSON-ready."""
    import torch

    from recurra.bench.measure import level, processor

    engine = importlib.util.find_spec(NATIVE["native engine"]) is not None
    return {
        "recurra": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "processor": processor(),
        **{
            name: "built" if importlib.util.find_spec(module) else "NOT built: the plain loop runs instead"
            for name, module in NATIVE.items()
        },
        "instructions": level() if engine else None,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "GPUs": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())],
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "where": os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        "executable": sys.executable,
        **{f"extra {name}": of_it for name, of_it in extras().items()},
    }


def extras() -> dict[str, dict[str, str | None]]:
    """Of each extra that a user may install its packages and their versions; None: not installed."""
    packages: dict[str, dict[str, str | None]] = {}
    try:
        requirements = importlib.metadata.requires("recurra") or []
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        return {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match and match[2] not in ("test", "dev", "bench", "all") and match[1] != "recurra":
            packages.setdefault(match[2], {})[match[1]] = _version(match[1])
    return packages


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version or 'NOT installed'}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
