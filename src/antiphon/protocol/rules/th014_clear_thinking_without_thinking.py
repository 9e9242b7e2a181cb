"""The request asks to clear old thinking from the context, and has thinking off."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.models import thinks_only_if_asked
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.thinking import mode

_STRATEGY = "clear_thinking_20251015"


def _edits(request: Json) -> list[Any]:
    management: Any = request.get("context_management") if is_object(request) else None
    edits: Any = management.get("edits") if is_object(management) else None
    return edits if is_array(edits) else []


def _clears_thinking(edit: Any) -> bool:
    return is_object(edit) and edit.get("type") == _STRATEGY


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = conversation.request
    if any(_clears_thinking(edit) for edit in _edits(request)):
        asked = mode(request)
        if asked == "disabled" or ("thinking" not in request and thinks_only_if_asked(request.get("model"))):
            yield Violation(CLEAR_THINKING_WITHOUT_THINKING.id, CLEAR_THINKING_WITHOUT_THINKING.error)


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    kept = [edit for edit in _edits(request) if not _clears_thinking(edit)]
    management = {**request["context_management"], "edits": kept}
    if not kept and len(management) == 1:
        return {key: value for key, value in request.items() if key != "context_management"}
    return {**request, "context_management": management}


CLEAR_THINKING_WITHOUT_THINKING = Rule(
    id="TH014",
    name="clear-thinking-without-thinking",
    statement="Only a request that has thinking on asks to clear old thinking.",
    source=Source("documented", ("docs:/build-with-claude/context-editing",)),
    error=f"`{_STRATEGY}` strategy requires `thinking` to be enabled or adaptive",
    check=_check,
    repair=_repair,
    done="dropped the strategy that clears thinking",
)
