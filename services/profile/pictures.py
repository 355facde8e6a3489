"""Drawing an uploaded picture anew. Not for the event loop.

Nothing of the file but its colours survives: the kind is read from its first bytes and must be one of three,
the number of pixels is bounded before any is decoded, only the first frame is, and what is written has no
metadata and nothing after its end.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from pulsemesh.profile.v1 import avatar_service_pb2 as wire
from services.profile.errors import ImageInvalid

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
MEDIA_TYPE = "image/webp"

SIZES: Mapping[int, int] = {
    wire.AVATAR_SIZE_SMALL: 64,
    wire.AVATAR_SIZE_MEDIUM: 256,
    wire.AVATAR_SIZE_LARGE: 512,
}
"""From the contract's sizes to pixels of a side."""

_KINDS = ("JPEG", "PNG", "WEBP")
_QUALITY = 82
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, MemoryError, ArithmeticError),
    *(LookupError, TypeError, AttributeError, AssertionError),
)
"""What Pillow's readers are known to raise over damage."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is served.

    Attributes:
        avatar_id: of what is in it.
        contents: a WebP file for each of `SIZES`.
    """

    avatar_id: str
    contents: Mapping[int, bytes]


def redraw(content: bytes) -> Picture:
    """
    Raises:
        ImageInvalid: it is no picture of an accepted kind, is broken, or has too many pixels.
    """
    if len(content) > MAX_BYTES:
        raise ImageInvalid(f"more than {MAX_BYTES} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, which is dropped anyway
        square = _square(content)
        contents = {size: _written(square, side) for size, side in SIZES.items()}
    digest = hashlib.sha256(b"".join(contents[size] for size in sorted(contents)))
    return Picture(digest.hexdigest()[:32], contents)


def _square(content: bytes) -> Image.Image:
    """The middle of the picture, upright, in colours without a palette, at most as large as is served."""
    try:
        with Image.open(io.BytesIO(content), formats=_KINDS) as image:
            _check_size(*image.size)
            largest = max(SIZES.values())
            image.draft("RGB", (2 * largest, 2 * largest))  # JPEG decodes no more than that
            upright = ImageOps.exif_transpose(image)
            return ImageOps.fit(_flattened(upright), (largest, largest), Image.Resampling.LANCZOS)
    except UnidentifiedImageError:
        raise ImageInvalid("it is neither JPEG nor PNG nor WebP") from None
    except Image.DecompressionBombError:
        raise ImageInvalid("too many pixels") from None
    except _BROKEN:
        raise ImageInvalid("it is broken") from None


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageInvalid(f"more than {MAX_PIXELS} pixels, or more than {MAX_SIDE} in a row")


def _flattened(image: Image.Image) -> Image.Image:
    """On white, where it is transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        ground = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(ground, coloured).convert("RGB")
    return image.convert("RGB")


def _written(square: Image.Image, side: int) -> bytes:
    clean = Image.new("RGB", (side, side))
    clean.paste(square.resize((side, side), Image.Resampling.LANCZOS))
    buffer = io.BytesIO()
    clean.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
