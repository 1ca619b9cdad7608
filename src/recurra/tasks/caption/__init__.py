"""Captions: a picture, a film or rows of features into a text."""

from recurra.tasks.caption.task import CaptionTask

__all__ = ["CaptionTask"]
