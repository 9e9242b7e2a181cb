"""Images in tool results: told by their first bytes, refused where the API would refuse them.

A request with an image that the API does not take is refused as a whole, for as long as the image is in the
conversation. So what is not surely acceptable does not become an image block. Does not decode pictures.
"""

import base64
import struct
from dataclasses import dataclass

from antiphon.protocol.messages import Json

MAX_ENCODED = 5 * 1024 * 1024
"""Longest base64 text of one image; 5 MB is what every host of the API takes (the first-party API takes more)."""
MAX_SIDE = 8000
"""Longest side in pixels that the API takes."""


class UnusableImage(ValueError):
    """Bytes that the API would not take as an image; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image a Python tool returns; PNG, JPEG, GIF or WebP."""

    data: bytes

    def block(self) -> Json:
        """Return the content block of the image.

        Raises:
            UnusableImage: the bytes are no image of these kinds, or too large for the API.
        """
        return image_block(self.data)


def media_type_of(head: bytes) -> str | None:
    """Return the media type that the first bytes (16 are enough) tell, or None when it is no image the API takes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def image_block(data: bytes) -> Json:
    """Return the content block of an image.

    Raises:
        UnusableImage: the bytes are no image the API takes: another format, cut off, or too large.
    """
    media_type = media_type_of(data[:16])
    if media_type is None:
        raise UnusableImage("it is not a PNG, JPEG, GIF or WebP image")
    encoded = (len(data) + 2) // 3 * 4
    if encoded > MAX_ENCODED:
        limit = MAX_ENCODED * 3 // 4
        raise UnusableImage(f"it has {len(data):,} bytes and an image may have at most {limit:,}")
    width, height = size_of(data)
    if max(width, height) > MAX_SIDE:
        raise UnusableImage(f"it is {width} x {height} pixels and a side may have at most {MAX_SIDE}")
    source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode("ascii")}
    return {"type": "image", "source": source}


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels, read from the image's header.

    Raises:
        UnusableImage: the image is cut off or damaged as far as its frame shows.
    """
    media_type = media_type_of(data[:16])
    try:
        if media_type == "image/png":
            size = _png(data)
        elif media_type == "image/jpeg":
            size = _jpeg(data)
        elif media_type == "image/gif":
            size = struct.unpack_from("<HH", data, 6) if data.rstrip(b"\0").endswith(b";") else None
        else:
            size = _webp(data)
    except (struct.error, IndexError):
        size = None
    if size is None or 0 in size:
        raise UnusableImage("it is damaged or cut off")
    return size[0], size[1]


def _png(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR" or b"IEND" not in data[-64:]:
        return None
    return struct.unpack_from(">II", data, 16)


_WITHOUT_SIZE = frozenset({0xC4, 0xC8, 0xCC})
"""JPEG markers that stand among the start-of-frame markers (C0 to CF) and are none."""


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if b"\xff\xd9" not in data[-4096:]:  # the end marker; cameras write a little behind it
        return None
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _WITHOUT_SIZE:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            at += 2 + length


def _webp(data: bytes) -> tuple[int, int] | None:
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
