"""Named state: a NamedTuple of tensors, or a dictionary of such for composed modules.

A state is a tree: a tensor `[B, ...]`, a NamedTuple of trees, a dictionary of trees, or None (nothing is
remembered). Its leaves have dotted names (`layers.0.h`), which files, streams and messages use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor

from recurra.errors import Fault
from recurra.recording import shape_of

State = Any
"""A tree of tensors; the alias says what a signature means."""


def is_named(state: object) -> bool:
    """Whether `state` is a NamedTuple instance."""
    return isinstance(state, tuple) and hasattr(state, "_fields")


def map_state(function: Callable[..., Any], state: State, *others: State) -> State:
    """The tree of `function(leaf, *other_leaves)`; the trees must have the same shape."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return function(state, *others)
    if isinstance(state, dict):
        return {
            name: map_state(function, tree, *(other[name] for other in others))
            for name, tree in state.items()
        }
    if is_named(state):
        fields = zip(state, *others, strict=True)
        return type(state)(*(map_state(function, *trees) for trees in fields))
    raise Fault(f"a state is made of tensors, NamedTuples and dictionaries, found {type(state).__name__}")


def named_leaves(state: State, prefix: str = "") -> dict[str, Tensor]:
    """Dotted name -> tensor, in the tree's own order; a tree of other things is a Fault.

    Args:
        prefix: what the tree itself is called; a tree that is one tensor is `state` without.
    """
    if state is None:
        return {}
    if isinstance(state, Tensor):
        return {prefix or "state": state}
    if isinstance(state, dict):
        pairs = list(state.items())
    elif is_named(state):
        pairs = list(zip(state._fields, state, strict=True))
        if not prefix and all(isinstance(leaf, Tensor) for leaf in state):  # at every run of most cells
            return dict(pairs)
    else:
        raise Fault(f"a state is made of tensors, NamedTuples and dictionaries, found {type(state).__name__}")
    leaves: dict[str, Tensor] = {}
    for name, tree in pairs:
        leaves.update(named_leaves(tree, f"{prefix}.{name}" if prefix else str(name)))
    return leaves


def replace_leaves(state: State, leaves: dict[str, Tensor]) -> State:
    """`state` with every leaf taken from `leaves` by its dotted name; a missing or extra name is a Fault."""
    names = named_leaves(state)
    if names.keys() != leaves.keys():
        missing, extra = sorted(names.keys() - leaves.keys()), sorted(leaves.keys() - names.keys())
        raise Fault(f"state does not fit: missing {missing or 'nothing'}, not expected {extra or 'nothing'}")
    return with_leaves(state, (leaves[name] for name in names))


def with_leaves(state: State, leaves: Iterable[Tensor]) -> State:
    """`state` with its leaves replaced by as many others, in the tree's own order."""
    rest = iter(leaves)
    tree = map_state(lambda _: next(rest), state)
    if next(rest, None) is not None:
        raise ValueError("more leaves than the state has")
    return tree


def flat_rows(leaf: Tensor) -> Tensor:
    """`[B, ...]` as `[B, n]`: a leaf of one number a row may be `[B]`, and has one column."""
    return leaf.flatten(1) if leaf.dim() > 1 else leaf.unsqueeze(-1)


def detach(state: State) -> State:
    """The same values cut off from the graph: what truncated back-propagation carries on."""
    return map_state(Tensor.detach, state)


def select_rows(state: State, rows: Tensor) -> State:
    """The rows `[k]` (int64) of every leaf, in that order."""
    return map_state(lambda leaf: leaf.index_select(0, rows.to(leaf.device)), state)


def require_step(result: Any, rows: int, prev_state: State, who: str) -> tuple[Tensor, State]:
    """What a step returned, if it is y `[rows, width]` and the next state; else a Fault.

    Args:
        prev_state: what the step started from.
        who: class of the step's module, for messages.
    """
    if not (isinstance(result, tuple) and len(result) == 2 and not is_named(result)):
        raise Fault(f"{who}.step: returned a {type(result).__name__}, expected (y, the next state)")
    y, next_state = result
    if not isinstance(y, Tensor) or y.dim() != 2 or shape_of(y)[0] != rows:
        fault = (
            f"has shape {_in_rows(y.shape, rows)}" if isinstance(y, Tensor) else f"is a {type(y).__name__}"
        )
        raise Fault(f"{who}.step: y {fault}, expected a tensor [batch, output_size]")
    require_same_shapes(prev_state, next_state, who)
    return y, next_state


def _in_rows(shape: Sequence[int], rows: int) -> str:
    return "[" + ", ".join("batch" if size == rows else str(size) for size in shape) + "]"


def require_same_shapes(prev_state: State, next_state: State, who: str) -> None:
    """Fault unless a step's new state has the names and shapes of its old one."""
    try:
        old, new = named_leaves(prev_state), named_leaves(next_state)
    except Fault as fault:
        raise Fault(f"{who}.step: {fault}") from None
    if list(old) != list(new):
        raise Fault(
            f"{who}.step: returned a state with {list(new) or 'no fields'}, expected {list(old) or 'none'}"
        )
    for name, leaf in old.items():
        if shape_of(new[name]) != shape_of(leaf):
            rows = leaf.shape[0]
            raise Fault(
                f"{who}.step: state {name} has shape {_in_rows(new[name].shape, rows)} after the step, "
                f"expected {_in_rows(leaf.shape, rows)} as before it"
            )
