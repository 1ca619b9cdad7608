"""ONNX Runtime's LSTM and GRU, as a peer for streaming."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault

GATES = {"lstm": 4, "gru": 3}


def onnx_call(cell: str, width: int, rows: int, steps: int) -> Callable[[], object]:
    """A session's run over `steps` steps of `rows` rows, input = hidden = `width`; its state goes round.

    The session has one thread: with more it was not found faster at these sizes.

    Raises:
        Fault: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ModuleNotFoundError as error:
        raise Fault(f"the benchmark of steps needs {error.name}: pip install 'recurra[bench]'") from error
    generator = np.random.default_rng(0)

    def numbers(*shape: int) -> NDArray[np.float32]:
        return (0.1 * generator.standard_normal(shape)).astype(np.float32)

    outer = GATES[cell] * width
    weights = {
        "W": numbers(1, outer, width),
        "R": numbers(1, outer, width),
        "B": numbers(1, 2 * outer),
    }
    states = {"h": ("h_next", [1, rows, width])}
    if cell == "lstm":
        states["c"] = ("c_next", [1, rows, width])
    form: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
    node = helper.make_node(
        cell.upper(),
        ["x", "W", "R", "B", "", *states],
        ["y", *(next_name for next_name, _ in states.values())],
        hidden_size=width,
        **form,
    )

    def value(name: str, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [node],
        cell,
        [value("x", [steps, rows, width]), *(value(name, shape) for name, (_, shape) in states.items())],
        [
            value("y", [steps, 1, rows, width]),
            *(value(next_name, shape) for next_name, shape in states.values()),
        ],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    state = {name: np.zeros(shape, np.float32) for name, (_, shape) in states.items()}
    inputs = {"x": numbers(steps, rows, width), **state}

    def run() -> object:
        y, *next_states = session.run(None, inputs)
        inputs.update(zip(state, next_states, strict=True))
        return y

    return run
