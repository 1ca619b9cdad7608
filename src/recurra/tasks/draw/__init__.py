"""Drawings and handwriting, step by step of a pen."""

from recurra.tasks.draw.task import DrawTask

__all__ = ["DrawTask"]
