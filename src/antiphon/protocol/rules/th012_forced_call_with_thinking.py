"""The model shall think, with a budget, and is at the same time forced to call a tool."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.models import refuses_forced_calls, refuses_thinking_budget
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import DISABLED, forces_a_call, mode, with_thinking

_OF_DEEPSEEK = "Thinking mode does not support this tool_choice"


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = conversation.request
    if mode(request) != "enabled" or not forces_a_call(request):
        return
    model = request.get("model")
    # Newer models are refused the budget, or the force, whatever the other is.
    if not refuses_thinking_budget(model) and not refuses_forced_calls(model):
        compatible = conversation.dialect.name == "compatible"
        yield Violation(FORCED_CALL_WITH_THINKING.id, _OF_DEEPSEEK if compatible else FORCED_CALL_WITH_THINKING.error)


def _repair(conversation: Conversation) -> Json:
    # Who forces a call reads its arguments, and has no use for an answer in words.
    return with_thinking(conversation.request, DISABLED)


FORCED_CALL_WITH_THINKING = Rule(
    id="TH012",
    name="forced-call-with-thinking",
    statement="With a thinking budget, the choice of tools is `auto` or `none`.",
    source=Source("documented", ("docs:/build-with-claude/extended-thinking", "srtab/daiv#527")),
    error="Thinking may not be enabled when tool_choice forces tool use.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="disabled thinking for this request",
)
