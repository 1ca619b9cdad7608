"""From the gradients of a graph's results back to those of its leaves."""

from __future__ import annotations

from itertools import pairwise

from recurra.lowering.gradients import GRADIENTS
from recurra.lowering.graph import Graph


class Sweep:
    """Gradients on their way back: shares are given to nodes, and collected node by node, the last first.

    Args:
        graph: to which the gradients are added.
        active: nodes that gradients are needed of; what is given to others is dropped.
    """

    def __init__(self, graph: Graph, active: frozenset[int]) -> None:
        self.graph = graph
        self.active = active
        self.shares: dict[int, list[int]] = {}
        self.pieces: dict[int, list[tuple[int, int, int]]] = {}

    def give(self, number: int, grad: int) -> None:
        """One share of a node's gradient."""
        if number in self.active:
            self.shares.setdefault(number, []).append(grad)

    def back(self, number: int, grad: int) -> None:
        """Shares a node's gradient out to its arguments."""
        graph, node = self.graph, self.graph[number]
        if number in graph.gradients:
            for arg, share in graph.gradients[number](graph, grad):
                self._share(arg, share)
        elif node.op == "slice":
            start, stop = node.attrs
            if node.args[0] in self.active:
                self.pieces.setdefault(node.args[0], []).append((start, stop, grad))
        else:
            args: list[int | None] = [arg if arg in self.active else None for arg in node.args]
            if node.op == "product":
                args[1:] = [None] * (len(args) - 1)  # the bias is summed after the loop
                if args[0] is None:
                    return
            shares = GRADIENTS[node.op](graph, number, node, grad)
            for target, part in zip(args, shares, strict=True):
                if target is not None and part is not None:
                    self._share(target, part)

    def _share(self, arg: int, share: int) -> None:
        graph = self.graph
        if graph.width(arg) == 1:
            share = graph.reduce("sum", share)
        self.give(arg, share)

    def collect(self, number: int) -> int | None:
        """All that came back to a node, at its full width; None: nothing did."""
        graph, width = self.graph, self.graph.width(number)
        shares = self.shares.pop(number, [])
        pieces = self.pieces.pop(number, [])
        if pieces:
            shares.append(self._joined(pieces, width))
        if not shares:
            return None
        return graph.broadcast(graph.sum_of(shares), width)

    def _joined(self, pieces: list[tuple[int, int, int]], width: int) -> int:
        """Gradients of slices side by side, those that overlap added, zero between them."""
        graph = self.graph
        ends = sorted({0, width, *(end for start, stop, _ in pieces for end in (start, stop))})
        parts: list[int] = []
        for first, last in pairwise(ends):
            shares = [graph.slice(g, first - s, last - s) for s, e, g in pieces if s <= first and last <= e]
            if not shares:
                parts.append(graph.broadcast(graph.const(0.0), last - first))
                continue
            parts.append(graph.sum_of(shares))
        return graph.cat(parts)
