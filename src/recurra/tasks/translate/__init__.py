"""Translation: a text into another, of any length. Conversations are the same task: a turn, and its reply."""

from recurra.tasks.translate.task import TranslateTask

__all__ = ["TranslateTask"]
