"""Dependency parsing: for each word the word that governs it, and how."""

from recurra.tasks.parse.dependency.task import DependencyTask

__all__ = ["DependencyTask"]
