"""A transcription of sound as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recurra.data import Tokenizer
from recurra.data.sound.wav_stream import WavStream
from recurra.errors import Fault
from recurra.models import Transcriber
from recurra.tasks.base import ByteStream
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.transcribe.options import SoundOptions


class TranscribeStream(ByteStream):
    """A WAV file, or bare samples (16 bits, little-endian, one channel, at the model's rate); for each symbol
    that the likeliest path begins: `symbol`, `start` in seconds and `probability`.

    A latency-controlled model answers a stated number of steps later, and at the end.
    """

    def __init__(
        self, model: Transcriber, symbols: Tokenizer, sound: SoundOptions, seconds_a_step: float
    ) -> None:
        if model.delay is None:
            raise Fault(
                "this model hears whole recordings, so it can't be streamed: train with "
                "bidirectional = false or a stated lookahead, and with normalise = 'running' or 'training'"
            )
        self.model, self.symbols, self.sound = model, symbols, sound
        self.features, self.seconds_a_step = sound.features(), seconds_a_step
        self._samples: Tensor
        self._state: Any
        self._begin()

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        yield from self.hear(self._wav.feed(piece))

    def hear(self, samples: Tensor) -> Iterator[dict[str, Any]]:
        """The answers that further samples `[N]`, full scale 1, complete."""
        self._samples = torch.cat([self._samples, samples])
        count = self.features.count(len(self._samples))
        if not count:
            return
        frames = self.features(self._samples)
        self._samples = self._samples[count * self.features.hop :]
        with evaluating(self.model):
            scores, self._state = self.model.feed(frames.unsqueeze(0).to(device_of(self.model)), self._state)
        yield from self._answers(scores)

    def finish(self) -> Iterator[dict[str, Any]]:
        sound = self._wav
        yield from self.hear(sound.rest())
        yield from self.hear(self.sound.silence)
        with evaluating(self.model):
            scores = self.model.finish(self._state)
        if scores is not None:
            yield from self._answers(scores)
        self._begin()
        sound.finish()  # of sound that was cut short, all that was heard is told first

    def _begin(self) -> None:
        self._wav = WavStream(self.sound.rate, self.sound.mix)
        self._samples = self.sound.silence
        self._state = self.model.initial_state(1)
        self._step, self._last = 0, self.model.blank

    def _answers(self, scores: Tensor) -> Iterator[dict[str, Any]]:
        for share, index in zip(*scores[0].float().softmax(-1).max(-1), strict=True):
            symbol, step = int(index), self._step
            new = symbol not in (self.model.blank, self._last)
            self._step, self._last = step + 1, symbol
            if new:
                yield {
                    "symbol": self.symbols.token(symbol),
                    "start": round(step * self.seconds_a_step - self.sound.margin, 4),
                    "probability": float(share),
                }
