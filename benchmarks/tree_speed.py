"""One epoch of a Tree-LSTM over the Stanford Sentiment Treebank, beside the loop over nodes in plain PyTorch.

    python benchmarks/tree_speed.py [--threads 2] [--rounds 3] [--cell tree_lstm] [-o trees.json]

Both sides: the 8,544 training trees in batches of 25, inputs of 50 numbers a node (random: what they are does
not change the time), 150 units, five classes at every node, cross-entropy, AdaGrad. Forward, backward and
update are timed, with what makes a forest of each batch. The loop over nodes is what a user writes: a call of
the cell for each node, children first; it is measured on every 40th batch, and counted up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from recurra import Forest, TreeCell, explain, fold
from recurra.cells import TREE_CELLS
from recurra.cli.app import exit_code
from recurra.data.readers.trees import read_trees
from recurra.data.text.trees import Tree
from recurra.state import map_state
from recurra.storage.files import write_json

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
BATCH, IN, UNITS, CLASSES = 25, 50, 150, 5
REACH_SECONDS, REACH_TIMES = 6.0, 10.0


class Batch:
    """Trees as lists of children, children before their parents; data and labels of all nodes."""

    def __init__(self, trees: list[Tree], generator: torch.Generator) -> None:
        self.children: list[list[list[int]]] = []
        labels: list[int] = []
        for tree in trees:
            nodes, numbers = list(tree.nodes()), dict[int, int]()
            for number, node in enumerate(nodes):
                numbers[id(node)] = number
            self.children.append([[numbers[id(child)] for child in node.children] for node in nodes])
            labels += [int(node.label) for node in nodes]
        self.labels = torch.tensor(labels)
        self.x = torch.randn(len(labels), IN, generator=generator)


class Model(nn.Module):
    def __init__(self, cell: TreeCell) -> None:
        super().__init__()
        self.cell, self.classes = cell, nn.Linear(UNITS, CLASSES)


def batched(model: Model, batch: Batch) -> Tensor:
    """Scores of all nodes, in the order of the batch."""
    y, _ = fold(model.cell, Forest.from_children(batch.x, batch.children), strict=True)
    return model.classes(y.node_data())  # type: ignore[no-any-return]


def node_by_node(model: Model, batch: Batch) -> Tensor:
    """As `batched`."""
    cell, results, start = model.cell, list[Tensor](), 0
    empty: Any = cell.initial_state(1)
    for tree in batch.children:
        states: list[Any] = []
        for number, children in enumerate(tree):
            x = batch.x[start + number : start + number + 1]
            below = [states[child] for child in children]
            if cell.slots is None:
                parts = [cell.edge(x, child) for child in below] or [cell.edge(x, empty)]
                y, state = cell.step(x, map_state(lambda *leaves: sum(leaves), *parts))
            else:
                y, state = cell.step(x, *below, *[empty] * (cell.slots - len(below)))
            states.append(state)
            results.append(y)
        start += len(tree)
    return model.classes(torch.cat(results))  # type: ignore[no-any-return]


def seconds(
    scores: Callable[[Model, Batch], Tensor], model: Model, batches: list[Batch], optimizer: Any
) -> tuple[float, float]:
    """Of training on all the batches: passed, and those of processors, which others on the machine hardly
    change.
    """
    start, busy = time.perf_counter(), time.process_time()
    for batch in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(scores(model, batch), batch.labels).backward()
        optimizer.step()
    return time.perf_counter() - start, time.process_time() - busy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA / "sst" / "train.txt.gz")
    parser.add_argument("--cell", default="tree_lstm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=int, default=1, help="of all batches every so many")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    trees = read_trees(options.data).columns["tree"]
    starts = range(0, len(trees), BATCH * options.share)
    batches = [Batch(trees[k : k + BATCH], generator) for k in starts]
    nodes = sum(len(batch.labels) for batch in batches)
    count = sum(len(batch.children) for batch in batches)
    print(f"{count} trees, {nodes} nodes, {len(batches)} batches, {options.threads} threads")
    model = Model(TREE_CELLS[options.cell](IN, UNITS))
    print(explain(model))
    optimizer = torch.optim.Adagrad(model.parameters(), 0.05)
    first = batches[0]
    torch.testing.assert_close(batched(model, first), node_by_node(model, first), rtol=1e-4, atol=1e-5)
    seconds(batched, model, batches[:20], optimizer)
    sample = batches[::40]
    of_sample = nodes / sum(len(batch.labels) for batch in sample)
    results: dict[str, list[tuple[float, float]]] = {"fold": [], "node by node": []}
    for _ in range(options.rounds):
        results["fold"].append(seconds(batched, model, batches, optimizer))
        passed, busy = seconds(node_by_node, model, sample, optimizer)
        results["node by node"].append((passed * of_sample, busy * of_sample))
    for name, rounds in results.items():
        for k, kind in enumerate(("seconds", "processor seconds")):
            spread = ", ".join(f"{times[k]:.2f}" for times in rounds)
            print(f"{name}: {statistics.median(times[k] for times in rounds):.2f} {kind} an epoch ({spread})")
    epoch, loop = (statistics.median(times[0] for times in rounds) for rounds in results.values())
    print(f"{nodes / epoch:,.0f} nodes a second (reach: {REACH_SECONDS:g} seconds an epoch)")
    print(f"{loop / epoch:.1f} times as fast as node by node (reach: {REACH_TIMES:g})")
    if options.output:
        write_json(options.output, {"threads": options.threads, **results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
