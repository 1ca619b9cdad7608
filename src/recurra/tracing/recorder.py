"""What torch's own recorder does, for this thread alone.

`make_fx` marks the whole process as recording: meanwhile compiled functions of other threads raise, and
calls of their modules go through wrappers that it puts into `nn.Module`. What it records by is each
thread's own, and that is all that is used here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import ProxyTorchDispatchMode, PythonKeyTracer, wrap_key
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils import _pytree as pytree

from recurra.tracing.places import current_place


class _Tracer(PythonKeyTracer):
    """Notes for each call the line that it comes from."""

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        node.meta["place"] = current_place()
        return node


def recorded_graph(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    decompositions: Mapping[Any, Callable[..., Any]] | None = None,
) -> fx.GraphModule:
    """The calls of `function(*arguments)` in their order, on tensors without numbers.

    Args:
        function: of positional arguments alone; its result is a tree of tensors.
        arguments: trees of tensors.
        decompositions: operation -> what it is made of, to be recorded in its place.

    Returns:
        a graph of one placeholder for each tensor, in the tree's order.
    """
    tracer = _Tracer()
    tracer.record_stack_traces = False
    tracer.root = nn.Module()
    tracer.tensor_attrs = {}
    tracer.graph = fx.Graph(tracer_cls=PythonKeyTracer)
    fake = FakeTensorMode(allow_fallback_kernels=True, shape_env=ShapeEnv(), static_shapes=True)
    tensors = pytree.tree_map_only(Tensor, fake.from_tensor, arguments)
    flat, tree = pytree.tree_flatten(tensors)
    proxies = [tracer.create_proxy("placeholder", f"arg{k}", (), {}) for k in range(len(flat))]
    proxy_mode = ProxyTorchDispatchMode(tracer, "fake", decomposition_table=dict(decompositions or {}))

    def run(*flat: Tensor) -> Any:
        return function(*pytree.tree_unflatten(list(flat), tree))

    with fake, proxy_mode:
        results = wrap_key(run, tuple(flat), tracer, False)(*proxies)
        tracer.create_node("output", "output", (tracer.create_arg(results),), {})
    return fx.GraphModule(tracer.root, tracer.graph)
