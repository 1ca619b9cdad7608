"""What published figures count, against cases counted by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from recurra.data.text.spans import Span, spans
from recurra.recipes import find_recipe
from recurra.storage.toml_text import read_toml
from recurra.tasks.compose.data import ComposeOptions
from recurra.tasks.compose.model import ComposeModelOptions
from recurra.tasks.compose.task import ComposeTask
from recurra.tasks.forecast.model import ForecastModelOptions
from recurra.tasks.forecast.options import ForecastOptions
from recurra.tasks.forecast.task import ForecastTask
from recurra.tasks.parts.metrics import span_counts, span_figures
from recurra.tasks.trajectory.data import TrajectoryOptions
from recurra.tasks.trajectory.model import TrajectoryModelOptions
from recurra.tasks.trajectory.task import TrajectoryTask


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        # the script lets a span begin at B, at I after O, and where the type changes
        ("I-x I-x O I-y", [("x", 0, 2), ("y", 3, 4)]),
        ("I-x B-x I-x", [("x", 0, 1), ("x", 1, 3)]),
        ("I-x I-y I-y I-x", [("x", 0, 1), ("y", 1, 3), ("x", 3, 4)]),
        ("B-x I-y B-y O I-y I-x", [("x", 0, 1), ("y", 1, 2), ("y", 2, 3), ("y", 4, 5), ("x", 5, 6)]),
        ("O O B-x", [("x", 2, 3)]),
    ],
)
@pytest.mark.parametrize("scheme", ["IOB1", "BIO"])
def test_conlleval_reads_odd_tags(tags: str, wanted: list[tuple[str, int, int]], scheme: str) -> None:
    """The script of CoNLL-2000 (Tjong Kim Sang and Buchholz) asks for no scheme: both are read alike."""
    assert spans(tags.split(), scheme) == [Span(*each) for each in wanted]


def test_conlleval_counts_spans() -> None:
    """
    True: x(0,2) y(2,3) x(4,5) | x(0,1): 4. Answered: x(0,2) y(2,4) x(4,5) x(5,6) | y(0,1): 5. Right: x(0,2)
    and x(4,5). A span does not go on over the end of a sentence.
    """
    truth = ["I-x I-x I-y O I-x O", "I-x"]
    answer = ["I-x I-x I-y I-y I-x B-x", "I-y"]
    counts = [span_counts(t.split(), a.split(), "IOB1") for t, a in zip(truth, answer, strict=True)]
    figures = span_figures(counts)(torch.ones(2, dtype=torch.float64))
    assert figures == pytest.approx({"precision": 2 / 5, "recall": 2 / 4, "f1": 4 / 9})


def test_music_is_counted_in_nats_a_step(tmp_path: Path) -> None:
    """Chung et al. (2014): the binary cross-entropies of all keys are added, and averaged over steps.

    The first key is told with 3/4, the second with 1/4. A right guess costs a = ln 4/3, a wrong one b = ln 4.
    The piece 10 10 11 costs 2a, 2a, a + b, the piece 01 costs 2b: (5a + 3b) / 4 a step, where the mean over
    pieces would be ((5a + b) / 3 + 2b) / 2. Without each piece's first step: (2a + a + b) / 2.
    """
    rolls = np.array([[1, 0], [1, 0], [1, 1], [0, 1]], dtype=np.uint8)
    lengths = np.array([3, 1], dtype=np.int32)
    parts = {
        name: array
        for part in ("train", "valid", "test")
        for name, array in ((part, rolls), (f"{part}_lengths", lengths))
    }
    np.savez(tmp_path / "a.npz", **parts)
    source = {"path": str(tmp_path / "a.npz"), "sequences": "train"}
    asked = ComposeOptions(train=source, validation={**source, "sequences": "valid"})
    task = ComposeTask.prepare(asked, ComposeModelOptions(cell="gru", hidden=3), seed=0)
    with torch.no_grad():
        task.model.output.weight.zero_()
        task.model.output.bias.copy_(torch.tensor([math.log(3), -math.log(3)]))
    right, wrong = math.log(4 / 3), math.log(4)
    figures = task.evaluate()
    assert figures["nll"] == pytest.approx((5 * right + 3 * wrong) / 4, rel=1e-5)
    assert figures["nll_after_first"] == pytest.approx((3 * right + wrong) / 2, rel=1e-5)


def test_informers_parts_and_scale(tmp_path: Path) -> None:
    """Zhou et al. (2021): parts follow one another, contexts reach back into the part before, every window is
    counted, and errors are in deviations of the training part. Rows after the three parts are not used.

    Values are 0, 1, 2, ...: of the 12 training rows the variance is (12^2 - 1) / 12 = 143 / 12. The last
    value repeated is 1 and 2 off: MSE 5/2 over that variance, MAE 3/2 over its root. Windows:
    12 - 3 - 2 + 1 = 8 to train on; 4 - 2 + 1 = 3 to validate and to test on.
    """
    start = datetime(2016, 7, 1)
    lines = [f"{start + timedelta(hours=n)},{n if n < 20 else 1000 + n}" for n in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["date,OT", *lines]) + "\n")
    asked = ForecastOptions(
        train=str(tmp_path / "a.csv"), targets=["OT"], time="date", split=(12, 4, 4), context=3, horizon=2
    )
    task = ForecastTask.prepare(asked, ForecastModelOptions(cell="gru", hidden=3), seed=0)
    assert [len(task.data.part(name)) for name in ("train", "validation", "test")] == [8, 3, 3]
    for name, first in (("train", 0.0), ("validation", 9.0), ("test", 13.0)):
        context, future, _ = task.data.part(name).take([0])
        assert [*context.flatten().tolist(), *future.flatten().tolist()] == [first + k for k in range(5)]
    for part in ("validation", "test"):
        figures = task.evaluate(part)
        assert figures["last_mse"] == pytest.approx(2.5 / (143 / 12), rel=1e-5)
        assert figures["last_mae"] == pytest.approx(1.5 / math.sqrt(143 / 12), rel=1e-5)


def test_the_recipe_of_etth1_has_informers_months() -> None:
    months = [30 * 24 * count for count in (12, 4, 4)]
    assert read_toml(find_recipe("etth1"))["data"]["split"] == months


def test_pedestrians_are_seen_for_8_frames_and_told_for_12(tmp_path: Path) -> None:
    """Alahi et al. (2016), Gupta et al. (2018): a frame is 0.4 s, 10 numbers of the video. Errors are in
    metres: ADE over the 12 steps, FDE at the last one, the mean over walkers.

    One walks 0.4 m a frame and stops at the eighth: constant velocity is off by 0.4 k after k steps, 2.6 on
    average, 4.8 in the end. One goes on: 0. So ADE 1.3, FDE 2.4. One misses a frame, and one is there for 19
    frames: no window. One walks alone in other frames: no window, as `together` asks for two.
    """
    lines = []
    for k in range(20):
        frame = 780 + 10 * k
        lines += [f"{frame}\t1\t{0.4 * min(k, 7):.3f}\t1.0", f"{frame}\t2\t5.0\t{-0.4 * k:.3f}"]
        lines += [f"{frame}\t3\t{0.1 * k:.3f}\t0.0"] if k != 12 else []
        lines += [f"{frame}\t4\t{0.1 * k:.3f}\t3.0"] if k < 19 else []
        lines += [f"{frame + 1000}\t5\t{0.1 * k:.3f}\t0.0"]
    (tmp_path / "scene.txt").write_text("\n".join(lines) + "\n")
    table = read_toml(find_recipe("eth_ucy"))["data"]
    source = {**table["common"], "path": str(tmp_path / "scene.txt")}
    settings = {name: table[name] for name in ("context", "horizon", "together", "series", "time")}
    asked = TrajectoryOptions(train=source, validation=source, **settings)
    task = TrajectoryTask.prepare(asked, TrajectoryModelOptions(cell="gru", hidden=3), seed=0)
    figures = task.evaluate()
    assert figures["windows"] == 2
    assert figures["constant_ade"] == pytest.approx(1.3, rel=1e-4)
    assert figures["constant_fde"] == pytest.approx(2.4, rel=1e-4)


def test_bleu_is_that_of_the_reported_signature() -> None:
    """Post (2018). "a b c d e" against "a b c d f": 4/5 words, 3/4 pairs, 2/3 triples, 1/2 quadruples and no
    brevity penalty: the fourth root of 1/5. Two words less, "a b c" against "a b c d e" beside it: 7/8, 5/6,
    3/4, 1/2 and a penalty of exp(1 - 10/8).
    """
    pytest.importorskip("sacrebleu", reason="sacreBLEU is not installed")
    from recurra.tasks.seq2seq.scores import bleu_figures, text_signatures

    one = bleu_figures(["a b c d e"], ["a b c d f"])(torch.ones(1, dtype=torch.float64))
    assert one["bleu"] == pytest.approx(100 * 0.2**0.25)
    both = bleu_figures(["a b c d e", "a b c"], ["a b c d f", "a b c d e"])
    product = 7 / 8 * 5 / 6 * 3 / 4 * 1 / 2
    wanted = 100 * math.exp(1 - 10 / 8) * product**0.25
    assert both(torch.ones(2, dtype=torch.float64))["bleu"] == pytest.approx(wanted)
    assert text_signatures()["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
