"""The data of an image are no image: not base64, cut off at the front, empty, or of something else."""

import re
from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.images import MEDIA_TYPES, inline_images, inline_source, media_type_of
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_HEAD = 88
_BASE64 = re.compile("[A-Za-z0-9+/]*=*")
_NOTE = "(An image stood here that cannot be read.)"


def _problem(source: Json) -> str | None:
    if source.get("media_type") not in MEDIA_TYPES:
        # Another rule's; it looks at the data, too.
        return None
    data: Any = source.get("data")
    if not isinstance(data, str):
        return f".data: {'Input should be a valid string' if 'data' in source else 'Field required'}"
    # What an image begins with tells; to decode all of it would cost more than all other rules together. What the API
    # makes of data in lines nobody says.
    if any(character.isspace() for character in data[:_HEAD]):
        return None
    if not _BASE64.fullmatch(data, 0, _HEAD):
        return ": invalid base64 data"
    return None if media_type_of(data) else ": Could not process image"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for image in inline_images(conversation):
        problem = _problem(image.source)
        if problem:
            text = UNREADABLE_IMAGE.error.format(where=image.where, problem=problem)
            yield Violation(UNREADABLE_IMAGE.id, text, image.message, image.block)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, _corrected)


def _corrected(block: Json) -> Json:
    source = inline_source(block)
    if source is None or not _problem(source):
        return block
    data: Any = source.get("data")
    if isinstance(data, str):
        # A data URL where its data were wanted, or the alphabet of URLs.
        plain = data.rpartition(";base64,")[2] if data.startswith("data:") else data
        plain = plain.replace("-", "+").replace("_", "/")
        found = {**source, "media_type": media_type_of(plain), "data": plain}
        if found["media_type"] and not _problem(found):
            return {**block, "source": found}
    return text_block(_NOTE)


UNREADABLE_IMAGE = Rule(
    id="CO016",
    name="unreadable-image",
    statement="The data of an image are those of an image, in base64.",
    source=Source("reported", ("HiveNexus/HiveChat#39", "anthropics/claude-code#10395")),
    error="{where}.source.base64{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="corrected how the data are written, or replaced the image by a note",
)
