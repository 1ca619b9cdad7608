"""The native code's own tests (native/tests), built with sanitizers: what reads or writes outside of its
memory, leaks it, or does what C++ does not define, fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMPILER = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
SANITIZERS = "address,undefined,float-cast-overflow"
LEVELS = ("v2", "v3", "v4")
"""A processor runs those that it has, and the highest that it has in place of the others."""


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
    return done.stdout


def build(folder: Path) -> Path:
    cmake, ninja = pytest.importorskip("cmake"), pytest.importorskip("ninja")
    program = str(Path(cmake.CMAKE_BIN_DIR) / "cmake")
    maker = Path(ninja.BIN_DIR) / "ninja"
    options = (
        f"-DCMAKE_MAKE_PROGRAM={maker}",
        f"-DCMAKE_CXX_COMPILER={COMPILER}",
        f"-DRECURRA_SANITIZE={SANITIZERS}",
    )
    run(program, "-S", str(ROOT / "native" / "tests"), "-B", str(folder), "-G", "Ninja", *options)
    run(program, "--build", str(folder), "--parallel", str(os.cpu_count() or 1))
    return folder / "recurra_tests"


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
def test_no_address_is_wrong_and_nothing_is_undefined(tmp_path: Path) -> None:
    assert COMPILER is not None
    probe = subprocess.run(
        [COMPILER, f"-fsanitize={SANITIZERS}", "-x", "c++", "-", "-o", str(tmp_path / "probe")],
        input="int main() {}",
        capture_output=True,
        text=True,
    )
    if probe.returncode:
        pytest.skip(f"{COMPILER} comes without the sanitizers' libraries")
    program = build(ROOT / "build" / "tests-sanitized")
    for level in LEVELS:
        assert " 0 of " in run(str(program), RECURRA_LEVEL=level)
