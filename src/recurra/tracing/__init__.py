"""Tracing: a step written in PyTorch is read once and becomes a program."""

import recurra.program  # noqa: F401
from recurra.tracing.trace import trace

__all__ = ["trace"]
