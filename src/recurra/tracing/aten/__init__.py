"""From the graph that torch records of one step to a program.

Each recorded call on rows has a handler, by the call's name; the modules here add theirs to one table.
"""

from recurra.tracing.aten import pointwise, products, rowwise, sources, structure
from recurra.tracing.aten.step import import_step

__all__ = ["import_step", "pointwise", "products", "rowwise", "sources", "structure"]
