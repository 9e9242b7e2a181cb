"""How many tokens a request holds, asked of the API: what the endpoint takes, and what its answer means."""

from typing import Any, cast

from antiphon.errors import Rejected
from antiphon.protocol.decoding import decode
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json
from antiphon.providers.answer import Answer, refusal_in

COUNTED = frozenset(
    {
        "cache_control",
        "context_management",
        "mcp_servers",
        "model",
        "output_config",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
"""The parameters that make up a prompt; `count_tokens` refuses others, such as `max_tokens` and `metadata`."""


def to_be_counted(request: Request) -> Request:
    """Return what of a request is sent to have its tokens counted."""
    params = {name: value for name, value in request.params.items() if name in COUNTED}
    return Request(params, request.messages)


async def tokens_in(answer: Answer) -> int:
    """Return the number of tokens that an answer of `count_tokens` tells.

    Raises:
        Rejected: it tells none; Overloaded where the same request may succeed later.
        StreamBroken: it breaks off.
    """
    if not answer.is_success:
        raise await refusal_in(answer)
    body = b"".join([chunk async for chunk in answer.chunks])
    try:
        found: Any = decode(body)
    except ValueError:
        found = None
    tokens: Any = cast("Json", found).get("input_tokens") if isinstance(found, dict) else None
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
        raise Rejected(404, f"{answer.server} does not count tokens: its answer holds no input_tokens.")
    return tokens
