"""What became of runs: a page of one, a table of many."""

import recurra.layers
import recurra.runs
import recurra.tasks
import recurra.train  # noqa: F401
