"""What kind of file bytes are, told by how they begin: so that a reader names what it can't read."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        name: with its article, "a PNG picture". sound: whether it holds recorded sound. advice: what to do
            where something else was expected; empty where that is plain.
    """

    name: str
    sound: bool = False
    advice: str = ""


class _Sign(NamedTuple):
    kind: Kind
    marks: tuple[tuple[int, bytes], ...]


_BINARY = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_REACH = 1024  # bytes in which a file that begins with letters shows whether it is text
_ENOUGH_TEXT = 64  # bytes of letters that no sound begins with
_ENDS = 1 << 16  # bytes at either end of a packed file that tell what is in it


def _sign(name: str, *marks: bytes | tuple[int, bytes], sound: bool = False, advice: str = "") -> _Sign:
    places = tuple((0, mark) if isinstance(mark, bytes) else mark for mark in marks)
    return _Sign(Kind(name, sound, advice), places)


_DECODE = "decode it to WAV first"
_UNPACK = "unpack it first"
_SAVE_MATRIX = "write its arrays with numpy.savez (scipy.io.loadmat reads it)"
_SAVE_HDF5 = "write its arrays with numpy.savez (h5py reads it)"
_SAVE_TABLE = "save it as CSV or Parquet"

_SIGNS = (
    _sign("a WAV sound", b"RIFF", (8, b"WAVE"), sound=True),
    _sign("a WAV sound of the RF64 kind", b"RF64", (8, b"WAVE"), sound=True),
    _sign("a WAV sound of the BW64 kind", b"BW64", (8, b"WAVE"), sound=True),
    _sign("a WAV sound of the RIFX kind", b"RIFX", (8, b"WAVE"), sound=True),
    _sign("a Wave64 sound", b"riff\x2e\x91\xcf\x11", sound=True, advice=_DECODE),
    _sign("a FLAC sound", b"fLaC", sound=True, advice=_DECODE),
    _sign("an Ogg sound", b"OggS", sound=True, advice=_DECODE),
    _sign("an MP3 sound", b"ID3", sound=True, advice=_DECODE),
    _sign("an AIFF sound", b"FORM", (8, b"AIF"), sound=True, advice=_DECODE),
    _sign("an 8SVX sound", b"FORM", (8, b"8SVX"), sound=True, advice=_DECODE),
    _sign("a 16SV sound", b"FORM", (8, b"16SV"), sound=True, advice=_DECODE),
    _sign("an AU sound", b".snd", sound=True, advice=_DECODE),
    _sign("an AU sound", b"dns.", sound=True, advice=_DECODE),
    _sign("a CAF sound", b"caff", sound=True, advice=_DECODE),
    _sign("an MP4 or M4A file", (4, b"ftyp"), sound=True, advice=_DECODE),
    _sign("a Matroska or WebM file", b"\x1aE\xdf\xa3", sound=True, advice=_DECODE),
    _sign("a WMA or ASF file", b"0&\xb2u\x8ef\xcf\x11", sound=True, advice=_DECODE),
    _sign("a NIST SPHERE sound", b"NIST_1A\n", sound=True, advice=_DECODE),
    _sign("an AMR sound", b"#!AMR", sound=True, advice=_DECODE),
    _sign("a WavPack sound", b"wvpk", sound=True, advice=_DECODE),
    _sign("a Monkey's Audio sound", b"MAC ", sound=True, advice=_DECODE),
    _sign("a True Audio sound", b"TTA1", sound=True, advice=_DECODE),
    _sign("a DSD sound", b"DSD ", sound=True, advice=_DECODE),
    _sign("a DSD sound", b"FRM8", sound=True, advice=_DECODE),
    _sign("a VOC sound", b"Creative Voice File\x1a", sound=True, advice=_DECODE),
    _sign("a PVF sound", b"PVF1\n", sound=True, advice=_DECODE),
    _sign("a PAF sound", b" paf", sound=True, advice=_DECODE),
    _sign("an AVR sound", b"2BIT", sound=True, advice=_DECODE),
    _sign("a WVE sound", b"ALawSoundFile", sound=True, advice=_DECODE),
    _sign("an IRCAM sound", b"d\xa3", (3, b"\0"), sound=True, advice=_DECODE),
    _sign("a MIDI file", b"MThd"),
    _sign("an AVI film", b"RIFF", (8, b"AVI ")),
    _sign("a WebP picture", b"RIFF", (8, b"WEBP")),
    _sign("a PNG picture", b"\x89PNG\r\n\x1a\n"),
    _sign("a JPEG picture", b"\xff\xd8\xff"),
    _sign("a GIF picture", b"GIF8"),
    _sign("a TIFF picture", b"II*\0"),
    _sign("a TIFF picture", b"MM\0*"),
    _sign("a BMP picture", b"BM", (6, b"\0\0\0\0")),
    _sign("a PDF document", b"%PDF-", advice="extract its text first"),
    _sign("a PostScript document", b"%!PS-", advice="extract its text first"),
    _sign("an old Office document", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", advice="save it as text or CSV"),
    _sign("a NumPy array", b"\x93NUMPY", advice="its name should end with .npy"),
    _sign("a Parquet table", b"PAR1", advice="its name should end with .parquet"),
    _sign("an Arrow table", b"ARROW1", advice=_SAVE_TABLE),
    _sign("a Feather table", b"FEA1", advice=_SAVE_TABLE),
    _sign("an ORC table", b"ORC", advice=_SAVE_TABLE),
    _sign("an Avro table", b"Obj\x01", advice=_SAVE_TABLE),
    _sign("an SQLite database", b"SQLite format 3\0", advice=_SAVE_TABLE),
    _sign("a MATLAB file (version 5)", b"MATLAB 5.0 MAT-file", advice=_SAVE_MATRIX),
    _sign("a MATLAB file (version 7.3, HDF5)", b"MATLAB 7.3 MAT-file", advice=_SAVE_HDF5),
    _sign("an HDF5 file", b"\x89HDF\r\n\x1a\n", advice=_SAVE_HDF5),
    _sign("a NetCDF file", b"CDF\x01", advice=_SAVE_MATRIX.replace("scipy.io.loadmat", "xarray")),
    _sign("a NetCDF file", b"CDF\x02", advice=_SAVE_MATRIX.replace("scipy.io.loadmat", "xarray")),
    *(
        _sign("a Python pickle", bytes((0x80, protocol)), advice="write plain arrays, text or JSON instead")
        for protocol in range(2, 6)
    ),
    _sign("a bzip2 file", b"BZh", advice=_UNPACK),
    _sign("a gzip file", b"\x1f\x8b\x08", advice=_UNPACK),
    _sign("an xz file", b"\xfd7zXZ\0", advice=_UNPACK),
    _sign("a zstd file", b"\x28\xb5\x2f\xfd", advice=_UNPACK),
    _sign("an LZ4 file", b"\x04\x22\x4d\x18", advice=_UNPACK),
    _sign("a 7-Zip archive", b"7z\xbc\xaf\x27\x1c", advice=_UNPACK),
    _sign("a RAR archive", b"Rar!\x1a\x07", advice=_UNPACK),
    _sign("a tar archive", (257, b"ustar"), advice=_UNPACK),
    _sign("a program", b"\x7fELF"),
    _sign("a Windows program", b"MZ\x90\0"),
)
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_IN_ZIP = (
    (b"xl/workbook", Kind("an Excel workbook", advice=_SAVE_TABLE)),
    (b"word/document", Kind("a Word document", advice="save it as text")),
    (b"ppt/", Kind("a PowerPoint document", advice="save it as text")),
    (b"application/vnd.oasis.opendocument.spreadsheet", Kind("an OpenDocument table", advice=_SAVE_TABLE)),
    (b"application/vnd.oasis.opendocument", Kind("an OpenDocument document", advice="save it as text")),
    (b"application/epub+zip", Kind("an EPUB book", advice="extract its text first")),
    (b"/data.pkl", Kind("a PyTorch file", advice="write plain arrays, text or JSON instead")),
    (b".npy", Kind("an archive of NumPy arrays", advice="its name should end with .npz")),
)


def kind_of(data: bytes, text: bool = True) -> Kind | None:
    """The kind of file that bytes begin as, where it is known and not text; None else.

    Args:
        data: from the first byte on.
        text: whether they may be text: letters alone, as "ID3", are no sign then.
    """
    if data.startswith(_POINTER):
        return Kind("a pointer of Git LFS", advice="fetch the file itself (git lfs pull)")
    if data.startswith(_ZIP):
        ends = data[:_ENDS] + data[-_ENDS:]
        return next((kind for name, kind in _IN_ZIP if name in ends), Kind("a zip archive", advice=_UNPACK))
    for sign in _SIGNS:
        if all(data.startswith(mark, place) for place, mark in sign.marks):
            return None if text and not _is_binary(data[:_REACH]) else sign.kind
    size = _frame(data)
    if size and _frame(data[size:]):
        return Kind("an MP3 or AAC sound", sound=True, advice=_DECODE)
    if not text and len(data) >= _ENOUGH_TEXT and not _is_binary(data[:_ENOUGH_TEXT]):
        return Kind("text")
    return None


def may_become_known(data: bytes) -> bool:
    """Whether with more bytes `kind_of(..., text=False)` may tell a kind that it does not tell of these."""
    if len(data) < _ENOUGH_TEXT and not _is_binary(data):
        return True
    size = _frame(data)
    if len(data) < (size + _FRAME_HEADER if size else _FRAME_HEADER * data.startswith(b"\xff")):
        return True
    starts = [sign.marks for sign in _SIGNS if sign.marks[-1][0] < _ENOUGH_TEXT]
    return any(all(_may_have(data, place, mark) for place, mark in marks) for marks in starts)


def _may_have(data: bytes, place: int, mark: bytes) -> bool:
    """Whether these bytes, or these with more, have the mark."""
    part = data[place : place + len(mark)]
    return mark.startswith(part) and (len(part) == len(mark) or len(data) < place + len(mark))


def _is_binary(data: bytes) -> bool:
    if data.translate(None, _BINARY) != data:
        return True
    try:
        data[: len(data) - 3].decode()  # the last character may be cut
    except UnicodeDecodeError:
        return True
    return False


_FRAME_HEADER = 6
_LAYER_2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_HALF_RATE = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44100, 48000, 32000)


def _frame(data: bytes) -> int:
    """Bytes of the frame of MPEG audio (layers 2 and 3) or AAC (ADTS) that begins here; 0: none does."""
    if len(data) < _FRAME_HEADER or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return 0
    if data[1] & 0xF6 == 0xF0:
        size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
        return size if size > _FRAME_HEADER else 0
    version, layer, bits, rate = data[1] >> 3 & 3, data[1] >> 1 & 3, data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or layer not in (1, 2) or bits in (0, 15) or rate == 3:
        return 0
    kilobits = _HALF_RATE if version < 3 else _LAYER_3 if layer == 1 else _LAYER_2
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    eighths = 72 if version < 3 and layer == 1 else 144
    return eighths * kilobits[bits - 1] * 1000 // hertz + (data[2] >> 1 & 1)
