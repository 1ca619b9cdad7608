"""Captions of tiny pictures: a bright corner of some colour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from recurra.errors import Fault
from recurra.explanation import explain
from recurra.models import AttentionDecoder, FedDecoder, PictureConvolution, PictureVectors, VectorDecoder
from recurra.models.pictures import with_motion
from recurra.ragged import Ragged
from recurra.tasks.caption.data import CaptionOptions
from recurra.tasks.caption.model import CaptionModelOptions
from recurra.tasks.caption.task import CaptionTask
from recurra.tasks.seq2seq.batches import pair_batch
from recurra.tasks.seq2seq.scores import bleu_figures, chrf_score, text_signatures
from tests.unit.tasks.fitting import fit, reloaded

COLOURS = {"red": (230, 30, 30), "green": (30, 230, 30), "blue": (30, 30, 230)}
PLACES = {"left": 0, "right": 6}
SMALL: dict[str, Any] = {
    "convolution": [{"channels": 8, "stride": 2}, {"channels": 12}],
    "view_width": 16,
    "embedding": 8,
    "decoder": {"hidden": 24, "cell": "gru"},
}


def _picture(colour: str, place: str, rng: np.random.Generator) -> np.ndarray:
    picture = rng.integers(0, 40, (8, 12, 3), dtype=np.uint8)
    y, x = rng.integers(0, 4), PLACES[place] + rng.integers(0, 2)
    picture[y : y + 4, x : x + 4] = COLOURS[colour]
    return picture


def _pictures(count: int, seed: int = 0) -> list[tuple[np.ndarray, str, str]]:
    rng = np.random.default_rng(seed)
    drawn = [(str(rng.choice([*COLOURS])), str(rng.choice([*PLACES]))) for _ in range(count)]
    return [(_picture(colour, place, rng), colour, place) for colour, place in drawn]


def _manifest(folder: Path, count: int, seed: int) -> str:
    """A table whose pictures stand beside it, two captions each."""
    folder.mkdir(exist_ok=True)
    lines = ["image\tcaption"]
    for number, (picture, colour, place) in enumerate(_pictures(count, seed)):
        Image.fromarray(picture).save(folder / f"{number}.png")
        lines += [f"{number}.png\t{colour} on the {place}", f"{number}.png\ton the {place} {colour}"]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    return str(folder / "captions.tsv")


def _task(train: str, held: str, model: dict[str, Any] | None = None, **data: Any) -> CaptionTask:
    options = CaptionOptions(**{"train": train, "validation": held, "batch_size": 20, **data})
    return CaptionTask.prepare(options, CaptionModelOptions(**{**SMALL, **(model or {})}), seed=0)


def _pair(folder: Path, model: dict[str, Any] | None = None, **data: Any) -> CaptionTask:
    return _task(_manifest(folder / "train", 80, 0), _manifest(folder / "held", 30, 1), model, **data)


def test_captions_of_files_are_learnt_and_words_look_at_places(tmp_path: Path) -> None:
    task = _pair(tmp_path, {"attention": "additive"})
    fit(task, 14)
    scores = task.evaluate()
    assert scores["exact"] >= 0.9
    assert scores["bleu"] >= 90
    picture = str(tmp_path / "held" / "0.png")
    (answer,) = task.predict([picture])
    json.dumps(answer)
    assert answer["image"] == picture
    colour, place = _pictures(1, 1)[0][1:]
    assert {colour, place} <= set(answer["tokens"])
    weights = torch.tensor(answer["weights"])
    assert weights.shape == (len(answer["tokens"]), 4, 6)
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(len(weights)), atol=3e-3, rtol=0)
    assert list(task.predict([{"image": picture}])) == [answer]
    other = reloaded(task, task.options, task.model_options, tmp_path / "run")
    assert list(other.predict([picture])) == [answer]
    assert other.evaluate(tmp_path / "held" / "captions.tsv") == pytest.approx(scores)
    assert "nrefs:2" in json.loads((tmp_path / "run" / "scoring.json").read_text())["bleu"]
    with pytest.raises(Fault, match="loaded to predict"):
        other.batches(0)
    drawn = tmp_path / "drawn.png"
    task.picture([picture, str(tmp_path / "held" / "1.png")], drawn)
    with Image.open(drawn) as image:
        assert image.width > 300
    assert "AdditiveAttention over the source, after the loop" in str(explain(task.model))


def test_the_weights_are_those_of_each_choice(tmp_path: Path) -> None:
    task = _pair(tmp_path, {"attention": "general", "search": {"beam": 1}})
    seen = task.seen(str(tmp_path / "held" / "0.png"))
    ((answer,),) = task.caption([seen])
    pair = (seen, torch.tensor(answer.hypothesis.ids, dtype=torch.int64))
    batch = pair_batch([pair], task.reader.end)
    with torch.no_grad():
        logits, weights = task.model.eval()(batch.source, batch.inputs)
    likeliest = logits.data.argmax(-1).tolist()
    assert likeliest[: len(answer.hypothesis.ids)] == answer.hypothesis.ids
    assert answer.weights is not None
    torch.testing.assert_close(answer.weights, weights.data[: len(answer.hypothesis.ids)])


def test_an_empty_caption_is_an_answer(tmp_path: Path) -> None:
    task = _pair(tmp_path, {"attention": "general"})
    task.model.bias.data[task.reader.end] = 100.0
    (answer,) = task.predict([str(tmp_path / "held" / "0.png")])
    assert (answer["text"], answer["tokens"], answer["weights"]) == ("", [], [])


def test_one_picture_has_its_captions_once(tmp_path: Path) -> None:
    task = _pair(tmp_path)
    train, held = task.data.train, task.data.validation
    assert (len(train.sources), len(train.pairs()), len(held.sources)) == (80, 160, 30)
    said = "\n".join(task.check())
    for part in ("train: 80 examples", "8 x 12 pixels (height x width) in 3 channels", "memory of the conv"):
        assert part in said
    assert "not held out" not in said
    same = _task(task.options.train, task.options.train)  # type: ignore[arg-type]
    assert "80 of the validation's pictures are in training too" in "\n".join(same.check())


def _save(path: Path, arrays: Sequence[np.ndarray], texts: Sequence[str]) -> dict[str, Any]:
    lengths = np.array([len(array) for array in arrays])
    np.savez(path, x=np.concatenate(arrays), x_lengths=lengths, said=np.array(texts))
    return {"path": str(path), "sequences": "x", "texts": "said"}


def _films(path: Path, count: int, seed: int) -> dict[str, Any]:
    """A dot that goes from one side to the other in 2 to 4 frames."""
    rng = np.random.default_rng(seed)
    films, texts = [], []
    for _ in range(count):
        colour, way = (
            str(rng.choice([*COLOURS])),
            ["left", "right"] if rng.random() < 0.5 else ["right", "left"],
        )
        ends = [_picture(colour, place, rng) for place in way]
        films.append(np.stack([*[ends[0]] * int(rng.integers(1, 3)), *[ends[1]] * int(rng.integers(1, 3))]))
        texts.append(f"{colour} goes {way[1]}")
    return _save(path, films, texts)


def test_films_need_their_order(tmp_path: Path) -> None:
    data = {"image": "vectors", "caption": "text"}
    model = {
        "view": "frames",
        "encoder": {"cell": "gru", "hidden": 16, "bidirectional": True},
        "pool": "last",
        "attention": "dot",
        "decoder": {"hidden": 32, "cell": "gru"},
    }
    train, held = _films(tmp_path / "a.npz", 120, 0), _films(tmp_path / "b.npz", 30, 1)
    task = _task(train, held, model, **data)  # type: ignore[arg-type]
    assert isinstance(task.model.source, PictureVectors)
    fit(task, 14)
    assert task.evaluate()["exact"] >= 0.9
    film = task.data.validation.sources[0].numpy()
    (answer,) = task.predict([{"vectors": film}])
    assert np.array(answer["weights"]).shape == (3, len(film))
    task.picture([film, film[:1]], tmp_path / "film.png")
    assert (tmp_path / "film.png").stat().st_size > 2000
    # the other way round it is the other film
    (back,) = task.predict([film[::-1].copy()])
    assert back["tokens"][:2] == answer["tokens"][:2]
    assert back["tokens"][2] != answer["tokens"][2]
    task.model.bias.data[task.reader.end] = 100.0  # nothing is said of any film, and that is drawn too
    task.picture([film], tmp_path / "empty.png")
    assert (tmp_path / "empty.png").is_file()


def test_the_vector_of_a_frame_tells_how_it_changed() -> None:
    torch.manual_seed(0)
    vectors = PictureVectors(PictureConvolution(8, 12, 3, [4], [2]), 5)
    first, second = torch.randint(0, 256, (2, 8, 12, 3))
    film, still = torch.stack([first, second]), torch.stack([second, second])
    moved, alone, stood = vectors(Ragged.from_list([film, film[1:], still])).to_list()
    torch.testing.assert_close(stood, alone.expand(2, -1))
    assert (moved[1] - alone[0]).abs().max() > 0.1
    torch.testing.assert_close(vectors(torch.stack([film, still])), torch.stack([moved, stood]))


def test_a_frame_may_be_seen_beside_what_changed() -> None:
    torch.manual_seed(0)
    first, second = torch.randint(0, 256, (2, 8, 12, 3), dtype=torch.uint8)
    film = torch.stack([first, second])
    moving = with_motion(Ragged.from_list([film, film[1:]])).to_list()
    torch.testing.assert_close(moving[0][:, :, :, :3], film.float())
    # bytes would wrap around below 0
    torch.testing.assert_close(moving[0][1, :, :, 3:], second.float() - first.float())
    assert not moving[0][0, :, :, 3:].any()
    assert not moving[1][0, :, :, 3:].any()
    torch.testing.assert_close(with_motion(film[None])[0], moving[0])
    vectors = PictureVectors(PictureConvolution(8, 12, 6, [4], [2]), 5, motion=True)
    torch.testing.assert_close(vectors(Ragged.from_list([film])).to_list()[0], vectors(film[None])[0])
    with pytest.raises(Fault, match="a convolution of 3 channels found, expected an even number"):
        PictureVectors(PictureConvolution(8, 12, 3, [4], [2]), 5, motion=True)


def test_motion_is_seen_in_frames(tmp_path: Path) -> None:
    train, held = _films(tmp_path / "a.npz", 8, 0), _films(tmp_path / "b.npz", 4, 1)
    data = {"image": "vectors", "caption": "text"}
    task = _task(train, held, {"view": "frames", "motion": True, "norm": "none"}, **data)  # type: ignore[arg-type]
    convolution = task.model.source.convolution
    assert convolution.scale.deviation[3:].min() > 1  # measured where something changes
    with pytest.raises(Fault, match="motion = true, view = 'places'"):
        _task(train, held, {"view": "places", "motion": True}, **data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "decoder"),
    [
        ({"view": "frames", "attention": "none", "pool": "last"}, VectorDecoder),
        ({"attention": "additive", "input_feeding": True}, FedDecoder),
        ({"attention": "general", "label_smoothing": 0.1, "tied": True, "output": 8}, AttentionDecoder),
    ],
)
def test_every_decoder_learns(tmp_path: Path, model: dict[str, Any], decoder: type) -> None:
    task = _pair(tmp_path, {**model, "search": {"beam": 3, "best": 2}})
    assert type(task.model.decoder) is decoder
    losses = fit(task, 3)
    assert losses[-1] < 0.75 * losses[0]
    (answer,) = task.predict([str(tmp_path / "held" / "0.png")])
    assert len(answer["answers"]) == 2
    assert ("weights" in answer) is (decoder is not VectorDecoder)


def test_features_made_elsewhere_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 60)
    rows = [np.eye(3)[[kind] * 4] + rng.normal(0, 0.1, (4, 3)) for kind in kinds]
    texts = [[*COLOURS][kind] for kind in kinds]
    data = _save(tmp_path / "a.npz", rows, texts)
    more = {"reads": "features", "image": "vectors", "caption": "text"}
    task = _task(data, data, {"attention": "scaled", "decoder": {"hidden": 16}}, **more)  # type: ignore[arg-type]
    fit(task, 12)
    assert task.evaluate()["exact"] >= 0.9
    (answer,) = task.predict([rows[0].tolist()])
    assert answer["text"] == texts[0]
    assert np.array(answer["weights"]).shape == (1, 4)
    other = reloaded(task, task.options, task.model_options, tmp_path / "run")
    assert list(other.predict([rows[0].tolist()])) == [answer]
    with pytest.raises(Fault, match="vectors of 2 numbers found, expected 3"):
        list(task.predict([[[1.0, 2.0]]]))
    task.picture([rows[0].tolist()], tmp_path / "a.png")  # where each word looked, by number
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_bad_data_is_told(tmp_path: Path) -> None:
    train, held = _manifest(tmp_path / "a", 20, 0), _manifest(tmp_path / "b", 10, 1)
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(tmp_path / "b" / "3.png")
    told = r"captions\.tsv:8: column 'image': 3\.png: 9 x 12 pixels .* found, expected 8 x 12 pixels"
    with pytest.raises(Fault, match=told):
        _task(train, held)
    assert _task(train, held, resize=(16, 16)).reader.source.shape == (16, 16, 3)  # type: ignore[union-attr]
    (tmp_path / "b" / "3.png").unlink()
    with pytest.raises(Fault, match=r"captions\.tsv:8: column 'image': .*3\.png: no such file"):
        _task(train, held)
    empty = tmp_path / "a" / "empty.jsonl"
    empty.write_text('{"image": "0.png", "caption": ["red", "so red"]}\n{"image": "1.png", "caption": []}\n')
    with pytest.raises(Fault, match=r"empty\.jsonl:2: a sequence of length 0"):
        _task(str(empty), train)
    assert _task(str(empty), train, empty="skip").data.train.captions == [["red", "so red"]]
    empty.write_text('{"image": "0.png", "caption": 5}\n')
    with pytest.raises(Fault, match="5 found, expected a text, or a list of texts"):
        _task(str(empty), train)
    with pytest.raises(Fault, match=r"a sequence of 4 steps, expected at most 2"):
        _task(train, train, max_length=2)
    with pytest.raises(ValueError, match="Input should be 1 or 2"):
        _task(train, train, {"convolution": [{"channels": 4, "stride": 3}]})
    task = _task(train, train)
    with pytest.raises(Fault, match="to predict: .*gone.png: no such file"):
        list(task.predict(["gone.png"]))
    grey = tmp_path / "grey.png"
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(grey)
    with pytest.raises(Fault, match=r"grey\.png: .* in 1 channel found.*: turn it into RGB, or set"):
        list(task.predict([str(grey)]))
    with pytest.raises(Fault, match=r"in 2 channels found.*: turn it into RGB"):
        list(task.predict([np.zeros((8, 12, 2), np.uint8)]))
    with pytest.raises(Fault, match="expected a picture, or a table with the key 'image'"):
        list(task.predict([{"picture": "a.png"}]))
    with pytest.raises(Fault, match="nothing to draw"):
        task.picture([], tmp_path / "a.png")


def test_scores_take_the_nearest_of_several_references() -> None:
    said, several = ["a b c d e", "f g h i j"], [["x y", "a b c d e"], ["f g h i j"]]
    weights = torch.ones(2, dtype=torch.float64)
    assert bleu_figures(said, several)(weights)["bleu"] == pytest.approx(100)
    assert bleu_figures(said, [one[0] for one in several])(weights)["bleu"] < 80
    assert chrf_score(said, several) == pytest.approx(100)


def test_bleu_by_what_is_counted_of_each_text_is_that_of_the_corpus() -> None:
    metrics = pytest.importorskip("sacrebleu.metrics", reason="sacrebleu is not installed")
    said = ["the cat sat on the mat .", "a dog runs far away today", "nothing here"]
    true = ["the cat sat on a mat .", "the dog runs far away", "something else"]
    figures = bleu_figures(said, true)
    for weights in ([1, 1, 1], [2, 0, 1], [0, 3, 0]):
        rows = [k for k, count in enumerate(weights) for _ in range(count)]
        corpus = metrics.BLEU().corpus_score([said[k] for k in rows], [[true[k] for k in rows]])
        assert figures(torch.tensor(weights, dtype=torch.float64))["bleu"] == pytest.approx(corpus.score)


def test_signatures_say_how_many_references_there_are() -> None:
    several = [["x y", "a b c d e"], ["f g h i j"]]
    assert "nrefs:var" in text_signatures(several)["bleu"]
    assert "nrefs:1|" in text_signatures()["bleu"]


@pytest.mark.data
def test_easy_vqa_gives_captions_where_its_questions_tell_them(shared_data: Path) -> None:
    from recurra.data import read

    examples = read(
        {"path": str(shared_data / "easy_vqa" / "easy_vqa.tar.gz"), "format": "easy_vqa", "part": "test"}
    )
    captions = examples["caption"]
    assert (len(captions), sum(map(len, captions))) == (1000, 880)
    assert captions[0] == ["a red triangle"]
    assert len({text for texts in captions for text in texts}) == 24
    assert examples["image"][0].startswith(b"\x89PNG")
