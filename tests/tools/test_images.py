"""Images: only what the API surely takes becomes a block."""

import base64

import pytest
from pictures import PNG, WEBP_EXTENDED, WEBP_LOSSLESS, WEBP_LOSSY, gif, jpeg, png

from antiphon.tools.images import MAX_ENCODED, Image, UnusableImage, image_block, media_type_of, size_of


@pytest.mark.parametrize(
    ("data", "media_type", "size"),
    [
        (png(20, 30), "image/png", (20, 30)),
        (jpeg(), "image/jpeg", (2, 3)),
        (gif(), "image/gif", (4, 5)),
        (WEBP_EXTENDED, "image/webp", (6, 7)),
        (WEBP_LOSSLESS, "image/webp", (8, 9)),
        (WEBP_LOSSY, "image/webp", (10, 11)),
    ],
)
def test_the_four_kinds_are_told_by_their_bytes(data: bytes, media_type: str, size: tuple[int, int]) -> None:
    assert (media_type_of(data), size_of(data)) == (media_type, size)
    block = Image(data).block()
    assert block["source"] == {
        "type": "base64",
        "media_type": media_type,
        "data": base64.b64encode(data).decode(),
    }


@pytest.mark.parametrize("data", [b"", b"text", b"BM12", b"RIFF1234WAVE", b"%PDF-1.7"])
def test_anything_else_is_no_image(data: bytes) -> None:
    with pytest.raises(UnusableImage, match="not a PNG, JPEG, GIF or WebP"):
        image_block(data)


@pytest.mark.parametrize("whole", [PNG, jpeg(), gif(), WEBP_EXTENDED, WEBP_LOSSLESS, WEBP_LOSSY])
def test_an_image_that_is_cut_off_anywhere_is_refused(whole: bytes) -> None:
    for length in range(len(whole) - 4):
        with pytest.raises(UnusableImage):
            image_block(whole[:length])


def test_an_image_that_is_too_large_for_some_host_is_refused() -> None:
    room = MAX_ENCODED // 4 * 3 - len(PNG)
    assert len(image_block(png(padding=room))["source"]["data"]) == MAX_ENCODED
    with pytest.raises(UnusableImage, match=r"it has 3,932,161 bytes and an image may have at most 3,932,160"):
        image_block(png(padding=room + 1))


def test_an_image_with_too_long_a_side_is_refused() -> None:
    assert image_block(png(8000, 1))
    with pytest.raises(UnusableImage, match="it is 1 x 8001 pixels and a side may have at most 8000"):
        image_block(png(1, 8001))
    with pytest.raises(UnusableImage, match="damaged"):
        image_block(png(0, 1))
