"""The request does not limit the reply, or not by a number: it was written for an API where the limit has a default."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.parameters import fields, is_number, is_sent
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_USUAL = 4096
"""What every model can write, and what local servers take where nothing is said."""


def _problem(conversation: Conversation) -> str | None:
    request = fields(conversation)
    if conversation.context.counting:
        return None
    if "max_tokens" not in request:
        return "Field required" if is_sent(conversation) else None
    value: Any = request["max_tokens"]
    if not is_number(value) or not (isinstance(value, int) or value.is_integer()):
        return "Input should be a valid integer"
    # Zero is legal: it only warms the cache.
    return "Input should be greater than or equal to 0" if value < 0 else None


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(conversation)
    if problem:
        yield Violation(INVALID_MAX_TOKENS.id, INVALID_MAX_TOKENS.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    value: Any = request.get("max_tokens")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return {**request, "max_tokens": int(value[:9])}
    thinking: Any = request.get("thinking")
    budget: Any = thinking.get("budget_tokens") if is_object(thinking) else None
    # What is thought counts as well.
    return {**request, "max_tokens": _USUAL + (budget if isinstance(budget, int) and budget > 0 else 0)}


INVALID_MAX_TOKENS = Rule(
    id="RQ009",
    name="invalid-max-tokens",
    statement="`max_tokens` says how long the reply may be, as a whole number.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="max_tokens: {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="limited the reply",
)
