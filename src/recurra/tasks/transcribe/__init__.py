"""Sound to text: symbols in their order, where each one is said is not told (CTC)."""

from recurra.tasks.transcribe.task import TranscribeTask

__all__ = ["TranscribeTask"]
