"""A fold's loops made ready for the native library.

At a node nothing is carried from step to step: what it reads of its children are inputs, which the library
fills before their level runs, and its own state is among its outputs. So a loop that was lowered with its
states becomes a step without any.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace

from recurra.engines.levels import FoldLoop
from recurra.engines.native.backward_call import BackwardCall
from recurra.engines.native.encode import Encoded
from recurra.engines.native.plan import NativePlan, Needs
from recurra.lowering.graph import Graph, Node, StepGraph
from recurra.lowering.lower import lower
from recurra.program import Loop, Untraceable

_OF_ZEROS = frozenset({"slice", "cat", "same", "broadcast", "neg"})


class LevelPlan(NativePlan):
    """As `NativePlan`, of a node's or an edge's loop.

    Attributes:
        outputs: how many outputs the step has: the loop's, and those of `own` that are none of these.
        reads: inputs of the step that are filled level by level, the last ones but for hoisted products.
        own: outputs of the step that are what `FoldLoop.own` says.
    """

    def __init__(self, loop: Loop, reads: Sequence[int], own: Sequence[int]) -> None:
        step, places = _without_states(lower(loop), len(loop.inputs), reads, own)
        inputs = len(loop.inputs) + len(reads)
        self._prepare(loop, step, inputs, watched=False)
        self.outputs = len(step.outputs)
        self.reads = range(len(loop.inputs), inputs)
        self.own = places

    def needs_of(self, inputs: Sequence[bool], fixed: Sequence[bool]) -> Needs:
        """From one flag for each of the loop's inputs and fixed values."""
        return Needs((*inputs, *(True for _ in self.reads)), tuple(fixed), ())

    def same_lines(self, encoded: Encoded) -> list[int]:
        """Lines of a forward program whose product reads zeros where all that comes from children is zero."""
        graph = encoded.step.graph
        zeros = self._zeros(graph)
        return [line for line, node in encoded.products if graph[node].args[0] in zeros]

    def idle_lines(self, needs: Needs, incoming: frozenset[int], call: BackwardCall) -> list[int]:
        """Lines of a backward program whose products only the gradients of children come of."""
        derivative, encoded = self._derivative(needs, incoming), call.calls.encoded
        of_children = {derivative.inputs[k] for k in self.reads if k in derivative.inputs}
        of_children -= {output for k, output in derivative.inputs.items() if k not in self.reads}
        of_children -= {share.output for share in derivative.weights}
        of_children -= {output for outputs in derivative.bias.values() for output in outputs}
        step = encoded.step
        rest = [node for o, node in enumerate(step.outputs) if o not in of_children]
        useful = set(step.graph.ancestors([*rest, *step.totals]))
        return [line for line, node in encoded.products if node not in useful]

    def first_rows(
        self, needs: Needs, incoming: frozenset[int], call: BackwardCall, leaves: int
    ) -> list[int]:
        """For each gradient of a weight the row that it begins at, where `leaves` rows read only zeros."""
        zeros = self._zeros(self.step.graph)
        shares = self._derivative(needs, incoming).weights
        firsts = [leaves if share.rows in zeros else 0 for share in shares]
        return firsts + [0] * (call.weight_gradients - len(firsts))

    def _zeros(self, graph: Graph) -> set[int]:
        zeros: set[int] = set()
        for number, node in enumerate(graph.nodes):
            zero = node.op == "input" and node.attrs[0] in self.reads
            zero = zero or (node.op in _OF_ZEROS and zeros.issuperset(node.args))
            if zero or (node.op == "mul" and zeros.intersection(node.args)):
                zeros.add(number)
        return zeros


class NativeFold:
    """A fold's loops, planned.

    Attributes:
        node: of a node.
        edge: of an edge; None: the cell has slots.
        results: how many outputs the node's loop has.
        slots: see `FoldLoop`.
    """

    def __init__(self, loop: FoldLoop) -> None:
        self.node = LevelPlan(loop.node, loop.reads, loop.own)
        self.edge = None if loop.edge is None else LevelPlan(loop.edge, loop.edge_reads, loop.edge_own)
        self.results, self.slots = len(loop.node.outputs), loop.slots

    def needs_of(self, flags: Sequence[Sequence[bool]]) -> tuple[Needs, Needs | None]:
        """From one flag for each of the fold's arguments, by kind."""
        edge = None if self.edge is None else self.edge.needs_of(flags[2], flags[3])
        return self.node.needs_of(flags[0], flags[1]), edge

    def forward_arrays(self, needs: tuple[Needs, Needs | None]) -> int:
        """How many arrays a forward run makes for the nodes."""
        tape = self.node.forward(needs[0]).width > 0
        return self.node.outputs + len(self.node.reads) + tape


_FOLDS: weakref.WeakKeyDictionary[FoldLoop, NativeFold | str] = weakref.WeakKeyDictionary()


def fold_or_refusal(loop: FoldLoop) -> NativeFold | str:
    """What the engine makes of a fold, or why it can't run it, in words. Made once."""
    fold = _FOLDS.get(loop)
    if fold is None:
        try:
            fold = NativeFold(loop)
        except Untraceable as error:
            fold = str(error)
        if not loop.own:
            fold = "nothing is carried from child to parent"
        _FOLDS[loop] = fold
    return fold


def _without_states(
    step: StepGraph, inputs: int, reads: Sequence[int], own: Sequence[int]
) -> tuple[StepGraph, tuple[int, ...]]:
    """The step, whose states `reads` are inputs behind the loop's own, and whose next states `own` are
    outputs; and which outputs these are.
    """
    graph = Graph()
    place = {state: inputs + k for k, state in enumerate(reads)}
    for node in step.graph.nodes:
        if node.op == "state" and node.attrs[0] in place:
            node = Node("input", (), (place[node.attrs[0]],), node.width)
        elif node.op == "input" and node.attrs[0] >= inputs:
            node = replace(node, attrs=(node.attrs[0] + len(reads),))
        graph.append(node)
    graph.gradients = dict(step.graph.gradients)
    outputs = list(step.outputs)
    for k in own:
        if step.next_states[k] not in outputs:
            outputs.append(step.next_states[k])
    widths = (*step.inputs[:inputs], *(step.states[k] for k in reads), *step.inputs[inputs:])
    changed = replace(
        step,
        graph=graph,
        inputs=widths,
        states=(),
        outputs=tuple(outputs),
        next_states=(),
        hoisted=tuple(replace(h, into=h.into + len(reads)) for h in step.hoisted),
    )
    return changed, tuple(outputs.index(step.next_states[k]) for k in own)
