"""Lowering: a program made of primitive operations, split, and its derivative as a program too."""

import recurra.program  # noqa: F401
