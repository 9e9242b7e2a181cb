"""The very same result stands twice in a user message: a retry or a merge appended it again."""

from collections.abc import Iterator

from antiphon.protocol.calls import Place, id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.duplicates import REPEATED_TEXT, repetitions
from antiphon.protocol.editing import same
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.salvage import release


def _found(conversation: Conversation) -> Iterator[Place]:
    return (found.result for found in repetitions(conversation) if same(found.result.body, found.first.body))


def _check(conversation: Conversation) -> Iterator[Violation]:
    for result in _found(conversation):
        name = id_text(result.body.get("tool_use_id"))
        text = REPEATED_TEXT.format(message=result.message, block=result.block, id=name)
        yield Violation(REPEATED_TOOL_RESULT.id, text, result.message, result.block)


def _repair(conversation: Conversation) -> Json:
    return release(conversation, _found(conversation))


REPEATED_TOOL_RESULT = Rule(
    id="TU008",
    name="repeated-tool-result",
    statement="Each call has one result: the same one is not sent twice.",
    source=Source("reported", ("vectorize-io/hindsight#4250", "RooCodeInc/Roo-Code#10497", "BerriAI/litellm#20047")),
    error=REPEATED_TEXT,
    check=_check,
    repair=_repair,
    done="dropped the second, identical result",
)
