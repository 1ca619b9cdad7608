from collections.abc import Sequence
from typing import Any

OPS: dict[str, int]
SPACES: dict[str, int]

def level() -> str: ...
def use_team(team: int) -> None: ...

class _Loop:
    def __init__(
        self,
        inputs: Sequence[int],
        states: Sequence[int],
        outputs: Sequence[int],
        temporaries: Sequence[int],
        vectors: Sequence[int],
        locals: Sequence[int],
        totals: Sequence[int],
        weights: Sequence[int],
        immediates: Sequence[float],
        lines: Sequence[int],
        next: Sequence[int],
    ) -> None: ...

class LoopF32(_Loop): ...
class LoopF64(_Loop): ...

class _Call:
    def __init__(
        self,
        loop: _Loop,
        given: Sequence[int],
        rooms: Sequence[Sequence[int]],
        inputs: Sequence[int],
        outputs: Sequence[int],
        vectors: Sequence[int],
        weights: Sequence[tuple[int, int]],
        loop_weights: Sequence[tuple[int, bool]],
        before: Sequence[Sequence[int]],
        after: Sequence[Sequence[int]],
        gradients: Sequence[Sequence[int]],
        sums: Sequence[int],
    ) -> None: ...
    def run(
        self,
        rows: int,
        batch_sizes: Sequence[int],
        reverse: bool,
        given: Sequence[int],
        rooms: Sequence[int],
        states: Sequence[int],
        weights: Sequence[int],
        vectors: Sequence[int],
        finals: Sequence[int],
        totals: Sequence[int],
        gradients: Sequence[int],
        sums: Sequence[int],
        threads: int,
    ) -> tuple[float, float, float]: ...

class CallF32(_Call): ...
class CallF64(_Call): ...

def gemm_f32(
    rows: int,
    depth: int,
    width: int,
    a: int,
    a_row: int,
    a_column: int,
    b: int,
    b_row: int,
    b_column: int,
    bias: int,
    c: int,
    c_row: int,
    add: bool,
    threads: int,
) -> None: ...
def gemm_f64(
    rows: int,
    depth: int,
    width: int,
    a: int,
    a_row: int,
    a_column: int,
    b: int,
    b_row: int,
    b_column: int,
    bias: int,
    c: int,
    c_row: int,
    add: bool,
    threads: int,
) -> None: ...
def column_sums_f32(x: int, stride: int, rows: int, width: int, sums: int, threads: int) -> None: ...
def column_sums_f64(x: int, stride: int, rows: int, width: int, sums: int, threads: int) -> None: ...

StepperParts: Any
Stepper: Any
