"""Language modelling: the next word, character or subword."""

from recurra.tasks.language_model.task import LanguageModelTask

__all__ = ["LanguageModelTask"]
