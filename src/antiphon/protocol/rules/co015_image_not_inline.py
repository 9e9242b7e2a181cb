"""An image or document is given by its address or as an uploaded file, and this upstream wants its bytes."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.media import MEDIA, all_media
from antiphon.protocol.messages import Json, is_object, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_REMOTE = {"url": "url", "file": "file_id"}
"""Kinds of sources, and the field that says where the bytes are."""


def _remote_source(block: Json) -> Json | None:
    source: Any = block.get("source") if kind_of(block) in MEDIA else None
    return source if is_object(source) and kind_of(source) in _REMOTE else None


def _check(conversation: Conversation) -> Iterator[Violation]:
    if not conversation.dialect.inline_media:
        return
    for medium in all_media(conversation):
        source = _remote_source(medium.body)
        if source is not None and medium.message >= conversation.start:
            text = IMAGE_NOT_INLINE.error.format(where=medium.where, type=kind_of(source))
            yield Violation(IMAGE_NOT_INLINE.id, text, medium.message, medium.block)


def _repair(conversation: Conversation) -> Json:
    def replaced(block: Json) -> Json:
        source = _remote_source(block)
        if source is None:
            return block
        address = source.get(_REMOTE[kind_of(source)])
        named = f": {address}" if isinstance(address, str) else ""
        return text_block(f"(The {kind_of(block)} that stood here cannot be loaded from where it is{named})")

    return change_blocks(conversation, replaced)


IMAGE_NOT_INLINE = Rule(
    id="CO015",
    name="image-not-inline",
    statement="On Vertex and Bedrock images and documents are sent as data, not as addresses or files.",
    source=Source("documented", ("docs:/build-with-claude/vision", "pollinations/pollinations#5862")),
    error="{where}.source: Input tag '{type}' found using 'type' does not match any of the expected tags: 'base64'",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="replaced the image or document by a note that says where it is",
)
