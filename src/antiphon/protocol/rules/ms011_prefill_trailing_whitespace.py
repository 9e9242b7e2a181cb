"""The final assistant message, from which the model is to go on, ends with whitespace."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_content, with_messages
from antiphon.protocol.ending import final_assistant_message, refuses_to_go_on
from antiphon.protocol.messages import Json, blocks_of
from antiphon.protocol.rule import Rule, Source, Violation


def _last_text(message: Json) -> str | None:
    blocks = blocks_of(message)
    text = blocks[-1].get("text") if blocks and blocks[-1].get("type") == "text" else None
    return text if isinstance(text, str) else None


def _check(conversation: Conversation) -> Iterator[Violation]:
    index = final_assistant_message(conversation)
    if index is None or refuses_to_go_on(conversation):
        return
    message = conversation.messages[index]
    text = _last_text(message)
    # A message of blanks alone, and an empty block, are refused for being that.
    if text and text != text.rstrip() and any(_says_something(block) for block in blocks_of(message)):
        yield Violation(PREFILL_TRAILING_WHITESPACE.id, PREFILL_TRAILING_WHITESPACE.error, index)


def _says_something(block: Json) -> bool:
    return block.get("type") != "text" or bool(str(block.get("text")).strip())


def _repair(conversation: Conversation) -> Json:
    *before, message = conversation.messages
    text = (_last_text(message) or "").rstrip()
    if isinstance(message.get("content"), str):
        return with_messages(conversation.request, [*before, {**message, "content": text}])
    *blocks, last = blocks_of(message)
    blocks += [{**last, "text": text}] if text else []
    return with_messages(conversation.request, [*before, with_content(message, blocks)])


PREFILL_TRAILING_WHITESPACE = Rule(
    id="MS011",
    name="prefill-trailing-whitespace",
    statement="An assistant message that the model is to go on from does not end with whitespace.",
    source=Source("reported", ("tailcallhq/forgecode#1872",)),
    error="messages: final assistant content cannot end with trailing whitespace",
    check=_check,
    repair=_repair,
    done="cut the white space at the end",
)
