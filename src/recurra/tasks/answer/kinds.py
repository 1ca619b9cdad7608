"""Tasks that answer by classes, one for each kind of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from recurra.data import Examples
from recurra.models import Inquiry
from recurra.tasks.answer.class_task import ClassAnswerTask
from recurra.tasks.answer.plain import PlainModelOptions, PlainOptions, PlainReader, build_row_model
from recurra.tasks.answer.recordings import (
    RecordingQuestionModelOptions,
    RecordingQuestionOptions,
    RecordingReader,
    build_recording_model,
)
from recurra.tasks.answer.stories import (
    StoryModelOptions,
    StoryOptions,
    StoryReader,
    build_story_model,
    require_story_model,
)
from recurra.tasks.answer.views import (
    PictureQuestionModelOptions,
    PictureQuestionOptions,
    ViewReader,
    build_view_model,
)
from recurra.tasks.parts.batches import shuffled_batches
from recurra.tasks.readers.words import WordReader


class StoryAnswerTask(ClassAnswerTask):
    """Answers questions about stories."""

    DataOptions = StoryOptions
    ModelOptions = StoryModelOptions

    @classmethod
    def build_reader(cls, examples: Examples, data: StoryOptions, model: StoryModelOptions) -> StoryReader:
        return StoryReader.build(examples, data, model)

    @classmethod
    def load_reader(cls, folder: Path, data: StoryOptions, model: StoryModelOptions) -> StoryReader:
        return StoryReader.load(folder, data, model)

    @classmethod
    def build_model(cls, options: StoryModelOptions, reader: StoryReader, outputs: int) -> nn.Module:
        return build_story_model(options, reader, outputs)

    @classmethod
    def require_model(cls, reader: StoryReader, module: Any, folder: Path) -> int:
        return require_story_model(reader, module, folder)

    def is_linear(self, epoch: int) -> bool:
        assert isinstance(self.model_options, StoryModelOptions)
        return epoch < self.model_options.linear_epochs


class PlainAnswerTask(ClassAnswerTask):
    """Answers questions by their words alone."""

    DataOptions = PlainOptions
    ModelOptions = PlainModelOptions

    @classmethod
    def build_reader(cls, examples: Examples, data: PlainOptions, model: PlainModelOptions) -> PlainReader:
        return PlainReader.build(examples, data, model)

    @classmethod
    def load_reader(cls, folder: Path, data: PlainOptions, model: PlainModelOptions) -> PlainReader:
        return PlainReader.load(folder, data, model)

    @classmethod
    def build_model(cls, options: PlainModelOptions, reader: PlainReader, outputs: int) -> nn.Module:
        return build_row_model(options, reader.words, outputs)

    @classmethod
    def require_model(cls, reader: PlainReader, module: Any, folder: Path) -> int:
        return require_story_model(reader, module, folder)

    def _table(self, item: Any) -> Mapping[str, Any]:
        """A text is the question itself."""
        return {self.options.question: item} if isinstance(item, str) else super()._table(item)


class PictureAnswerTask(ClassAnswerTask):
    """Answers questions about pictures."""

    DataOptions = PictureQuestionOptions
    ModelOptions = PictureQuestionModelOptions

    @classmethod
    def build_reader(
        cls, examples: Examples, data: PictureQuestionOptions, model: PictureQuestionModelOptions
    ) -> ViewReader:
        return ViewReader.build(examples, data, model)

    @classmethod
    def load_reader(
        cls, folder: Path, data: PictureQuestionOptions, model: PictureQuestionModelOptions
    ) -> ViewReader:
        return ViewReader.load(folder, data, model)

    @classmethod
    def build_model(cls, options: PictureQuestionModelOptions, reader: ViewReader, outputs: int) -> nn.Module:
        return build_view_model(options, reader, outputs)

    @classmethod
    def require_model(cls, reader: ViewReader, module: Any, folder: Path) -> int:
        return require_asking_model(reader.words, module, folder)

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Sequence[tuple[Inquiry, Tensor]]:
        assert isinstance(self.options, PictureQuestionOptions)
        pictures = self.options.pictures
        if pictures is None:
            return super().batches(epoch, rank, world)
        about: dict[int, list[int]] = {}
        for index, picture in enumerate(self.data.train.evidence):
            about.setdefault(id(picture), []).append(index)
        groups = [*about.values()]

        def make(numbers: Sequence[int]) -> tuple[Inquiry, Tensor]:
            return self.batch([index for number in numbers for index in groups[number]])

        sizes = [1] * len(groups)
        return shuffled_batches(sizes, pictures, make, seed=self.seed, epoch=epoch, rank=rank, world=world)


class RecordingAnswerTask(ClassAnswerTask):
    """Answers questions about recordings."""

    DataOptions = RecordingQuestionOptions
    ModelOptions = RecordingQuestionModelOptions

    @classmethod
    def build_reader(
        cls, examples: Examples, data: RecordingQuestionOptions, model: RecordingQuestionModelOptions
    ) -> RecordingReader:
        return RecordingReader.build(examples, data, model)

    @classmethod
    def load_reader(
        cls, folder: Path, data: RecordingQuestionOptions, model: RecordingQuestionModelOptions
    ) -> RecordingReader:
        return RecordingReader.load(folder, data, model)

    @classmethod
    def build_model(
        cls, options: RecordingQuestionModelOptions, reader: RecordingReader, outputs: int
    ) -> nn.Module:
        return build_recording_model(options, reader, outputs)

    @classmethod
    def require_model(cls, reader: RecordingReader, module: Any, folder: Path) -> int:
        return require_asking_model(reader.words, module, folder)


def require_asking_model(words: WordReader, module: Any, folder: Path) -> int:
    """How many answers a model gives. Fault unless it reads these words."""
    words.require_input(module.question.input, folder)
    return int(module.config["outputs"])
