"""What is drawn of an uploaded file, and which files are refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.profile.errors import ImageInvalid
from services.profile.pictures import MAX_BYTES, SIZES, redraw

SECRET = b"GPS 52.5163 13.3777"


def drawn(kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    image = Image.new(mode, size)
    image.paste(Image.linear_gradient("L").resize((size[0] // 2, size[1])).convert(mode), (0, 0))
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_picture_is_served_square_in_three_sizes(kind: str, mode: str) -> None:
    picture = redraw(drawn(kind, mode=mode))
    for size, side in SIZES.items():
        with Image.open(io.BytesIO(picture.contents[size])) as served:
            assert (served.format, served.size) == ("WEBP", (side, side))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_picture_with_transparency_or_a_palette_is_taken(mode: str) -> None:
    assert redraw(drawn("PNG", mode=mode)).contents


def test_the_same_picture_has_the_same_id() -> None:
    assert redraw(drawn("PNG")).avatar_id == redraw(drawn("PNG", compress_level=1)).avatar_id


def test_nothing_of_the_metadata_is_served() -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    content = drawn("JPEG", exif=exif, comment=SECRET, icc_profile=SECRET)
    assert SECRET in content
    for served in redraw(content).contents.values():
        assert SECRET not in served
        with Image.open(io.BytesIO(served)) as image:
            assert not image.getexif()
            assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)


def test_a_picture_on_its_side_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = redraw(drawn("PNG", exif=exif)).contents
    assert lying != redraw(drawn("PNG")).contents


def test_what_hangs_behind_the_picture_is_not_served() -> None:
    polyglot = drawn("JPEG") + b"<script>alert(1)</script>PK\x03\x04" + SECRET
    served = b"".join(redraw(polyglot).contents.values())
    assert b"script" not in served
    assert SECRET not in served


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"hello",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "a GIF of ten thousand frames": lambda: (
        drawn("GIF", mode="P")[:-1] + b"!\xf9\x04\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0" * 10_000 + b";"
    ),
    "a TIFF": lambda: drawn("TIFF"),
    "a BMP": lambda: drawn("BMP"),
    "an EPS": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "a PDF": lambda: drawn("PDF"),
    "a bomb": lambda: png(16_000, 16_000, zlib.compress(bytes(10_000_000), 9)),
    "a bomb in one row": lambda: png(2_000_000, 10, zlib.compress(bytes(1000))),
    "no pixels": lambda: png(0, 10, b""),
    "a header alone": lambda: drawn("PNG")[:40],
    "half a JPEG": lambda: drawn("JPEG", size=(400, 400))[:400],
    "half a WebP": lambda: drawn("WEBP", size=(400, 400))[:300],
    "too many bytes": lambda: drawn("JPEG") + bytes(MAX_BYTES),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str) -> None:
    with pytest.raises(ImageInvalid):
        redraw(HOSTILE[name]())


SEEDS = [drawn(kind, size=(24, 16)) for kind in ("JPEG", "PNG", "WEBP")]


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8))
@settings(max_examples=120, deadline=None)
def test_damage_is_either_refused_or_drawn(seed: bytes, damage: list[tuple[int, int]]) -> None:
    content = bytearray(seed)
    for place, value in damage:
        content[place % len(content)] = value
    try:
        served = redraw(bytes(content))
    except ImageInvalid:
        return
    assert set(served.contents) == set(SIZES)


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_arbitrary_bytes_are_refused(content: bytes) -> None:
    for beginning in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x01\x00\x00WEBP"):
        with pytest.raises(ImageInvalid):
            redraw(beginning + content)
