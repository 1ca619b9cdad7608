"""The address that `WavStream` had before sound got a folder of its own."""

from recurra.data.sound.wav_stream import WavStream

__all__ = ["WavStream"]
