"""Reading and writing pictures: what is taken, what is refused, and with which way out."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cpushare import colour
from cpushare.images import Reading, format_of, read_image
from cpushare.writing import FORMATS, fits, write_image
from vm.errors import OverLimit, Refused

RANDOM = np.random.default_rng(5)
GRAY = RANDOM.integers(0, 256, (11, 7), np.uint8)
COLOUR = RANDOM.integers(0, 256, (11, 7, 3), np.uint8)
DEEP = RANDOM.integers(0, 65536, (11, 7), np.uint16)


@pytest.mark.parametrize("suffix", [*FORMATS, ".npy"])
@pytest.mark.parametrize("name", ["gray", "colour", "deep", "float"])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str, name: str) -> None:
    image = {"gray": GRAY, "colour": COLOUR, "deep": DEEP, "float": GRAY.astype(np.float32)}[name]
    path = tmp_path / f"x{suffix}"
    if not fits(suffix, image):
        with pytest.raises(Refused, match=r"\.npy"):
            write_image(path, image)
        assert not path.exists()
        return
    write_image(path, image)
    seen = read_image(path)
    assert seen.dtype == image.dtype
    assert seen.shape == image.shape
    if suffix not in (".jpg", ".jpeg"):
        assert np.array_equal(seen, image)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numpy_files_of_every_type(tmp_path: Path, kind: str, order: str) -> None:
    image = np.arange(12).reshape(3, 4).astype(order + kind)
    np.save(tmp_path / "a.npy", np.asfortranarray(image))
    seen = read_image(tmp_path / "a.npy")
    assert np.array_equal(seen, image)
    assert seen.flags.c_contiguous
    assert seen.dtype.isnative


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2), object),
        np.zeros((2, 2), np.complex64),
        np.zeros((2, 2), "S3"),
        np.zeros(4, np.uint8),
        np.zeros((1, 2, 3, 4), np.uint8),
        np.zeros((2, 2), [("a", "u1")]),
    ],
    ids=["objects", "complex", "text", "line", "four axes", "records"],
)
def test_what_is_no_image_is_refused(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(Refused):
        read_image(tmp_path / "a.npy")


def test_a_numpy_file_that_lies_about_its_size(tmp_path: Path) -> None:
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 30, 1 << 30)}
    np.lib.format.write_array_header_1_0(file, header)
    (tmp_path / "a.npy").write_bytes(file.getvalue())
    with pytest.raises(OverLimit, match="max-pixels"):
        read_image(tmp_path / "a.npy")
    np.lib.format.write_array_header_1_0(file := io.BytesIO(), header | {"shape": (9, 9)})
    (tmp_path / "a.npy").write_bytes(file.getvalue())
    with pytest.raises(Refused, match="damaged"):
        read_image(tmp_path / "a.npy")


def png(width: int, height: int, depth: int, kind: int, body: bytes) -> bytes:
    """A PNG, chunk by chunk."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(60000, 60000, 8, 0, bytes(1000)))
    with pytest.raises(OverLimit, match="3,600,000,000"):
        read_image(tmp_path / "bomb.png")


def test_sixteen_bits_a_channel_are_never_cut_silently(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(2))
    (tmp_path / "deep.png").write_bytes(png(2, 2, 16, 2, rows))
    with pytest.raises(Refused, match="16 bits"):
        read_image(tmp_path / "deep.png")
    (tmp_path / "deep.ppm").write_bytes(b"P6 # deep\n2 1 65535\n" + bytes(12))
    with pytest.raises(Refused, match="16 bits"):
        read_image(tmp_path / "deep.ppm")


def test_transparency_needs_to_be_told_what_lies_behind(tmp_path: Path) -> None:
    rgba = np.dstack([COLOUR, np.full(GRAY.shape, 255, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), COLOUR)
    rgba[0, 0, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    with pytest.raises(Refused, match="--background"):
        read_image(tmp_path / "a.png")
    seen = read_image(tmp_path / "a.png", Reading(background=(1, 2, 3)))
    assert tuple(seen[0, 0]) == (1, 2, 3)
    assert np.array_equal(seen[1:], COLOUR[1:])


TURNED = [
    GRAY, GRAY[:, ::-1], GRAY[::-1, ::-1], GRAY[::-1], GRAY.T, np.rot90(GRAY, -1),
    GRAY[::-1, ::-1].T, np.rot90(GRAY),
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".tif", ".png", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_followed_unless_told_otherwise(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"a{suffix}"
    picture = Image.fromarray(GRAY)
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.convert("RGB").save(path, exif=exif, lossless=True)
    turned, plain = read_image(path), read_image(path, Reading(rotate=False))
    assert np.array_equal(turned[:, :, 0], TURNED[orientation - 1])
    assert np.array_equal(plain[:, :, 0], GRAY)


def test_a_palette_becomes_colour_and_bilevel_becomes_gray(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).quantize(16).save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").shape == COLOUR.shape
    Image.fromarray(GRAY).convert("1").save(tmp_path / "b.png")
    assert set(read_image(tmp_path / "b.png").ravel().tolist()) <= {0, 255}


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", GRAY)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(read_image(tmp_path / "a.jpg"), GRAY)
    assert format_of(b"GIF89a") is None
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + bytes(50))
    with pytest.raises(Refused, match="no PNG"):
        read_image(tmp_path / "a.gif")


def test_png_is_not_packed_as_tight_as_can_be(tmp_path: Path) -> None:
    """Packing a dithered picture tightly takes several times as long as all the rest of a task."""
    dithered = np.random.default_rng(0).integers(0, 2, (256, 256), np.uint8) * 255
    write_image(tmp_path / "a.png", dithered)
    written = (tmp_path / "a.png").read_bytes()
    start = written.index(b"IDAT") + 4
    assert written[start + 1] >> 6 == 1, "the level, as zlib's header tells it: fast"
    assert len(written) < dithered.size // 4


def test_cmyk_is_refused(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(Refused, match="CMYK"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".ppm", ".bmp", ".npy"])
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, np.tile(COLOUR, (8, 8, 1)))
    whole = path.read_bytes()
    for length in {0, 1, 4, 11, 20, 33, 60, 128, len(whole) // 2}:
        path.write_bytes(whole[:length])
        with pytest.raises(Refused):
            read_image(path)


def test_gray_is_the_standard_librarys(tmp_path: Path) -> None:
    weights = np.array([0.299, 0.587, 0.114])
    gray = colour.to_gray(COLOUR, "interpret")
    assert gray.dtype == np.uint8
    assert np.abs(COLOUR @ weights - gray).max() <= 0.5 + 1e-9


def test_a_header_that_only_a_tokenizer_stumbles_over(tmp_path: Path) -> None:
    """Found by the fuzzer: NumPy's reader lets other errors out than it says."""
    header = b"{" + b"\xff" * 40 + b"'descr': '|u1', 'fortran_o()*+,-./"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(Refused, match="damaged"):
        read_image(path)


def test_a_strip_at_half_a_byte(tmp_path: Path) -> None:
    """Found by the fuzzer: an offset that is no whole number ends in a TypeError of Pillow's."""
    data = base64.b64decode(
        "SUkqAAgAAAAJAAABBAABAAAACAAAAAEBBAABAAAACAAAAAYBAwABAAAAAQAAABEBDAABAAAAAAAAAAEz"
    )
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    with pytest.raises(Refused, match="damaged"):
        read_image(path)
