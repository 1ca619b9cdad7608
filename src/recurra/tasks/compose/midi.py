"""The address that MIDI files had before they were data's."""

from recurra.data.midi import LOWEST, to_midi

__all__ = ["LOWEST", "to_midi"]
