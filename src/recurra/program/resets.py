"""A program whose state starts afresh where a flag says so."""

from __future__ import annotations

import math
from dataclasses import replace

from recurra.program.program import Program
from recurra.program.value import Value


def with_resets(program: Program) -> tuple[Program, int, dict[str, int]]:
    """The program with one more input a step, and one more weight a state.

    What no step changes (the masks of a run, say) belongs to the run and does not start afresh.

    Returns:
        the program; the number of the flags (`[N, 1]`, bool, a leaf `reset`); name -> the number of the
        fixed leaf that holds the state to start from (`[width]`).
    """
    values: list[Value] = []
    renamed: dict[int, int] = {}
    states: dict[str, int] = {}
    initial: dict[str, int] = {}

    def add(value: Value) -> int:
        values.append(value)
        return len(values) - 1

    flags = add(Value("reset", (), ("reset",), (1,)))
    for name, number in program.states.items():
        shape = program.values[number].shape
        states[name] = add(program.values[number])
        if program.next_states[name] == number:
            renamed[number] = states[name]
            continue
        initial[name] = add(Value("fixed", (), (f"initial.{name}",), (math.prod(shape),), fixed=True))
        renamed[number] = add(Value("where", (flags, initial[name], states[name]), (), shape))
    for number, value in enumerate(program.values):
        if number not in renamed:
            renamed[number] = add(replace(value, args=tuple(renamed[arg] for arg in value.args)))
    changed = Program(
        tuple(values),
        renamed[program.x],
        states,
        {name: renamed[number] for name, number in program.next_states.items()},
        renamed[program.y],
    )
    return changed, flags, initial
