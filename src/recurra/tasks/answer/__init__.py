"""Answers to questions, from stories, passages, pictures, recordings, or nothing but the question."""

from recurra.tasks.answer.task import AnswerTask

__all__ = ["AnswerTask"]
