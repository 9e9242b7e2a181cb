"""Thinking has no signature: it comes from another model, or whoever stored it kept the text alone."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _problem(block: Json) -> str | None:
    if "signature" not in block:
        return ".thinking.signature: Field required"
    signature: Any = block["signature"]
    if not isinstance(signature, str):
        return ".thinking.signature.str: Input should be a valid string"
    # Empty text and empty signature are another rule's.
    return ": Invalid `signature` in `thinking` block" if not signature and block.get("thinking") != "" else None


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("thinking"):
        problem = _problem(block)
        if problem:
            text = UNSIGNED_THINKING.error.format(message=index, block=position, problem=problem)
            yield Violation(UNSIGNED_THINKING.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    faulty = ((i, j) for i, j, block in conversation.of_type("thinking") if _problem(block))
    return without(conversation, faulty)


UNSIGNED_THINKING = Rule(
    id="TH001",
    name="unsigned-thinking",
    statement="Every thinking block carries the signature it came with.",
    source=Source("reported", ("alibaba/open-code-review#811", "docs:/build-with-claude/extended-thinking")),
    error="messages.{message}.content.{block}{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the thinking",
)
