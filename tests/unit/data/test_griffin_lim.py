"""Sound from the energies of its bands."""

from __future__ import annotations

import torch

from recurra.data.sound.griffin_lim import ReversibleLogMel


def test_the_sound_of_energies_has_about_these_energies() -> None:
    bands = ReversibleLogMel(8000, 24, 0.032, 0.008)
    times = torch.arange(4000) / 8000
    sound = 0.4 * torch.sin(2 * torch.pi * 500 * times) * (1 + torch.sin(2 * torch.pi * 5 * times))
    features = bands(sound)
    back = bands.sound(features)
    assert len(back) == (len(features) - 1) * bands.hop + bands.window
    loud = features > features.max() - 3
    assert float((bands(back) - features)[loud].abs().mean()) < 0.3
    assert float((bands(bands.sound(features, 0)) - features)[loud].abs().mean()) > float(
        (bands(back) - features)[loud].abs().mean()
    )
    assert torch.equal(back, bands.sound(features))


def test_of_nothing_there_is_no_sound() -> None:
    assert len(ReversibleLogMel(8000).sound(torch.zeros(0, 40))) == 0


def test_a_sound_that_is_loud_from_its_first_sample_does_not_click() -> None:
    bands = ReversibleLogMel(8000, 40, 0.032, 0.016)
    sound = 0.1 * torch.randn(3400, generator=torch.Generator().manual_seed(0))
    assert float(bands.sound(bands(sound)).abs().max()) < 2 * float(sound.abs().max())
