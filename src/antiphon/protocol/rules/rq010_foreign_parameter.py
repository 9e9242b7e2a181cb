"""The request carries a parameter of another API."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, is_number, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation

# Closed on purpose: the API learns, and what is on no list may be a parameter of tomorrow.
_FOREIGN = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "generationConfig",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens_to_sample",
        "min_p",
        "modalities",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "previous_response_id",
        "prompt_cache_key",
        "reasoning",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "safety_identifier",
        "seed",
        "stop",
        "store",
        "stream_options",
        "top_logprobs",
        "truncation",
        "user",
        "verbosity",
        "web_search_options",
    }
)
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens_to_sample")


def _check(conversation: Conversation) -> Iterator[Violation]:
    for name in fields(conversation):
        if name in _FOREIGN:
            yield Violation(FOREIGN_PARAMETER.id, FOREIGN_PARAMETER.error.format(name=name))


def _repair(conversation: Conversation) -> Json:
    request = conversation.request
    same: Json = {}
    limit = next((request[name] for name in _LIMITS if is_number(request.get(name))), None)
    if limit is not None and request.get("max_tokens") is None:
        same["max_tokens"] = limit
    stop: Any = request.get("stop")
    if stop and request.get("stop_sequences") is None:
        same["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    return with_fields(request, same, _FOREIGN)


FOREIGN_PARAMETER = Rule(
    id="RQ010",
    name="foreign-parameter",
    statement="A request carries no parameters of other APIs.",
    source=Source(
        "reported",
        ("https://github.com/pydantic/pydantic-ai/blob/main/pydantic_ai_slim/pydantic_ai/models/anthropic.py",),
    ),
    error="{name}: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the parameter",
)
