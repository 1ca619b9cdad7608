"""Everything registered is described by plain data, and comes back from it and from its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from recurra import scan
from recurra.cells import Jordan
from recurra.errors import Fault
from recurra.registry import Configured, from_config, to_config
from recurra.storage.models import load_model, save_model
from tests.laws.table import REGISTERED, build, features
from tests.laws.table_modules import MODULES, build_module
from tests.laws.test_ragged_alone import assert_alike
from tests.laws.user_cells import TenLines

EVERYTHING: dict[str, Callable[[], nn.Module]] = {
    **{f"cell {name}": lambda name=name: build(name) for name in REGISTERED},
    **{f"module {name}": lambda name=name: build_module(name) for name in MODULES},
}


def answers(name: str, module: Any) -> Any:
    """What the module makes of rows that are always the same."""
    torch.manual_seed(1)
    kind, _, name = name.partition(" ")
    with torch.no_grad():
        if kind == "cell":
            return list(scan(module, torch.stack(features(4, 4)))[0])
        example = MODULES[name]
        return example.run(module, example.rows(4, 2))


@pytest.mark.parametrize("name", EVERYTHING)
def test_config_and_back(name: str) -> None:
    module = EVERYTHING[name]()
    config = to_config(module)
    assert json.loads(json.dumps(config, allow_nan=False)) == config
    again = from_config(json.loads(json.dumps(config))).double().eval()
    assert type(again) is type(module)
    assert to_config(again) == config
    again.load_state_dict(module.state_dict())
    assert_alike(answers(name, again), answers(name, module))


@pytest.mark.parametrize("name", EVERYTHING)
def test_file_and_back(name: str, tmp_path: Path) -> None:
    module = EVERYTHING[name]()
    save_model(module, tmp_path)
    again = load_model(tmp_path).double().eval()
    assert type(again) is type(module)
    assert_alike(answers(name, again), answers(name, module))


def test_what_no_file_could_name_is_told() -> None:
    with pytest.raises(Fault, match="TenLines has no registered name: .*decorate the class"):
        to_config(TenLines(3, 4))
    with pytest.raises(Fault, match="no module is called 'gruu': did you mean 'gru'"):
        from_config({"type": "gruu"})
    with pytest.raises(Fault, match="gru can't be built from .*hiden_size"):
        from_config({"type": "gru", "input_size": 3, "hiden_size": 4})
    with pytest.raises(Fault, match="Jordan: a configuration can't hold torch.float16 of type dtype"):
        to_config(Jordan(3, 4, memory=torch.float16))  # type: ignore[arg-type]


def test_a_constructor_may_not_call_an_argument_type() -> None:
    class Typed(Configured):
        def __init__(self, type: str) -> None:
            self.kind = type

    with pytest.raises(Fault, match="Typed: its constructor has an argument called 'type'"):
        to_config(Typed("a"))
