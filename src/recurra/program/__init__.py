"""A step as plain data: what it computes, and what can leave the loop over time."""

from recurra.program.errors import Untraceable
from recurra.program.program import Loop, Program
from recurra.program.value import Value

__all__ = ["Loop", "Program", "Untraceable", "Value"]
