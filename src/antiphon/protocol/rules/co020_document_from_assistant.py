"""An assistant message holds a document, which the newest version of the API takes from the user only."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation, Placed
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, indexed_blocks, role_of
from antiphon.protocol.parameters import STRICTER_VERSION
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _faulty(conversation: Conversation) -> list[Placed]:
    if conversation.context.version != STRICTER_VERSION:
        return []
    return [
        placed
        for placed in conversation.of_type("document")
        if role_of(conversation.messages[placed[0]]) == "assistant"
    ]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, _ in _faulty(conversation):
        text = DOCUMENT_FROM_ASSISTANT.error.format(message=index, block=position)
        yield Violation(DOCUMENT_FROM_ASSISTANT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    """Move each document to the end of the user message that comes next."""
    messages = conversation.messages
    contents: dict[int, list[Json]] = {}
    added: dict[int, list[Json]] = {}
    places = {(index, position) for index, position, _ in _faulty(conversation)}
    homes: dict[int, int | None] = {}
    home = None
    for index in range(len(messages) - 1, -1, -1):
        homes[index] = home
        home = index if role_of(messages[index]) == "user" else home
    for index, _, document in _faulty(conversation):
        if index not in contents:
            contents[index] = [block for j, block in indexed_blocks(messages[index]) if (index, j) not in places]
        home = homes[index]
        if home is None:
            added.setdefault(len(messages) - 1, [{"role": "user", "content": []}])[0]["content"].append(document)
        else:
            own = [block for _, block in indexed_blocks(messages[home])]
            contents.setdefault(home, own).append(document)
    return rewrite(conversation, contents, added)


DOCUMENT_FROM_ASSISTANT = Rule(
    id="CO020",
    name="document-from-assistant",
    statement="With API version 2026-10-21 assistant messages hold no documents.",
    source=Source("documented", ("docs:/api/migration-2026-10-21",)),
    error="messages.{message}.content.{block}: `document` blocks can only be in `user` messages",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="moved the document to the next user message",
)
