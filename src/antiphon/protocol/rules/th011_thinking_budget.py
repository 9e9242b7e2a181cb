"""The budget for thinking is too small, leaves nothing for the answer, or is no number."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.models import refuses_thinking_budget
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import DISABLED, interleaves, mode, thinking_of, with_thinking

_LEAST = 1024
_NOT_BELOW_MAX_TOKENS = (
    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at"
    " https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"
)


def _problem(conversation: Conversation) -> str | None:
    request = conversation.request
    if mode(request) != "enabled" or refuses_thinking_budget(request.get("model")):
        return None
    thinking = thinking_of(request)
    budget: Any = thinking.get("budget_tokens")
    if not _is_count(budget):
        problem = "Input should be a valid integer" if "budget_tokens" in thinking else "Field required"
        return f"thinking.enabled.budget_tokens: {problem}"
    if budget < _LEAST:
        return f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_LEAST}"
    # With interleaved thinking the budget is that of all replies of a turn together.
    most: Any = request.get("max_tokens")
    too_much = _is_count(most) and 0 < most <= budget and not interleaves(conversation)
    return _NOT_BELOW_MAX_TOKENS if too_much else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(conversation)
    if problem:
        yield Violation(THINKING_BUDGET.id, THINKING_BUDGET.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    thinking = thinking_of(request)
    budget: Any = thinking.get("budget_tokens")
    most: Any = request.get("max_tokens")
    wanted = max(budget, _LEAST) if _is_count(budget) else _LEAST
    if _is_count(most) and 0 < most <= wanted and not interleaves(conversation):
        # Half is left for the answer: a budget just below the limit would leave room for a word.
        wanted = max(most // 2, _LEAST)
        if wanted >= most:
            return with_thinking(request, DISABLED)
    return with_thinking(request, {**thinking, "budget_tokens": wanted})


THINKING_BUDGET = Rule(
    id="TH011",
    name="thinking-budget",
    statement="The budget for thinking is at least 1024 tokens and smaller than `max_tokens`.",
    source=Source(
        "documented",
        (
            "docs:/build-with-claude/extended-thinking",
            "danny-avila/LibreChat#8346",
            "liuw1535/antigravity2api-nodejs#149",
        ),
    ),
    error="{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="gave thinking a budget that fits, or disabled it",
)
