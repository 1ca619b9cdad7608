"""Commands of the package, called from the project's root by the benchmarks beside this file."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def output(*arguments: str) -> str:
    """What `recurra` prints with these arguments; where it fails, its own line and exit code are ours."""
    print("recurra", shlex.join(arguments), file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "recurra.cli", *arguments]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise SystemExit(result.returncode)
    return result.stdout


def last_line(*arguments: str) -> str:
    """Its last line."""
    return (output(*arguments).strip().splitlines() or [""])[-1]
