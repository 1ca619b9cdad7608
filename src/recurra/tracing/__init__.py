"""Tracing: a step written in PyTorch is read once and becomes a program."""

from recurra.tracing.trace import trace

__all__ = ["trace"]
