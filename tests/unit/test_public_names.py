from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import recurra
from recurra.errors import Fault

_WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))  # None makes an import fail
import recurra
print(recurra.__version__)
try:
    recurra.load
except recurra.Fault as fault:
    print(fault)
"""


@pytest.mark.parametrize("name", recurra.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(recurra, name) is not None


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        recurra.lode  # noqa: B018
    assert issubclass(Fault, ValueError)


def test_importing_needs_the_core_alone_and_the_absence_of_an_extra_is_told_by_name() -> None:
    absent = (
        "pydantic,lightning,lightning_fabric,tensorboard,matplotlib,rich,tokenizers,seqeval,pyarrow,typer"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    made = subprocess.run(
        [sys.executable, "-c", _WITHOUT, absent], check=True, env=env, capture_output=True, text=True
    )
    version, told = made.stdout.splitlines()
    assert version == recurra.__version__
    assert told == "recurra.load needs pydantic: pip install 'recurra[train]'"
