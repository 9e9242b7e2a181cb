"""The request asks for a kind of thinking that its model does not have."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object, kind_of
from antiphon.protocol.models import (
    model_version,
    refuses_adaptive_thinking,
    refuses_disabled_thinking,
    refuses_thinking_budget,
    thinks_between_tools,
)
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import mode, thinking_of, with_thinking

_LEAST_BUDGET = 1024
_PROBLEMS = {
    "enabled": (
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and'
        ' "output_config.effort" to control thinking behavior.'
    ),
    "adaptive": "adaptive thinking is not supported on this model",
    "disabled": '"thinking.type.disabled" is not supported for this model.',
}


def _is_refused(request: Json) -> bool:
    model = request.get("model")
    match mode(request):
        case "enabled":
            return refuses_thinking_budget(model)
        case "adaptive":
            return refuses_adaptive_thinking(model)
        case "disabled":
            return refuses_disabled_thinking(model) or _works_too_hard(request)
        case _:
            return False


def _works_too_hard(request: Json) -> bool:
    """Say whether the effort asked for is one that Opus 5 does not make without thinking."""
    config: Any = request.get("output_config")
    effort = config.get("effort") if is_object(config) else None
    return model_version(request.get("model")) == ("opus", (5, 0)) and effort in ("xhigh", "max")


def _check(conversation: Conversation) -> Iterator[Violation]:
    if conversation.messages and _is_refused(conversation.request):
        text = UNSUPPORTED_THINKING_MODE.error.format(problem=_PROBLEMS[mode(conversation.request)])
        yield Violation(UNSUPPORTED_THINKING_MODE.id, text)


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    thinking = thinking_of(request)
    match kind_of(thinking):
        case "enabled":
            rest = {key: value for key, value in thinking.items() if key != "budget_tokens"}
            return with_thinking(request, {**rest, "type": "adaptive"})
        case "adaptive":
            return with_thinking(request, _with_budget(thinking, request.get("max_tokens")))
        case _:
            between = {"type": "between_tools"} if thinks_between_tools(request.get("model")) else None
            return with_thinking(request, between)


def _with_budget(thinking: Json, most: Any) -> Json | None:
    """Return manual thinking that leaves half of the tokens for the answer, or None where that is too little."""
    if not isinstance(most, int) or most <= _LEAST_BUDGET:
        return None
    kept = {key: value for key, value in thinking.items() if key != "block_binding"}
    return {**kept, "type": "enabled", "budget_tokens": max(_LEAST_BUDGET, most // 2)}


UNSUPPORTED_THINKING_MODE = Rule(
    id="TH010",
    name="unsupported-thinking-mode",
    statement="The request asks for a kind of thinking that its model has.",
    source=Source("documented", ("docs:/api/errors", "docs:/build-with-claude/thinking")),
    error="{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="asked for the nearest kind of thinking the model has",
)
