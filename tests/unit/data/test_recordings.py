"""Sound: files, archives and streams of it, other rates, features, and what is wrong told in one line."""

from __future__ import annotations

import io
import struct
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from recurra.data import Place, read
from recurra.data.sound.log_mel import FLOOR, LogMel
from recurra.data.sound.recording import Recording, decode_recording, is_clipped, one_channel, read_recording
from recurra.data.sound.resample import resample
from recurra.data.sound.strings import SpokenTexts, join_recordings
from recurra.data.sound.wav_stream import WavStream
from recurra.errors import Fault

RATE = 8000


def tone(hertz: float, seconds: float = 0.1, rate: int = RATE) -> Tensor:
    return 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(int(seconds * rate)) / rate)


def wav(samples: Tensor, rate: int = RATE, **how: Any) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, samples.numpy(), rate, **{"format": "WAV", **how})
    return made.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_recording_comes_back(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(wav(tone(440), format=kind))
    found = read_recording(path)
    assert found.rate == RATE
    assert found.samples.shape == (800, 1)
    torch.testing.assert_close(found.samples[:, 0], tone(440), atol=2**-15, rtol=0)


def test_bad_recordings_are_told(tmp_path: Path) -> None:
    def fault(data: bytes) -> str:
        (tmp_path / "a.wav").write_bytes(data)
        with pytest.raises(Fault) as told:
            read_recording(tmp_path / "a.wav")
        return str(told.value)

    assert "a.wav: an empty file" in fault(b"")
    assert "a.wav: not a recording that can be read" in fault(b"words, not sound")
    assert "not finite" in fault(wav(torch.tensor([0.0, float("nan")]), subtype="FLOAT"))
    with pytest.raises(Fault, match="no such file"):
        read_recording(tmp_path / "b.wav")


def test_the_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone(440)))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(Fault, match=r"install recurra\[audio\]"):
        read_recording(tmp_path / "a.wav")


def test_rate_and_channels_are_as_asked_for() -> None:
    stereo = Recording(torch.stack([tone(440), tone(880)], 1), RATE)
    with pytest.raises(Fault, match="a: 2 channels found, expected 1"):
        one_channel(stereo, "a", RATE, False, False)
    torch.testing.assert_close(one_channel(stereo, "a", RATE, False, True), (tone(440) + tone(880)) / 2)
    with pytest.raises(Fault, match="a: recorded at 8,000 Hz, expected 16,000: convert it, set resample"):
        one_channel(stereo, "a", 16_000, False, True)
    assert len(one_channel(stereo, "a", 16_000, True, True)) == 1600


@pytest.mark.parametrize(("old", "new"), [(8000, 16_000), (16_000, 8000), (44_100, 16_000), (7200, 8000)])
def test_a_tone_at_another_rate_is_the_same_tone(old: int, new: int) -> None:
    made = resample(tone(500, 0.2, old), old, new)
    wanted = tone(500, 0.2, new)
    assert abs(len(made) - len(wanted)) <= 1
    inner = slice(new // 50, len(wanted) - new // 50)  # the ends are those of a cut tone
    torch.testing.assert_close(made[inner], wanted[inner], atol=2e-3, rtol=0)


def test_what_a_lower_rate_can_not_hold_is_taken_away() -> None:
    high = resample(tone(7000, 0.2, 16_000), 16_000, 8000)
    assert float(high[200:-200].abs().max()) < 2e-3
    assert len(resample(torch.zeros(0), 16_000, 8000)) == 0


def test_clipping_is_three_samples_at_full_scale() -> None:
    assert not is_clipped(tone(440))
    assert not is_clipped(torch.tensor([0.0, 1, 1, 0, -1, 0]))
    assert is_clipped(torch.tensor([0.0, 1, 1, 32767 / 32768, 0]))
    assert not is_clipped(torch.zeros(0))


def test_a_tone_is_in_its_band() -> None:
    features = LogMel(RATE, bands=20)
    mel = torch.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 4000 / 700), 22)
    middles = 700 * (10 ** (mel[1:-1] / 2595) - 1)
    for band in (4, 10, 17):
        found = features(tone(float(middles[band])))
        assert found.shape == (features.count(800), 20) == (8, 20)
        assert set(found.argmax(1).tolist()) == {band}


def test_energies_are_those_of_the_spectrum() -> None:
    features = LogMel(RATE, bands=20)
    noise = 0.1 * torch.randn(20 * RATE)
    # white noise of variance v has v in each bin, so a band has v times its weights
    wanted = (0.01 * features._filters.sum(0)).log()
    torch.testing.assert_close(features(noise).exp().mean(0).log(), wanted, atol=0.05, rtol=0)
    silence = features(torch.zeros(800))
    assert torch.equal(silence, torch.full_like(silence, FLOOR).log())


def test_frames_do_not_reach_beyond_the_sound() -> None:
    features, sound = LogMel(RATE), torch.randn(1234)
    assert features.count(199) == 0
    assert features(sound[:199]).shape == (0, 40)
    assert features(sound[:200]).shape == (1, 40)
    torch.testing.assert_close(features(sound)[5], features(sound[400:600])[0])


def test_settings_of_features_are_checked() -> None:
    with pytest.raises(Fault, match="bands = 120: band 2, .* holds no bin"):
        LogMel(RATE, bands=120)
    with pytest.raises(Fault, match="expected 0 <= low < high <= 4000"):
        LogMel(RATE, high=5000)
    with pytest.raises(Fault, match="no longer than the window"):
        LogMel(RATE, window=0.01, hop=0.02)


def archive(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in files.items():
                packed.writestr(name, data)
    elif path.suffix == ".gz":
        with tarfile.open(path, "w:gz") as packed_tar:
            for name, data in files.items():
                about = tarfile.TarInfo(name)
                about.size = len(data)
                packed_tar.addfile(about, io.BytesIO(data))
    else:
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a"])
def test_folders_and_archives(tmp_path: Path, name: str) -> None:
    files = {"b/2_ann.wav": wav(tone(300)), "b/1_bob.wav": wav(tone(200)), "b/1_bob.txt": b"one\n", "x": b""}
    path = archive(tmp_path / name, files)
    found = read(path, format="audio", names=r"(?P<digit>\d)_(?P<speaker>\w+)")
    assert found["digit"] == ["1", "2"]
    assert found["speaker"] == ["bob", "ann"]
    assert found["file"] == ["b/1_bob.wav", "b/2_ann.wav"]
    assert [len(one.samples) for one in found["audio"]] == [800, 800]
    assert str(found.places[0]).startswith(f"{path}/b/1_bob.wav")
    assert read(path, format="audio")["text"] == ["one", None]
    with pytest.raises(Fault, match="the name '1_bob' does not match"):
        read(path, format="audio", names=r"\d")


def test_one_recording_and_none(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone(200)))
    assert read(tmp_path / "a.wav")["text"] == [None]
    (tmp_path / "b.zip").write_bytes(b"PK")
    with pytest.raises(Fault, match="not a recording, a folder or a complete archive"):
        read(tmp_path / "b.zip")
    (tmp_path / "c").mkdir()
    with pytest.raises(Fault, match="no recording found"):
        read(tmp_path / "c", format="audio")
    with pytest.raises(Fault, match="not a regular expression"):
        read(tmp_path / "a.wav", names="(")


def test_examples_are_kept_by_label(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("who,what\na,1\nb,2\nc,1\n")
    assert read(tmp_path / "a.csv", keep={"who": ["a", "b"]}, drop={"what": "2"})["who"] == ["a"]
    with pytest.raises(Fault, match=r"dropped by keep = \{'who': \['d'\]\}"):
        read(tmp_path / "a.csv", keep={"who": ["d"]})


def test_strings_are_of_one_speaker_and_repeat() -> None:
    samples = [torch.full((n,), float(n)) for n in (3, 4, 5, 6)]
    parts = SpokenTexts(samples, list("abcd"), [Place(name, 1) for name in "wxyz"])
    asked: dict[str, Any] = {"count": 20, "shortest": 2, "longest": 3, "pauses": (1, 2)}
    groups = ["p", "q", "p", "q"]
    found = join_recordings(parts, groups, seed=1, **asked)
    again = join_recordings(parts, groups, seed=1, **asked)
    assert found.texts == again.texts
    assert all(torch.equal(one, other) for one, other in zip(found.samples, again.samples, strict=True))
    assert found.texts != join_recordings(parts, groups, seed=2, **asked).texts
    assert {len(text.split()) for text in found.texts} == {2, 3}
    for sound, text in zip(found.samples, found.texts, strict=True):
        said = text.split()
        assert set(said) <= set("ac") or set(said) <= set("bd")
        lengths = [len(samples["abcd".index(letter)]) for letter in said]
        assert int((sound > 0).sum()) == sum(lengths)
        assert len(said) - 1 <= int((sound == 0).sum()) <= 2 * (len(said) - 1)
        assert [float(sound[0]), float(sound[-1])] == [lengths[0], lengths[-1]]
    with pytest.raises(Fault, match="the smaller number first"):
        join_recordings(parts, list("pppp"), seed=0, count=1, shortest=3, longest=2, pauses=(0, 1))


CUTS = (1, 7, 100, 10_000)
SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_wav_stream_is_the_file(subtype: str, cut: int) -> None:
    data = wav(tone(300, 0.02), subtype=subtype)
    wanted, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    stream = WavStream(RATE)
    made = [stream.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
    stream.finish()
    torch.testing.assert_close(torch.cat(made), torch.from_numpy(wanted))


def test_samples_without_header_and_of_unknown_length() -> None:
    whole = (tone(300) * 32767).to(torch.int16)
    bare = WavStream(RATE)
    torch.testing.assert_close(bare.feed(whole.numpy().tobytes()), whole / 32768)
    bare.finish()
    data = bytearray(wav(tone(300)))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert len(WavStream(RATE).feed(bytes(data))) == 800
    known = WavStream(RATE)
    assert len(known.feed(wav(tone(300)) + b"LIST and more")) == 800
    assert len(known.feed(b"more")) == 0
    known.finish()


@pytest.mark.parametrize("cut", [1, 7, 4096])
@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        (kind, subtype)
        for kind in ("RIFX", "RF64", "BW64")
        for subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT")
    ],
)
def test_wav_of_other_kinds_is_heard_as_the_file(kind: str, subtype: str, cut: int) -> None:
    form = {"endian": "BIG"} if kind == "RIFX" else {"format": "RF64"}
    data = wav(tone(300, 0.02), subtype=subtype, **form)
    data = kind.encode() + data[4:]
    expected, _ = soundfile.read(io.BytesIO(wav(tone(300, 0.02), subtype=subtype)), dtype="float32")
    stream = WavStream(RATE)
    pieces = [stream.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
    stream.finish()
    torch.testing.assert_close(torch.cat(pieces), torch.from_numpy(expected))


OTHER_KINDS = {
    "FLAC": b"fLaC\0\0\0\x22",
    "Ogg": b"OggS\0\2",
    "ID3": b"ID3\4\0",
    "MPEG frames": (b"\xff\xfb\x90\x64" + bytes(413)) * 3,
    "AAC frames": (b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)) * 3,
    "AIFF": b"FORM\0\0\1\0AIFFCOMM",
    "AIFC": b"FORM\0\0\1\0AIFCFVER",
    "AU": b".snd\0\0\0\x18",
    "CAF": b"caff\0\1\0\0desc",
    "M4A": b"\0\0\0\x1cftypM4A ",
    "WebM": b"\x1aE\xdf\xa3\1",
    "WMA": b"0&\xb2u\x8ef\xcf\x11",
    "Wave64": b"riff\x2e\x91\xcf\x11",
    "NIST": b"NIST_1A\n   1024\n",
    "AMR": b"#!AMR\n",
    "gzip": b"\x1f\x8b\x08\0",
    "zip": b"PK\3\4\x14\0",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "text": b"What is written is no sound: it is told, not heard. " * 3,
    "AVI": b"RIFF\0\0\0\0AVI LIST",
}


@pytest.mark.parametrize("cut", [1, 3, 4096])
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_another_kind_is_never_heard_as_samples(kind: str, cut: int) -> None:
    data = OTHER_KINDS[kind] + bytes(range(256)) * 9
    stream = WavStream(RATE)

    def heard() -> int:
        return sum(len(stream.feed(data[at : at + cut])) for at in range(0, len(data), cut))

    with pytest.raises(Fault, match="found, expected a WAV file or samples without a header"):
        heard()


@pytest.mark.parametrize("cut", [1, 2, 5, 4096])
@pytest.mark.parametrize(
    "samples", [[0] * 9, [0, 0, 7], [-1025, 3, 5], [5], [], [0x4952], [-1, 0, 1] * 700, [-1025] * 900]
)
def test_bare_samples_all_come_back(samples: list[int], cut: int) -> None:
    data = struct.pack(f"<{len(samples)}h", *samples)
    stream = WavStream(RATE)
    pieces = [stream.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
    heard = torch.cat([*pieces, stream.rest()]) * 32768
    stream.finish()
    assert heard.tolist() == samples


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "IMA_ADPCM"),
        ("WAVEX", "PCM_24"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
        ("SVX", "PCM_16"),
        ("NIST", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
    ],
)
def test_sound_cut_short_is_told(kind: str, subtype: str) -> None:
    noise = torch.rand(6 * RATE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = wav(noise, format=kind, subtype=subtype)
    assert len(decode_recording(data, "a").samples) >= 6 * RATE
    for part in (0.99, 0.5, 0.1):
        with pytest.raises(Fault, match=r"a: .*(missing|can be read)"):
            decode_recording(data[: int(part * len(data))], "a")


def test_a_wav_of_unknown_length_is_not_cut_short() -> None:
    data = bytearray(wav(tone(300)))
    for at in (4, data.index(b"data") + 4):
        data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert len(decode_recording(bytes(data), "a").samples) == 800


def test_a_file_that_is_no_sound_is_named() -> None:
    with pytest.raises(
        Fault, match=r"a.wav: a PDF document found, expected a recording \(WAV, FLAC, \.\.\.\)"
    ):
        decode_recording(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a.wav")


def test_bad_streams_are_told() -> None:
    def fault(data: bytes) -> str:
        stream = WavStream(RATE)
        try:
            stream.feed(data)
        except Fault as told:
            return str(told)
        with pytest.raises(Fault) as late:
            stream.finish()
        return str(late.value)

    assert "sound at 16,000 Hz found, expected 8,000" in fault(wav(tone(300), 16_000))
    assert "2 channels found" in fault(wav(torch.zeros(9, 2)))
    assert "ends within the header" in fault(wav(tone(300))[:20])
    assert "ends within a sample" in fault(wav(tone(300))[:-1])
    assert "ends 0.05 s before" in fault(wav(tone(300))[:-800])
    assert "an AVI film found" in fault(b"RIFF    AVI LIST")
    assert "of another kind" in fault(b"RIFF    CDDALIST")
    broken = torch.tensor([0.0, float("nan")])
    assert "not finite" in fault(wav(broken, subtype="FLOAT"))
    assert "expected PCM" in fault(wav(tone(300), subtype="ULAW"))
