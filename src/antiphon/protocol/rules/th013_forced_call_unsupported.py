"""The model is forced to call a tool, and is one that always decides for itself."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.models import refuses_forced_calls
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import forces_a_call


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = conversation.request
    if conversation.messages and forces_a_call(request) and refuses_forced_calls(request.get("model")):
        yield Violation(FORCED_CALL_UNSUPPORTED.id, FORCED_CALL_UNSUPPORTED.error)


def _repair(conversation: Conversation) -> Json:
    choice = conversation.request["tool_choice"]
    kept = {key: value for key, value in choice.items() if key not in {"type", "name"}}
    return {**conversation.request, "tool_choice": {"type": "auto", **kept}}


FORCED_CALL_UNSUPPORTED = Rule(
    id="TH013",
    name="forced-call-unsupported",
    statement="Models that always think choose for themselves whether to call a tool.",
    source=Source("documented", ("docs:/build-with-claude/thinking", "pydantic/pydantic-ai")),
    error="tool_choice forces tool use is not compatible with this model",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="left the choice to the model",
)
