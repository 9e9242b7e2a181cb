"""An image has too many bytes or too many pixels, and stays in the history of every request from then on."""

from collections.abc import Iterator

from antiphon.protocol.context import Dialect
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.images import inline_images, inline_source, size_of
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_MEGABYTE = 1024 * 1024
_MOST_PIXELS = 8000


def _problem(source: Json, dialect: Dialect) -> str | None:
    data = source.get("data")
    if not isinstance(data, str):
        return None
    most = dialect.image_megabytes
    if len(data) > most * _MEGABYTE:
        return f"image exceeds {most} MB maximum: {len(data)} bytes > {most * _MEGABYTE} bytes"
    size = size_of(data)
    if size is not None and max(size) > _MOST_PIXELS:
        return f"At least one of the image dimensions exceed max allowed size: {_MOST_PIXELS} pixels"
    return None


def _check(conversation: Conversation) -> Iterator[Violation]:
    for image in inline_images(conversation):
        problem = _problem(image.source, conversation.dialect)
        if problem:
            text = IMAGE_TOO_LARGE.error.format(where=image.where, problem=problem)
            yield Violation(IMAGE_TOO_LARGE.id, text, image.message, image.block)


def _repair(conversation: Conversation) -> Json:
    def replaced(block: Json) -> Json:
        source = inline_source(block)
        problem = _problem(source, conversation.dialect) if source is not None else None
        return text_block(f"(An image stood here that is too large to be sent: {problem}.)") if problem else block

    return change_blocks(conversation, replaced)


IMAGE_TOO_LARGE = Rule(
    id="CO011",
    name="image-too-large",
    statement="An image has at most 10 MB in base64 (5 MB on Bedrock and Vertex) and 8000 pixels each way.",
    source=Source(
        "documented", ("docs:/build-with-claude/vision", "anthropics/claude-code#4778", "anthropics/claude-code#2104")
    ),
    error="{where}.source.base64: {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="replaced the image by a note",
)
