"""What can be told of an image from the first bytes of its data: its format and its size in pixels.

Reads as little as it can: images are the largest part of a request. Never raises; what cannot be read is None.
"""

import base64
import binascii
from typing import Any, NamedTuple

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object

MEDIA_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")

_HEAD = 64
_JPEG_USUAL = 4 * 1024
_JPEG_SEARCH = 256 * 1024
"""How far into a JPEG its size is looked for: at first, and behind camera data and colour profiles."""


class Image(NamedTuple):
    """An image that a message carries in base64.

    Attributes:
        message: index of the message.
        block: index in its content.
        where: path of the image, as error texts give it.
        source: its source.
    """

    message: int
    block: int
    where: str
    source: Json


def inline_images(conversation: Conversation) -> list[Image]:
    """Return the base64 images that are to be checked, those within results included."""
    return conversation.work_out(_inline_images)


def _inline_images(conversation: Conversation) -> list[Image]:
    found: list[Image] = []
    for index, position, block in conversation.of_type("image"):
        source = inline_source(block)
        if source is not None:
            found.append(Image(index, position, f"messages.{index}.content.{position}.image", source))
    for part in conversation.parts_of_type("image"):
        source = inline_source(part.body)
        if source is not None:
            found.append(Image(part.message, part.block, f"{part.where}.image", source))
    return found


def inline_source(block: Json) -> Json | None:
    """Return the base64 source of an image block, or None."""
    source: Any = block.get("source")
    inline = block.get("type") == "image" and is_object(source) and source.get("type") == "base64"
    return source if inline else None


def media_type_of(data: Any) -> str | None:
    """Return the media type that base64 data begins like, or None."""
    head = _decode(data, _HEAD)
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def size_of(data: Any) -> tuple[int, int] | None:
    """Return width and height in pixels, or None where they cannot be read."""
    kind = media_type_of(data)
    head = _decode(data, _HEAD)
    if kind == "image/png" and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if kind == "image/gif" and len(head) >= 10:
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if kind == "image/webp":
        return _size_of_webp(head)
    if kind == "image/jpeg":
        return _size_of_jpeg(_decode(data, _JPEG_USUAL)) or _size_of_jpeg(_decode(data, _JPEG_SEARCH))
    return None


def _decode(data: Any, count: int) -> bytes:
    """Decode about the first `count` bytes of base64 data."""
    if not isinstance(data, str):
        return b""
    text = data[: (count // 3 + 1) * 4]
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _size_of_webp(head: bytes) -> tuple[int, int] | None:
    if head[12:16] == b"VP8X" and len(head) >= 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 " and len(head) >= 30:
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in range(0xC0, 0xD0) and marker not in {0xC4, 0xC8, 0xCC}:
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return int.from_bytes(data[position + 7 : position + 9], "big"), height
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None
