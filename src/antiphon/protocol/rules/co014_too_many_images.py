"""The request holds more images and documents than its model looks at."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.media import MEDIA, Medium, all_media
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.models import FEW_IMAGES, MANY_IMAGES, most_images
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_STEP = 20


def _surplus(conversation: Conversation) -> list[Medium]:
    """Return the images and documents beyond those that are allowed."""
    media = all_media(conversation)
    # Nearly all requests have fewer than any model takes.
    if len(media) <= FEW_IMAGES:
        return []
    return media[most_images(conversation.request.get("model")) :]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for first in _surplus(conversation)[:1]:
        kinds = [kind_of(medium.body) for medium in all_media(conversation)]
        text = TOO_MANY_IMAGES.error.format(
            images=kinds.count("image"),
            documents=kinds.count("document"),
            most=most_images(conversation.request.get("model")),
        )
        yield Violation(TOO_MANY_IMAGES.id, text, first.message, first.block)


def _repair(conversation: Conversation) -> Json:
    # The oldest go, and some at a time: with each new image another one to go would change the beginning each time,
    # and with it what is cached.
    count = -(-len(_surplus(conversation)) // _STEP) * _STEP
    left = iter(range(count))

    def replaced(block: Json) -> Json:
        if kind_of(block) not in MEDIA or next(left, None) is None:
            return block
        return text_block(f"(An older {kind_of(block)} stood here. There were too many to send them all.)")

    return change_blocks(conversation, replaced)


TOO_MANY_IMAGES = Rule(
    id="CO014",
    name="too-many-images",
    statement=f"A request holds at most {MANY_IMAGES} images and documents ({FEW_IMAGES} for smaller models).",
    source=Source(
        "documented", ("docs:/build-with-claude/vision", "openclaw/openclaw#13202", "anthropics/claude-code#26188")
    ),
    error="too many images and documents: {images} + {documents} > {most}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="replaced the oldest by notes",
)
