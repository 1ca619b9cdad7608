"""Every published figure by one command: trained, measured and told with what it depends on."""

import recurra.bench
import recurra.data
import recurra.recipes
import recurra.runs
import recurra.tasks
import recurra.train  # noqa: F401
from recurra.reproduce.figures import Figure, Mean, Table, Training, choose, read_figures
from recurra.reproduce.record import Record, read_record
from recurra.reproduce.reproduce import Outcome, measure, reproduce
from recurra.reproduce.summary import lines, summary, why_stale

__all__ = [
    "Figure",
    "Mean",
    "Outcome",
    "Record",
    "Table",
    "Training",
    "choose",
    "lines",
    "measure",
    "read_figures",
    "read_record",
    "reproduce",
    "summary",
    "why_stale",
]
