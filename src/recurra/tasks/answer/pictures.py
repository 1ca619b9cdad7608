"""Answers about pictures of several things, from how far these are from one another."""

from __future__ import annotations

from typing import Literal

from torch import nn

from recurra.errors import Fault
from recurra.models import DistanceAnswerer, PlaceAnswerer
from recurra.tasks.answer.kinds import PictureAnswerTask
from recurra.tasks.answer.views import PictureQuestionModelOptions, ViewReader, build_view_model


class SceneQuestionModelOptions(PictureQuestionModelOptions):
    """The network: layers over a picture, and layers over time that read the question's words.

    Attributes:
        kind: "places": each place of the picture is seen with the question in mind; "distances": likewise,
            and from the second look on with how far it is from what the look before came upon; "relations":
            each pair of places is seen (Santoro et al., 2017).
        hops: of "places" and "distances", how often it looks; from the second time on it sees each place
            beside what it came upon before, and so how the two relate.
        modulation: of "places", whether the question scales what is seen, beside adding to it (Perez et al.,
            2018): to tell whether a thing has the colour that is asked for, it must. "distances" always does.
    """

    kind: Literal["places", "distances", "relations"] = "places"  # type: ignore[assignment]


class SceneAnswerTask(PictureAnswerTask):
    """Answers questions about pictures, of one thing or of several."""

    ModelOptions = SceneQuestionModelOptions

    @classmethod
    def build_model(cls, options: PictureQuestionModelOptions, reader: ViewReader, outputs: int) -> nn.Module:
        assert isinstance(options, SceneQuestionModelOptions)
        if options.kind != "distances":
            return build_view_model(options, reader, outputs)
        if options.modulation:
            raise Fault(
                "model.modulation = true, kind = 'distances': the question always scales what such a network "
                "sees: leave it out"
            )
        plain = options.model_copy(update={"kind": "places"})
        answerer = build_view_model(plain, reader, outputs)
        assert isinstance(answerer, PlaceAnswerer)
        return DistanceAnswerer(
            answerer.places, answerer.question, outputs, options.width, options.dropout, options.hops
        )
