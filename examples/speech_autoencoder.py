"""What an auto-encoder of speech gives back of a recording, as a file of sound.

    recurra train speech_autoencoder -o runs/speech
    python examples/speech_autoencoder.py runs/speech recording.wav back.wav

The run holds energies of bands and no phases; these are found by the method of Griffin and Lim.
"""

from __future__ import annotations

import sys

import soundfile
import torch

from recurra.data.sound.griffin_lim import ReversibleLogMel
from recurra.runs import load


def main(run: str, recording: str, output: str) -> None:
    task = load(run)
    (answer,) = task.predict([recording])
    sound = task.options.sound
    bands = ReversibleLogMel(sound.rate, sound.bands, sound.window, sound.hop, sound.low, sound.high)
    samples = bands.sound(torch.tensor(answer["restored"]))
    soundfile.write(output, samples.clamp(-1, 1).numpy(), sound.rate)


if __name__ == "__main__":
    main(*sys.argv[1:])
