"""What is told of an image from its first bytes."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_talk import assistant, call, image, request, result, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.images import media_type_of, size_of

ANTHROPIC = dialect("anthropic")


def _png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"


def _gif(width: int, height: int) -> bytes:
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\0\0\0"


def _jpeg(width: int, height: int) -> bytes:
    camera = b"\xff\xe1" + (4002).to_bytes(2, "big") + b"\xc0" * 4000
    frame = b"\xff\xc2\0\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03"
    return b"\xff\xd8" + camera + b"\xff\xc4\0\x03x" + frame + b"\0" * 20


def _webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + body + b"\0" * 30


def _webp_lossy(width: int, height: int) -> bytes:
    return _webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little"))


def _webp_lossless(width: int, height: int) -> bytes:
    return _webp(b"VP8L", b"\x2f" + ((height - 1) << 14 | (width - 1)).to_bytes(4, "little"))


def _webp_extended(width: int, height: int) -> bytes:
    return _webp(b"VP8X", b"\0" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


FORMATS = {
    "image/png": [_png],
    "image/gif": [_gif],
    "image/jpeg": [_jpeg],
    "image/webp": [_webp_lossy, _webp_lossless, _webp_extended],
}
every_format = pytest.mark.parametrize(
    ("media_type", "made"), [(media_type, made) for media_type, makers in FORMATS.items() for made in makers]
)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@every_format
@pytest.mark.parametrize("size", [(1, 1), (8000, 20), (300, 9001)])
def test_format_and_size_are_read(media_type: str, made: Any, size: tuple[int, int]) -> None:
    data = _encoded(made(*size))
    assert media_type_of(data) == media_type
    assert size_of(data) == size


@every_format
def test_an_image_with_too_many_pixels_is_refused_and_becomes_a_note(media_type: str, made: Any) -> None:
    fits, too_wide = image(_encoded(made(8000, 8000)), media_type), image(_encoded(made(8001, 2)), media_type)
    given_request = request(user("go"), assistant(call("a")), user(result("a", [fits, too_wide]), fits))
    (violation,) = check(given_request, ANTHROPIC)
    assert violation.rule == "CO011"
    assert violation.text == (
        "messages.2.content.0.tool_result.content.1.image.source.base64: "
        "At least one of the image dimensions exceed max allowed size: 8000 pixels"
    )
    note = text(
        "(An image stood here that is too large to be sent: "
        "At least one of the image dimensions exceed max allowed size: 8000 pixels.)"
    )
    assert repair(given_request, ANTHROPIC).request["messages"][2] == user(result("a", [fits, note]), fits)


def test_a_wrong_media_type_is_corrected_by_the_data_and_else_becomes_a_note() -> None:
    bitmap = image(_encoded(b"BM" + b"\0" * 50), "image/bmp")
    given_request = request(user(image(_encoded(_gif(2, 2)), "image/gif87"), bitmap))
    assert [violation.block for violation in check(given_request, ANTHROPIC)] == [0, 1]
    assert repair(given_request, ANTHROPIC).request["messages"][0] == user(
        image(_encoded(_gif(2, 2)), "image/gif"),
        text("(An image of type image/bmp stood here, which the model cannot look at.)"),
    )


def test_images_by_url_or_file_are_not_looked_at() -> None:
    by_url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.bmp"}}
    by_file = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    assert check(request(user(by_url, by_file)), ANTHROPIC) == []


@given(data=st.text() | st.binary().map(_encoded) | st.none() | st.integers(), cut=st.integers(0, 60))
def test_nothing_is_known_of_what_cannot_be_read(data: Any, cut: int) -> None:
    media_type_of(data)
    size_of(data)
    for makers in FORMATS.values():
        for made in makers:
            size_of(_encoded(made(7, 9)[:cut]))
