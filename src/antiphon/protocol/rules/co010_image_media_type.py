"""An image is said to be of a type that the API does not take."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.images import MEDIA_TYPES, inline_images, inline_source, media_type_of
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _is_faulty(source: Json) -> bool:
    return source.get("media_type") not in MEDIA_TYPES


def _check(conversation: Conversation) -> Iterator[Violation]:
    for image in inline_images(conversation):
        if _is_faulty(image.source):
            text = IMAGE_MEDIA_TYPE.error.format(where=image.where)
            yield Violation(IMAGE_MEDIA_TYPE.id, text, image.message, image.block)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, _corrected)


def _corrected(block: Json) -> Json:
    source = inline_source(block)
    if source is None or not _is_faulty(source):
        return block
    # The data know better than the label (`image/jpg`); what is no such image at all cannot be shown.
    found = media_type_of(source.get("data"))
    if found:
        return {**block, "source": {**source, "media_type": found}}
    kind = id_text(source.get("media_type"))
    return text_block(f"(An image of type {kind} stood here, which the model cannot look at.)")


IMAGE_MEDIA_TYPE = Rule(
    id="CO010",
    name="image-media-type",
    statement="An image is a JPEG, PNG, GIF or WebP.",
    source=Source("documented", ("docs:/build-with-claude/vision", "anthropics/claude-code#3073")),
    error=("{where}.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="corrected the media type, or replaced the image by a note",
)
