"""Whether the forget bias, by how far back it lets the gradient reach before training, foretells which LSTM
learns the adding problem sooner.

    python benchmarks/forget_bias.py --steps 200 --seeds 5

Prints a table: for each seed and bias the reach before the first update, and the updates until 95 % of
fresh rows are answered to 0.2.
"""

from __future__ import annotations

import argparse
from statistics import mean, median

import torch

from recurra.cells import LSTM
from recurra.cli.app import exit_code
from recurra.inspect.finding import percent
from recurra.inspect.practice import memory_reach, score, train
from recurra.inspect.problems import PROBLEMS, LastAnswer

PROBLEM = PROBLEMS["adding"]
BIASES = (0.0, 1.0)
SOLVED, CHECKED_EVERY, RATE = 0.95, 100, 1e-2


def measure(bias: float, steps: int, hidden: int, updates: int, seed: int) -> tuple[int, int, float]:
    """Reach before training, updates done, share of rows right after them."""
    torch.manual_seed(seed)
    model = LastAnswer(LSTM(PROBLEM.inputs, hidden, forget_bias=bias), PROBLEM.outputs)
    reach = memory_reach(model, PROBLEM, steps)

    def solved(number: int) -> bool:
        return number % CHECKED_EVERY == 0 and score(model, PROBLEM, steps)[1] >= SOLVED

    laps = train(model, PROBLEM, steps, updates, rate=RATE, seed=seed, stop=solved)
    return reach, len(laps), score(model, PROBLEM, steps)[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=200, help="of each row")
    parser.add_argument("--seeds", type=int, default=5, help="trainings with each bias")
    parser.add_argument("--hidden", type=int, default=64, help="units")
    parser.add_argument("--updates", type=int, default=6000, help="at most")
    options = parser.parse_args()
    print("| seed | bias | reach before | updates | right |\n| --- | --- | --- | --- | --- |")
    results: dict[float, list[tuple[int, int, float]]] = {bias: [] for bias in BIASES}
    for seed in range(options.seeds):
        for bias in BIASES:
            result = measure(bias, options.steps, options.hidden, options.updates, seed)
            results[bias].append(result)
            print(f"| {seed} | {bias:g} | {result[0]} | {result[1]:,} | {percent(result[2])} |", flush=True)
    for bias, rows in results.items():
        solved = sum(right >= SOLVED for _, _, right in rows)
        print(
            f"\nbias {bias:g}: reach {mean(row[0] for row in rows):.1f} in the mean, solved {solved} of "
            f"{len(rows)}, {median(row[1] for row in rows):,.0f} updates in the median"
        )


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
