"""What is known of the parameters of a request: whether all of them are there, and which model takes which.

A model that is not listed gets the benefit of the doubt, as in `antiphon.protocol.models`.
"""

from collections.abc import Iterable
from typing import Any, TypeGuard

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.models import Version, model_version

SAMPLING = ("temperature", "top_p", "top_k")

STRICTER_VERSION = "2026-10-21"
"""The API version that takes no sampling parameters and no citations from users (docs:/api/migration-2026-10-21)."""

WITHOUT_SAMPLING: dict[str, Version] = {
    "opus": (4, 7),
    "sonnet": (5, 0),
    "haiku": (5, 0),
    "fable": (5, 0),
    "mythos": (5, 0),
}
"""First version of each family that takes sampling parameters at their defaults only."""

EITHER_TEMPERATURE_OR_TOP_P: dict[str, Version] = {"opus": (4, 1), "sonnet": (4, 5), "haiku": (4, 5)}
"""First version of each family that takes one of the two, until the family took neither."""

_USUAL_TOP_P = 0.99
"""From here on `top_p` cuts off next to nothing; what the API takes for its default nobody says."""


def fields(conversation: Conversation) -> Json:
    """Return the fields of the request; of JSON that is no object, none."""
    request: Any = conversation.request
    return request if is_object(request) else {}


def is_sent(conversation: Conversation) -> bool:
    """Say whether all of a request is there: its headers are known, so it is no stored conversation.

    What is missing in a stored conversation (tools, the model) may be there when it is sent.
    """
    return conversation.context.betas is not None and is_object(conversation.request)


def with_fields(request: Json, changed: Json, dropped: Iterable[str] = ()) -> Json:
    """Return the request with some fields changed, and some dropped."""
    gone = set(dropped)
    return {key: value for key, value in {**request, **changed}.items() if key not in gone}


def is_number(value: Any) -> TypeGuard[int | float]:
    """Say whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def sampling_refused(request: Json) -> list[str]:
    """Return the sampling parameters that the model is known to refuse."""
    changed = [name for name in SAMPLING if name in request and not _is_usual(name, request[name])]
    return changed if changed and _is_of(request, WITHOUT_SAMPLING) else []


def takes_temperature_or_top_p(request: Json) -> bool:
    """Say whether the model is known to take `temperature` or `top_p`, but not both."""
    return _is_of(request, EITHER_TEMPERATURE_OR_TOP_P) and not _is_of(request, WITHOUT_SAMPLING)


def thinks_within_a_budget(request: Json) -> bool:
    """Say whether a Claude model is asked to think within a budget of tokens."""
    thinking: Any = request.get("thinking")
    wanted = is_object(thinking) and thinking.get("type") == "enabled"
    return wanted and model_version(request.get("model")) is not None


def _is_usual(name: str, value: Any) -> bool:
    if value is None or (name == "temperature" and value == 1):
        return True
    return name == "top_p" and is_number(value) and _USUAL_TOP_P <= value <= 1


def _is_of(request: Json, first: dict[str, Version]) -> bool:
    known = model_version(request.get("model"))
    return known is not None and known[0] in first and known[1] >= first[known[0]]
