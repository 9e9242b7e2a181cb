"""An image is said to be of one type, and its data are of another."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.images import MEDIA_TYPES, inline_images, inline_source, media_type_of
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation


def _real_type(source: Json) -> str | None:
    """Return the media type of an image that has another one than it says, else None."""
    said = source.get("media_type")
    found = media_type_of(source.get("data")) if said in MEDIA_TYPES else None
    return None if found == said else found


def _check(conversation: Conversation) -> Iterator[Violation]:
    for image in inline_images(conversation):
        found = _real_type(image.source)
        if found:
            said = image.source["media_type"]
            text = MISLABELLED_IMAGE.error.format(where=image.where, said=said, found=found)
            yield Violation(MISLABELLED_IMAGE.id, text, image.message, image.block)


def _repair(conversation: Conversation) -> Json:
    def corrected(block: Json) -> Json:
        source = inline_source(block)
        found = _real_type(source) if source is not None else None
        return {**block, "source": {**source, "media_type": found}} if source is not None and found else block

    return change_blocks(conversation, corrected)


MISLABELLED_IMAGE = Rule(
    id="CO017",
    name="mislabelled-image",
    statement="The media type of an image is that of its data.",
    source=Source("reported", ("vybestack/llxprt-code#2130", "anthropics/claude-code#13131")),
    error=(
        "{where}.source.base64: The image was specified using the {said} media type, but the image appears to be a"
        " {found} image"
    ),
    check=_check,
    repair=_repair,
    done="corrected the media type",
)
