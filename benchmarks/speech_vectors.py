"""What the vectors of an auto-encoder of spoken digits hold: how near copies come, beside always answering
the mean frame of training, and whether the nearest vector of training is of the same word or voice.

    recurra train speech_autoencoder -o runs/speech
    python benchmarks/speech_vectors.py runs/speech
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.cli.app import exit_code
from recurra.runs import load


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    task: Any = load(parser.parse_args(arguments).run)
    rows = task.data.select("test").examples
    task.data.read_train()
    train = task.data.train
    frames = torch.cat([row.frames for row in rows])
    copies = torch.cat([torch.tensor(copy) for copy in task.restored(rows)])
    mean = torch.cat([row.frames for row in train]).mean(0)
    print(
        f"mean square, of copies {squared(copies, frames):.2f}, of the mean frame {squared(mean, frames):.2f}"
    )
    likeness = F.normalize(task.vectors(rows), dim=-1) @ F.normalize(task.vectors(train), dim=-1).T
    words, voices = [[row.label for row in part] for part in (rows, train)], [speakers(rows), speakers(train)]
    print(f"nearest is of the same word     {agreement(likeness, *words):.1%}")
    print(f"nearest is of the same speaker  {agreement(likeness, *voices):.1%}")
    own = torch.tensor([[voice == other for other in voices[1]] for voice in voices[0]])
    others = agreement(likeness.masked_fill(own, -2), *words)
    print(f"nearest of another speaker is of the same word  {others:.1%}")
    return 0


def squared(guess: Tensor, frames: Tensor) -> float:
    """The mean squared distance."""
    return float((guess - frames).square().mean())


def speakers(rows: Sequence[Any]) -> list[str]:
    """As the names of files tell."""
    return [re.sub(r".*\d_([a-z]+)_\d+\.wav", r"\1", row.name) for row in rows]


def agreement(likeness: Tensor, labels: Sequence[str], others: Sequence[str]) -> float:
    """How often the likest has the same label."""
    pairs = zip(labels, likeness.argmax(1).tolist(), strict=True)
    return sum(label == others[k] for label, k in pairs) / len(labels)


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
