"""Model files: round trip, and every way in which a file can be wrong."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recurra.cells import GRU, LSTM
from recurra.errors import Fault
from recurra.layers.recurrent import Recurrent
from recurra.registry import MODULES, Configured
from recurra.storage import models
from recurra.storage.models import load_model, save_model
from recurra.storage.tensors import digest, read_tensors, write_tensors


@MODULES.register("tied_model")
class Tied(Configured):
    """One weight in two places, and a buffer."""

    def __init__(self, size: int = 4) -> None:
        self.table = nn.Embedding(5, size)
        self.recurrent = Recurrent(GRU(size, size))
        self.output = nn.Linear(size, 5)
        self.output.weight = self.table.weight
        self.register_buffer("count", torch.tensor(3))

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(self.recurrent(self.table(ids))[0])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_model(Recurrent(LSTM(3, 4)), tmp_path)
    return tmp_path


def test_round_trip_of_tied_weights(tmp_path: Path) -> None:
    model = Tied()
    model.count.fill_(7)
    save_model(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    assert "output.weight" not in load_file(tmp_path / "model.safetensors")
    random = torch.get_rng_state()
    other = load_model(tmp_path)
    assert torch.equal(torch.get_rng_state(), random)
    assert isinstance(other, Tied)
    assert other.output.weight is other.table.weight
    assert int(other.count) == 7
    ids = torch.tensor([[1, 2, 4]])
    assert torch.equal(other(ids), model.eval()(ids))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_keep_their_type(tmp_path: Path, dtype: torch.dtype) -> None:
    model = Recurrent(GRU(2, 3)).to(dtype)
    save_model(model, tmp_path)
    other = load_model(tmp_path).state_dict()
    assert all(
        torch.equal(held, other[name]) and other[name].dtype == dtype
        for name, held in model.state_dict().items()
    )


def test_weights_alone_may_be_replaced(saved: Path) -> None:
    """What a process killed between the two files of a better model leaves."""
    config = (saved / "model.json").read_bytes()
    better = Recurrent(LSTM(3, 4))
    save_model(better, saved)
    assert (saved / "model.json").read_bytes() == config
    assert torch.equal(load_model(saved).state_dict()["cell.input.weight"], better.cell.input.weight)


def test_unregistered_module_is_told(tmp_path: Path) -> None:
    class Mine(Configured):
        pass

    with pytest.raises(Fault, match="Mine has no registered name"):
        save_model(Mine(), tmp_path)
    assert not list(tmp_path.iterdir())


def edit(folder: Path, **changes: Any) -> None:
    held = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**held, **changes}))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_truncated(saved: Path, name: str, share: float) -> None:
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(Fault, match=f"{name}: .*damaged or from another version"):
        load_model(saved)


def test_every_altered_byte_of_the_weights_is_noticed(saved: Path) -> None:
    path = saved / "model.safetensors"
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        damaged = bytearray(content)
        damaged[place] ^= 0x11
        path.write_bytes(damaged)
        with pytest.raises(Fault):
            load_model(saved)


def test_files_of_two_models(saved: Path, tmp_path: Path) -> None:
    save_model(Recurrent(LSTM(3, 5)), tmp_path / "other")
    (saved / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(Fault, match="belongs to another model.json"):
        load_model(saved)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_every_weight_is_consumed(saved: Path, change: str) -> None:
    path = saved / "model.safetensors"
    tensors, seal = read_tensors(path)
    if change == "missing":
        del tensors["cell.hidden.weight"]
    elif change == "extra":
        tensors["cell.more"] = torch.zeros(2)
    else:
        tensors["cell.hidden.weight"] = torch.zeros(2, 2)
    write_tensors(path, tensors, {**seal, "weights": digest(tensors)})
    said = {
        "missing": "missing cell.hidden.weight, not expected nothing",
        "extra": "missing nothing, not expected cell.more",
        "shape": r"weight cell.hidden.weight has shape \[2, 2\], expected \[16, 4\]",
    }
    with pytest.raises(Fault, match=said[change]):
        load_model(saved)


def test_foreign_files(saved: Path) -> None:
    save_file({"x": torch.zeros(2)}, saved / "model.safetensors")
    with pytest.raises(Fault, match="was not written by Recurra"):
        load_model(saved)
    edit(saved, format="one")
    with pytest.raises(Fault, match="format number 'one' found"):
        load_model(saved)
    (saved / "model.json").write_text("[1]")
    with pytest.raises(Fault, match="a JSON list found, expected an object"):
        load_model(saved)
    with pytest.raises(Fault, match="no such file"):
        load_model(saved / "nowhere")


def test_unknown_class_in_a_file_is_told(saved: Path) -> None:
    path = saved / "model.safetensors"
    for model, said in (
        ({"type": "os.system", "command": "true"}, "no module is called 'os.system'"),
        ({"type": "recurrent", "cell": {"type": "lstm", "input_size": 3}}, "lstm can't be built from"),
        (["lstm"], "'model' describes no module"),
    ):
        edit(saved, model=model)
        tensors, seal = read_tensors(path)
        write_tensors(path, tensors, {**seal, "model": models._text_digest(model)})
        with pytest.raises(Fault, match=said):
            load_model(saved)


def test_newer_format(saved: Path) -> None:
    edit(saved, format=models.FORMAT + 1)
    with pytest.raises(Fault, match="format 2 found, this version reads up to 1: install a newer recurra"):
        load_model(saved)


def test_older_format_is_migrated(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if format 2 had renamed a weight."""

    def second(described: dict[str, Any], weights: dict[str, Tensor]) -> dict[str, Any]:
        weights["cell.hidden.weight"] = weights.pop("cell.old")
        return {**described, "format": 2}

    path = saved / "model.safetensors"
    tensors, seal = read_tensors(path)
    tensors["cell.old"] = tensors.pop("cell.hidden.weight")
    write_tensors(path, tensors, {**seal, "weights": digest(tensors)})
    monkeypatch.setattr(models, "FORMAT", 2)
    monkeypatch.setitem(models.MIGRATIONS, 1, second)
    assert torch.equal(load_model(saved).state_dict()["cell.hidden.weight"], tensors["cell.old"])


def test_every_older_format_has_its_migration() -> None:
    assert sorted(models.MIGRATIONS) == list(range(1, models.FORMAT))


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_full_disk_changes_nothing(saved: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(f"os.{name}", full)
        with pytest.raises(
            Fault, match="bytes can't be written: No space left on device; nothing was changed"
        ):
            save_model(Recurrent(LSTM(3, 4)), saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
