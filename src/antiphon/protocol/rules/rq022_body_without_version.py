"""The body does not name the version of the API, where it is the body that has to: on Vertex and with InvokeModel."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, is_sent
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = fields(conversation)
    # A body that names its model goes to a gateway, or to an endpoint like that of the first party.
    whole = conversation.dialect.body_version and is_sent(conversation) and "model" not in request
    if whole and request.get("anthropic_version") is None:
        yield Violation(BODY_WITHOUT_VERSION.id, BODY_WITHOUT_VERSION.error)


def _repair(conversation: Conversation) -> Json:
    return {**conversation.request, "anthropic_version": conversation.dialect.body_version}


BODY_WITHOUT_VERSION = Rule(
    id="RQ022",
    name="body-without-version",
    statement="On Vertex and with InvokeModel, the body names the version of the API.",
    source=Source("documented", ("docs:/build-with-claude/claude-on-vertex-ai",)),
    error="anthropic_version: Field required",
    check=_check,
    repair=_repair,
    done="named the version of the API",
)
