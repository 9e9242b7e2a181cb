"""The smallest images of each kind, made here byte by byte."""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, *, padding: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (1 + width) * height) if width * height < 10_000 else b""
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", head),
            _chunk(b"tEXt", b"x" * padding),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def jpeg(width: int = 2, height: int = 3) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"".join(
        (
            b"\xff\xd8",
            b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9),
            b"\xff\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame,
            b"\xff\xda\x00\x02",
            b"\x00\xff\xd9",
        )
    )


def gif(width: int = 4, height: int = 5) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0" + b";"


def webp(kind: bytes, body: bytes) -> bytes:
    content = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(content)) + content


PNG = png()
WEBP_EXTENDED = webp(b"VP8X", bytes(4) + (6 - 1).to_bytes(3, "little") + (7 - 1).to_bytes(3, "little"))
WEBP_LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", (8 - 1) | (9 - 1) << 14))
WEBP_LOSSY = webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 10, 11))
