"""The request does not say which model is to answer."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.parameters import fields, is_sent
from antiphon.protocol.rule import Rule, Source, Violation


def _problem(conversation: Conversation) -> str | None:
    request = fields(conversation)
    if "model" not in request:
        # Where its name stands in the URL, it stands there.
        return "Field required" if is_sent(conversation) and not conversation.dialect.body_version else None
    model: Any = request["model"]
    if not isinstance(model, str):
        return "Input should be a valid string"
    return None if model else "String should have at least 1 character"


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(conversation)
    if problem:
        yield Violation(MODEL_MISSING.id, MODEL_MISSING.error.format(problem=problem))


# Which model it was to be nobody knows here.
MODEL_MISSING = Rule(
    id="RQ008",
    name="model-missing",
    statement="A request names its model.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="model: {problem}",
    check=_check,
)
