"""The gradient laboratory: where a network remembers, where its gradient dies, and what to do about it."""

import recurra.runs
import recurra.tasks
import recurra.train  # noqa: F401
