"""`temperature` or `top_p` is out of its range, mostly because another API allows a temperature up to 2."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, is_number, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_RANGED = ("temperature", "top_p")


def _problems(request: Json) -> Iterator[tuple[str, str]]:
    for name in _RANGED:
        value: Any = request.get(name)
        if value is not None and not is_number(value):
            yield name, "Input should be a valid number"
        elif value is not None and not 0 <= value <= 1:
            yield name, "range: 0..1"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for name, problem in _problems(fields(conversation)):
        yield Violation(SAMPLING_OUT_OF_RANGE.id, SAMPLING_OUT_OF_RANGE.error.format(name=name, problem=problem))


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    faulty = [name for name, _ in _problems(request)]
    nearest = {name: min(max(request[name], 0), 1) for name in faulty if is_number(request[name])}
    return with_fields(request, nearest, (name for name in faulty if name not in nearest))


SAMPLING_OUT_OF_RANGE = Rule(
    id="RQ016",
    name="sampling-out-of-range",
    statement="`temperature` and `top_p` are numbers from 0 to 1.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="{name}: {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="took the nearest value that is allowed",
)
