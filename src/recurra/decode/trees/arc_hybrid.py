"""Trees by transitions, from left to right: the arc-hybrid system (Kuhlmann et al., 2011).

A stack of words, and the words not yet on it. SHIFT moves the next word to the stack; LEFT makes the next
word the head of the stack's top, which goes; RIGHT makes the second of the stack the head of its top, which
goes. The root stands after the last word (Kiperwasser and Goldberg, 2016) and takes one word: 2 n
transitions, and a projective tree whatever they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recurra.decode.trees.heads import Heads
from recurra.errors import Fault

SHIFT, LEFT, RIGHT = range(3)
SLOTS = 4
"""What a choice is made by: the third, second and first of the stack, and the next word."""
ROOT, NOTHING = 0, -1

Score = Callable[[Heads, Heads], NDArray[np.floating]]


class Transitions(NamedTuple):
    """How a tree is built.

    Attributes:
        slots: `[2 n, SLOTS]`, the words (from 1; `ROOT`, `NOTHING`) that each choice is made by.
        actions: `[2 n]`, the choices.
    """

    slots: Heads
    actions: Heads


def transitions(heads: Sequence[int]) -> Transitions:
    """The transitions that build a projective tree: an arc as soon as its word has all of its own."""
    count = len(heads)
    waiting = np.bincount(np.asarray(heads, np.int64), minlength=count + 1).tolist()
    stack: list[int] = []
    following = 1
    slots, actions = [], []
    for _ in range(2 * count):
        front = following if following <= count else ROOT
        slots.append([*[NOTHING] * (3 - len(stack)), *stack[-3:], front])
        top = stack[-1] if stack else NOTHING
        ready = bool(stack) and not waiting[top]
        if ready and heads[top - 1] == front:
            action = LEFT
        elif ready and len(stack) > 1 and heads[top - 1] == stack[-2]:
            action = RIGHT
        else:
            action = SHIFT
        if action == SHIFT:
            stack.append(following)
            following += 1
        else:
            waiting[heads[top - 1]] -= 1
            stack.pop()
        actions.append(action)
    return Transitions(np.array(slots, np.int64).reshape(-1, SLOTS), np.array(actions, np.int64))


def arc_hybrid(lengths: Sequence[int], score: Score) -> list[Heads]:
    """The tree of each sentence by the best allowed transition each time, all sentences in step.

    Args:
        lengths: words of each sentence.
        score: of words `[M, SLOTS]` in the sentences `[M]`, the scores `[M, 3]` of the transitions.

    Raises:
        Fault: a score that is no finite number.
    """
    batch, steps = len(lengths), max(lengths, default=0)
    count = np.asarray(lengths, np.int64)
    heads = np.zeros((batch, steps), np.int64)
    # two places below the bottom, for what is not there
    stack = np.full((batch, steps + 3), NOTHING, np.int64)
    top = np.full(batch, 2, np.int64)
    following = np.ones(batch, np.int64)
    for step in range(2 * steps):
        rows = np.flatnonzero(2 * count > step)
        front = np.where(following[rows] <= count[rows], following[rows], ROOT)
        levels = top[rows]
        slots = np.stack([stack[rows, levels - 2], stack[rows, levels - 1], stack[rows, levels], front], 1)
        scores = np.array(score(slots, rows), np.float64)
        wrong = scores[~np.isfinite(scores)]
        if len(wrong):
            raise Fault(
                f"the score of a transition is {wrong[0]}, expected a finite number: the model's weights are "
                f"broken, or its input is"
            )
        depth = levels - 2
        scores[:, SHIFT][front == ROOT] = -np.inf
        scores[:, LEFT][np.where(front == ROOT, depth != 1, depth < 1)] = -np.inf
        scores[:, RIGHT][depth < 2] = -np.inf
        actions = scores.argmax(1)
        shift = actions == SHIFT
        shifted = rows[shift]
        top[shifted] += 1
        stack[shifted, top[shifted]] = following[shifted]
        following[shifted] += 1
        for action, heads_of in ((LEFT, front), (RIGHT, slots[:, 1])):
            reduced = actions == action
            heads[rows[reduced], slots[reduced, 2] - 1] = heads_of[reduced]
            stack[rows[reduced], top[rows[reduced]]] = NOTHING
            top[rows[reduced]] -= 1
    return [row[:length] for row, length in zip(heads, lengths, strict=True)]
