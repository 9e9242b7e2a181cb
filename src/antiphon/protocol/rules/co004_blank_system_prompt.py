"""The system prompt has a text block without text, or is made of whitespace alone."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(conversation.request)
    if problem:
        yield Violation(BLANK_SYSTEM_PROMPT.id, BLANK_SYSTEM_PROMPT.error.format(problem=problem))


def _problem(request: Any) -> str | None:
    texts = _texts(request.get("system")) if is_object(request) else []
    if "" in texts:
        return "be non-empty"
    return "contain non-whitespace text" if texts and not "".join(texts).strip() else None


def _texts(system: Any) -> list[str]:
    # An empty string is no system prompt at all, and fine.
    if isinstance(system, str):
        return [system] if system else []
    blocks: list[Any] = system if is_array(system) else []
    return [block["text"] for block in blocks if is_object(block) and isinstance(block.get("text"), str)]


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    system: Any = request.get("system")
    blocks: list[Any] = system if is_array(system) else []
    blocks = [block for block in blocks if not (is_object(block) and block.get("text") == "")]
    if blocks and "".join(_texts(blocks)).strip():
        return {**request, "system": blocks}
    return {key: value for key, value in request.items() if key != "system"}


BLANK_SYSTEM_PROMPT = Rule(
    id="CO004",
    name="blank-system-prompt",
    statement="The system prompt, where there is one, has text.",
    source=Source("measured", ("experientiallabs/experiential#804",)),
    error="system: text content blocks must {problem}",
    check=_check,
    repair=_repair,
    done="dropped the blank system prompt",
)
