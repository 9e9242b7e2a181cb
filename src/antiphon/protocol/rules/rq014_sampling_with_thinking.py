"""The model thinks within a budget, and is to sample in a way that does not go with it."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, is_number, sampling_refused, thinks_within_a_budget, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_LEAST_TOP_P = 0.95


def _problems(request: Json) -> Iterator[tuple[str, str]]:
    if not thinks_within_a_budget(request) or sampling_refused(request):
        return
    temperature: Any = request.get("temperature")
    if temperature is not None and temperature != 1:
        yield "temperature", "may only be set to 1 when thinking is enabled"
    top_p: Any = request.get("top_p")
    if is_number(top_p) and top_p < _LEAST_TOP_P:
        yield "top_p", "must be greater than or equal to 0.95 or unset when thinking is enabled"
    if request.get("top_k") is not None:
        yield "top_k", "must be unset when thinking is enabled"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for name, problem in _problems(fields(conversation)):
        text = SAMPLING_WITH_THINKING.error.format(name=name, problem=problem)
        yield Violation(SAMPLING_WITH_THINKING.id, text)


def _repair(conversation: Conversation) -> Json:
    return with_fields(conversation.request, {}, [name for name, _ in _problems(conversation.request)])


SAMPLING_WITH_THINKING = Rule(
    id="RQ014",
    name="sampling-with-thinking",
    statement="With a budget for thinking, `temperature` is 1, `top_p` at least 0.95, and `top_k` not set.",
    source=Source(
        "documented", ("docs:/build-with-claude/extended-thinking", "Kiln-AI/Kiln#1479", "theopenco/llmgateway#1726")
    ),
    error="`{name}` {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the sampling parameters",
)
