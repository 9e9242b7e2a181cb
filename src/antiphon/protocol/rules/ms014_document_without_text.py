"""A message holds a document and no text."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite, text_block
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json, blocks_of, kind_of, role_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_SEE = "(See the document.)"


def _found(conversation: Conversation) -> list[int]:
    indices = dict.fromkeys(index for index, _, _ in conversation.of_type("document"))
    return [
        index
        for index in indices
        if role_of(conversation.messages[index]) == "user" and _lacks_text(conversation, index)
    ]


def _lacks_text(conversation: Conversation, index: int) -> bool:
    # What holds for a document beside results is not known.
    return all(kind_of(block) not in {"text", "tool_result"} for block in blocks_of(conversation.messages[index]))


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index in _found(conversation):
        yield Violation(DOCUMENT_WITHOUT_TEXT.id, DOCUMENT_WITHOUT_TEXT.error, index)


def _repair(conversation: Conversation) -> Json:
    contents = {i: [*blocks_of(conversation.messages[i]), text_block(_SEE)] for i in _found(conversation)}
    return rewrite(conversation, contents)


DOCUMENT_WITHOUT_TEXT = Rule(
    id="MS014",
    name="document-without-text",
    statement="In Converse a user message with a document has a text, too.",
    source=Source("reported", ("archestra-ai/archestra#4220",)),
    error="A text block must be included when using documents.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="put a text behind the document",
)
