"""Auto-encoders over texts and over measurements."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import nn

from recurra.cli.app import main
from recurra.data.sound.recording import Recording
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.storage.models import load_model, save_model
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.autoencode.task import AutoencodeTask
from recurra.tasks.autoencode.texts import common

SMALL = {
    "embedding": 12,
    "encoder": {"cell": "gru", "hidden": 24},
    "decoder": {"cell": "gru", "hidden": 32},
    "vector": 20,
    "pool": "max",
}


def _texts(path: Path, count: int, seed: int, most: int = 3) -> str:
    rng = random.Random(seed)
    rows = [" ".join(rng.choice("abcdef") for _ in range(rng.randint(1, most))) for _ in range(count)]
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def _waves(path: Path, count: int, seed: int) -> str:
    rng = random.Random(seed)
    with path.open("w") as file:
        for _ in range(count):
            pitch, size = rng.uniform(0.3, 0.6), rng.uniform(1, 3)
            wave = [[round(5 + size * math.sin(pitch * t), 4), size] for t in range(rng.randint(6, 12))]
            file.write(json.dumps({"wave": wave}) + "\n")
    return str(path)


def _task(data: dict[str, Any], model: dict[str, Any] | None = None) -> AutoencodeTask:
    options = AutoencodeModelOptions.model_validate({**SMALL, **(model or {})})
    return AutoencodeTask.prepare(
        AutoencodeDataOptions.model_validate({"batch_size": 25, **data}), options, seed=0
    )


def _train(task: AutoencodeTask, epochs: int, lr: float = 0.01) -> None:
    optimiser = torch.optim.Adam(task.model.parameters(), lr)
    for epoch in range(epochs):
        for batch in task.batches(epoch):
            task.model.train()
            loss = task.loss(batch, None)
            (loss.total / loss.items).backward()
            nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
    task.model.eval()


def _reloaded(task: AutoencodeTask, folder: Path) -> AutoencodeTask:
    save_model(task.model, folder)
    task.save_assets(folder)
    return AutoencodeTask.restore(task.options, AutoencodeModelOptions(), load_model(folder), folder)


def test_words_come_back_from_one_vector(tmp_path: Path) -> None:
    train, held = _texts(tmp_path / "train.txt", 400, 0), _texts(tmp_path / "held.txt", 50, 1)
    task = _task({"train": train, "validation": held, "text": "text", "replaced": 0.1})
    before = task.evaluate()["tokens_back"]
    _train(task, 30)  # rounding differs between processors: 20 epochs end on either side of 0.9
    scores = task.evaluate()
    assert scores["tokens_back"] >= 0.9
    assert scores["tokens_back"] > before
    (answer,) = task.predict(["a b"])
    assert answer == {"item": "a b", "restored": "a b"}
    (coded,) = task.encode([{"text": "a b"}])
    assert len(coded["vector"]) == 20
    other = _reloaded(task, tmp_path / "run")
    assert other.evaluate() == scores
    assert next(other.encode(["a b"])) == coded
    with pytest.raises(Fault, match="loaded to predict"):
        other.batches(0)


LINEAR = {"cell": "vanilla", "cell_options": {"nonlinearity": "identity"}, "hidden": 256}
MIRRORED = {
    "embedding": 64,
    "encoder": {**LINEAR, "bidirectional": False},
    "decoder": LINEAR,
    "vector": 256,
    "pool": "last",
    "start": "mirrored",
    "tied": True,
}


def test_a_mirrored_start_restores_before_any_training(tmp_path: Path) -> None:
    train, held = _texts(tmp_path / "train.txt", 100, 0), _texts(tmp_path / "held.txt", 60, 1, most=8)
    data = {"train": train, "validation": held, "text": "text", "reversed": True}
    task = _task(data, MIRRORED)
    assert task.evaluate()["tokens_back"] >= 0.95
    turned = _task({**data, "reversed": False}, {**MIRRORED, "start": "drawn"})
    turned.model.load_state_dict(task.model.state_dict())
    assert turned.evaluate()["tokens_back"] < 0.6  # what was read last has to be what comes first
    assert _reloaded(task, tmp_path / "run").evaluate() == task.evaluate()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"encoder": {**LINEAR, "bidirectional": True}}, "linear encoder of one layer in one direction"),
        ({"decoder": {"cell": "gru", "hidden": 256}}, "linear decoder"),
        ({"decoder": {**LINEAR, "layers": 2}}, "linear decoder"),
        ({"vector": 64}, "of one width, at least the 64 of the embedding, found 256, 64 and 256"),
        ({"embedding": 300}, "at least the 300"),
        ({"tied": False}, "tied = true"),
        ({"pool": "max"}, "pool = 'last'"),
    ],
)
def test_a_mirrored_start_needs_a_linear_model(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    data = {"train": _texts(tmp_path / "train.txt", 30, 0), "hold_out": 0.2, "text": "text", "reversed": True}
    with pytest.raises(Fault, match=fault):
        _task(data, {**MIRRORED, **change})
    with pytest.raises(Fault, match=r"data\.reversed"):
        _task({**data, "reversed": False}, {**MIRRORED, **change})


@pytest.mark.parametrize("cell", ["vanilla", "gru", "lstm"])
def test_an_orthogonal_start_keeps_the_length_of_a_state(tmp_path: Path, cell: str) -> None:
    text = {"train": _texts(tmp_path / "train.txt", 30, 0), "hold_out": 0.2, "text": "text"}
    rows = {"train": _waves(tmp_path / "train.jsonl", 30, 0), "hold_out": 0.2, "vectors": "wave"}
    body = {"cell": cell, "hidden": 16}
    for data in (text, rows):
        task = _task(data, {"encoder": body, "decoder": body, "start": "orthogonal"})
        matrices = [
            weight.detach()
            for name, weight in task.model.named_parameters()
            if name.endswith("cell.hidden.weight")
        ]
        assert len(matrices) == 3  # the encoder reads from both ends
        for matrix in matrices:
            for block in matrix.split(16):
                assert torch.allclose(block @ block.T, torch.eye(16), atol=1e-5)


def test_an_orthogonal_start_learns_sooner(tmp_path: Path) -> None:
    train, held = _texts(tmp_path / "train.txt", 400, 0, most=8), _texts(tmp_path / "held.txt", 60, 1, most=8)
    data = {"train": train, "validation": held, "text": "text", "reversed": True}
    shares = []
    for start in ("orthogonal", "drawn"):
        body = {**LINEAR, "hidden": 96}
        model = {**MIRRORED, "encoder": body | {"bidirectional": False}, "decoder": body, "vector": 96}
        task = _task(data, {**model, "embedding": 32, "start": start})
        _train(task, 8, lr=0.002)
        shares.append(task.evaluate()["in_place"])
    assert shares[0] > max(0.75, shares[1] + 0.1)


def test_an_orthogonal_start_needs_a_recurrent_matrix(tmp_path: Path) -> None:
    data = {"train": _texts(tmp_path / "train.txt", 30, 0), "hold_out": 0.2, "text": "text"}
    with pytest.raises(Fault, match="needs cells with one recurrent matrix, Zoneout has none"):
        _task(data, {"encoder": {"hidden": 8, "zoneout": 0.1}, "start": "orthogonal"})


def test_measurements_come_back_from_one_vector(tmp_path: Path) -> None:
    train, held = _waves(tmp_path / "train.jsonl", 200, 0), _waves(tmp_path / "held.jsonl", 30, 1)
    task = _task({"train": train, "validation": held, "vectors": "wave"})
    assert task.score.metric == "mse"
    before = task.evaluate()["mse"]
    _train(task, 15)
    scores = task.evaluate()
    assert scores["mse"] < 0.2 * before
    assert scores["r2"] > 0.8
    (answer,) = task.predict([[[5.0, 1.0]] * 4])
    assert len(answer["restored"]) == 4
    assert len(answer["restored"][0]) == 2
    json.dumps(answer)
    assert _reloaded(task, tmp_path / "run").evaluate() == scores


def test_answers_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    held = _waves(tmp_path / "held.jsonl", 7, 1)
    task = _task({"train": _waves(tmp_path / "train.jsonl", 30, 0), "validation": held, "vectors": "wave"})
    task.model.double().eval()
    rows = [torch.randn(n, 2, dtype=torch.float64) for n in (3, 6, 1)]
    together = task.model(Ragged.from_list(rows))[0].to_list()
    for row, back in zip(rows, together, strict=True):
        torch.testing.assert_close(task.model(Ragged.from_list([row]))[0].data, back)


def test_neighbours_are_those_of_the_nearest_direction(tmp_path: Path) -> None:
    train = _texts(tmp_path / "train.txt", 40, 0)
    task = _task({"train": train, "validation": train, "text": "text"})
    among = ["a b c", "d", "a b", "f f"]
    (found,) = task.nearest(["a b"], among, count=3)
    assert found["nearest"][0]["item"] == "a b"
    assert found["nearest"][0]["similarity"] == pytest.approx(1, abs=1e-5)
    vectors = torch.tensor([one["vector"] for one in task.encode(["a b", *among])])
    cosines = torch.cosine_similarity(vectors[:1], vectors[1:])
    assert [one["similarity"] for one in found["nearest"]] == pytest.approx(
        cosines.sort(descending=True).values[:3].tolist(), abs=1e-5
    )
    with pytest.raises(Fault, match="nothing to look among"):
        list(task.nearest(["a"], []))


def test_replaced_tokens_are_the_same_on_both_sides_and_repeat(tmp_path: Path) -> None:
    train = _texts(tmp_path / "train.txt", 60, 0, most=8)
    task = _task({"train": train, "validation": train, "text": "text", "replaced": 0.5})
    plain = _task({"train": train, "validation": train, "text": "text"})
    batch, again, untouched = task.batches(1)[0], task.batches(1)[0], plain.batches(1)[0]
    for source, targets in zip(batch.source.to_list(), batch.targets.to_list(), strict=True):
        assert torch.equal(source, targets)
    assert torch.equal(batch.source.data, again.source.data)
    changed = (batch.source.data != untouched.source.data).float().mean()
    assert 0.2 < changed < 0.6


def test_long_examples_are_left_out_and_counted(tmp_path: Path) -> None:
    train = _texts(tmp_path / "train.txt", 60, 0, most=8)
    task = _task({"train": train, "validation": train, "text": "text", "keep_up_to": 4})
    assert max(len(row.split()) for row in task.data.train) == 4
    assert any("are longer than 4" in line for line in task.check())
    long = tmp_path / "long.txt"
    long.write_text("a b c d e\n")
    with pytest.raises(Fault, match=r"long\.txt: every example is longer than keep_up_to = 4"):
        task.evaluate(long)


def test_common_subsequences_by_trying_all() -> None:
    rng = random.Random(0)
    for _ in range(50):
        one, other = ([rng.choice("ab") for _ in range(rng.randint(0, 6))] for _ in range(2))
        subsets = [[x for k, x in enumerate(one) if mask >> k & 1] for mask in range(2 ** len(one))]
        held = [part for part in subsets if _within(part, other)]
        assert common(one, other) == max(map(len, held))


def _within(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "exactly one of text, vectors and audio"),
        ({"text": "text", "vectors": "v"}, "exactly one of text, vectors and audio"),
        ({"vectors": "v", "replaced": 0.1}, "replaced and reversed are for texts alone"),
    ],
)
def test_settings_that_contradict_are_told(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AutoencodeDataOptions.model_validate({"train": "x", **data})


def test_the_command_gives_vectors_and_neighbours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _texts(tmp_path / "train.txt", 60, 0)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'task = "autoencode"\n[data]\ntrain = "{text}"\ntext = "text"\n'
        "[model]\nvector = 7\nembedding = 5\nencoder = { hidden = 6 }\ndecoder = { hidden = 6 }\n"
        "[train]\nepochs = 1\ntensorboard = false\n"
    )
    run = str(tmp_path / "run")
    assert main(["train", str(recipe), "-o", run]) == 0
    capsys.readouterr()
    assert main(["encode", run, "a b", "c"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["item"], len(one["vector"])) for one in told] == [("a b", 7), ("c", 7)]
    assert main(["encode", run, "a b", "--among", text, "--nearest", "2"]) == 0
    (near,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(near["nearest"]) == 2
    assert main(["encode", run, "a", "--file", text]) == 2
    assert "not both" in capsys.readouterr().err


# recordings


def _recordings(folder: Path, count: int) -> str:
    folder.mkdir()
    for k in range(count):
        pitch = 300 if k % 2 else 900
        sound = 0.3 * torch.sin(torch.arange(2400 + 160 * (k % 5)) * (2 * torch.pi * (pitch + 5 * k) / 8000))
        sound += 0.01 * torch.randn(len(sound), generator=torch.Generator().manual_seed(k))
        soundfile.write(folder / f"{'low' if k % 2 else 'high'}_{k}.wav", sound.numpy(), 8000)
    return str(folder)


def _sounds(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    source = {
        "path": _recordings(tmp_path / "sounds", 20),
        "format": "audio",
        "names": r"(?P<pitch>[a-z]+)_\d+",
    }
    sound = {"rate": 8000, "bands": 12, "window": 0.032, "hop": 0.016}
    return {"train": source, "hold_out": 6, "audio": "audio", "label": "pitch", "sound": sound, **changes}


def test_a_recording_comes_back_and_is_near_one_of_the_same_label(tmp_path: Path) -> None:
    task = _task(_sounds(tmp_path, batch_size=7))
    start = task.evaluate()
    _train(task, 30)
    figures = task.evaluate()
    assert figures["mse"] < 0.6 * start["mse"]
    assert figures["neighbour_pitch"] == 1
    loaded = _reloaded(task, tmp_path / "run")
    assert loaded.evaluate() == figures
    path = str(tmp_path / "sounds" / "low_1.wav")
    (answer,) = loaded.predict([path])
    assert answer["item"] == path
    assert len(answer["restored"]) == len(task.row(path).frames)
    assert len(answer["restored"][0]) == 12


def test_of_recordings_what_is_wrong_is_told(tmp_path: Path) -> None:
    task = _task(_sounds(tmp_path))
    with pytest.raises(Fault, match="shorter than one frame of 0.032: record it again, or set data.sound"):
        task.row(Recording(torch.ones(100, 1), 8000))
    with pytest.raises(Fault, match="3 found, expected the path of a recording"):
        task.row(3)
    with pytest.raises(ValueError, match="exactly one of text, vectors and audio"):
        AutoencodeDataOptions.model_validate({"train": "a", "text": "text", "audio": "audio"})
    with pytest.raises(ValueError, match="sound and label are for recordings alone"):
        AutoencodeDataOptions.model_validate({"train": "a.jsonl", "text": "text", "label": "pitch"})
