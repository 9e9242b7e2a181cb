"""The request holds many images, and one of them is larger than images may be among many."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.images import inline_source, size_of
from antiphon.protocol.media import Medium, all_media
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_MANY = 20
_MOST_PIXELS = 2000
_NOTE = (
    f"(An image stood here. It has more than {_MOST_PIXELS} pixels a side, too many beside more than {_MANY} images.)"
)


def _is_large(block: Json) -> bool:
    source = inline_source(block)
    size = size_of(source.get("data")) if source is not None else None
    return size is not None and max(size) > _MOST_PIXELS


def _faulty(conversation: Conversation) -> list[tuple[Medium, int]]:
    """Return the images that are too large, each with the index of the message that made it so."""
    images = [medium for medium in all_media(conversation) if kind_of(medium.body) == "image"]
    if len(images) <= _MANY:
        return []
    many_from = images[_MANY].message
    return [(image, max(image.message, many_from)) for image in images if _is_large(image.body)]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for image, message in _faulty(conversation):
        place = image.block if message == image.message else None
        yield Violation(
            IMAGE_TOO_LARGE_AMONG_MANY.id,
            IMAGE_TOO_LARGE_AMONG_MANY.error.format(where=image.where),
            message,
            place,
        )


def _repair(conversation: Conversation) -> Json:
    def replaced(block: Json) -> Json:
        return text_block(_NOTE) if _is_large(block) else block

    return change_blocks(conversation, replaced)


IMAGE_TOO_LARGE_AMONG_MANY = Rule(
    id="CO013",
    name="image-too-large-among-many",
    statement=f"In a request with more than {_MANY} images, each has at most {_MOST_PIXELS} pixels a side.",
    source=Source("reported", ("anthropics/claude-code#14412", "docs:/build-with-claude/vision")),
    error=(
        "{where}.source.base64: At least one of the image dimensions exceed max allowed size for many-image requests:"
        f" {_MOST_PIXELS} pixels"
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="replaced the image by a note",
)
