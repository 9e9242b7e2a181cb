"""Getting a summary of a conversation: from its own model over the cached prefix, or from any model over its text."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio

from antiphon.agent.compaction import as_text, ask
from antiphon.agent.events import Retrying, Usage
from antiphon.agent.history import History
from antiphon.agent.incoming import CUT_REASONS
from antiphon.agent.prices import add, usage_of
from antiphon.errors import AntiphonError, ProviderError, Rejected
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import SERVER_TOOL_USE_TYPES, Json, blocks_of, kind_of, text_of
from antiphon.protocol.streaming import ReplyEnded
from antiphon.providers.base import Provider
from antiphon.providers.models import model_named
from antiphon.providers.retry import RETRIES, delay

LONGEST_SUMMARY = 16_000
"""Tokens that a summary of a text may have, thinking included; one over the prefix has what all replies have."""
_USUAL_WINDOW = 200_000
_CHARS_PER_TOKEN = 3
"""Of the text that is sent to be summed up: fewer than usual, so that it surely fits."""
_PARTS_OF_WINDOW = 2, 8
"""Which part of the window the text may take; the second where the first was still too long."""
_SYSTEM = "You sum up conversations between a user and a coding agent, so that the agent can go on from your summary."

CONTEXT_FULL = "prompt is too long", "exceed context limit"
"""What the API says of a request that does not fit."""


_SPENT = "credit balance is too low", "reached your specified API usage limits"


def context_is_full(error: BaseException | None) -> bool:
    """Say whether a request was refused for not fitting the context window."""
    return isinstance(error, Rejected) and any(words in str(error) for words in CONTEXT_FULL)


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary.

    Attributes:
        text: the summary.
        usage: of everything that was asked to get it.
        reply: the API's message object, without content.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    reply: Json = field(default_factory=dict[str, Any])


class NoSummary(Exception):
    """Nobody made a summary; the message is a sentence that says why.

    Attributes:
        usage: of what was asked in vain.
        unserved: the error that the last request met, where it says nothing about the request: nobody could be
            reached, or nobody serves this account. Then the next request of the conversation will meet it, too.
    """

    def __init__(self, why: str, usage: Usage, unserved: ProviderError | None = None) -> None:
        """Keep why, and what it cost."""
        super().__init__(why)
        self.usage = usage
        self.unserved = unserved


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way to ask: which model, with which request; `smaller` is of use only where the one before was too long."""

    model: str
    request: Callable[[], Request]
    smaller: bool = False


class Summarizer:
    """Asks for summaries. Never changes the conversation; calls that a reply asks for are not carried out."""

    def __init__(
        self,
        provider: Provider,
        tell: Callable[[Retrying], None],
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Ask this provider, and tell of requests that are made again."""
        self._provider = provider
        self._tell = tell
        self._jitter = jitter

    async def sum_up(
        self,
        history: History,
        params: Json,
        *,
        window: int | None = None,
        instructions: str = "",
        other_model: str | None = None,
        full: bool = False,
    ) -> Summary:
        """Return a summary of the conversation.

        In this order: by another model over the text of the conversation, where one is set; by its own model over the
        conversation as it stands, whose cache that reads; by its own model over the text.

        Args:
            history: the conversation.
            params: of its requests.
            window: of its model, where it is known.
            instructions: what the user wants to be kept in mind.
            other_model: who is to be asked first.
            full: the conversation does not fit any more, so that it cannot be asked as it stands.

        Raises:
            NoSummary: nobody made one.
        """
        usage, why, last = Usage(), "", None
        own = str(params.get("model"))
        attempts = _attempts(_Asked(history, params, ask(instructions), window), other_model, full=full)
        for attempt in attempts:
            if attempt.smaller and not context_is_full(last):
                continue
            try:
                reply = await self._reply(attempt.request())
            except AntiphonError as error:
                why, last = str(error), error
                if attempt.model == own and isinstance(error, ProviderError) and _is_unserved(error):
                    raise NoSummary(why, usage, error) from error
                continue
            usage = add(usage, usage_of(reply, attempt.model))
            why, last = _problem(reply), None
            if not why:
                told = {name: value for name, value in reply.items() if name != "content"}
                return Summary(text_of(reply).strip(), usage, told)
        raise NoSummary(why, usage)

    async def _reply(self, request: Request) -> Json:
        """Make a request, again where that may help, and return the message object of its reply.

        Raises:
            ProviderError: it failed.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                message: Json = {}
                async with self._provider.stream(request) as events:
                    async for event in events:
                        if isinstance(event, ReplyEnded):
                            message = event.message
            except ProviderError as error:
                wait = delay(error, attempt, self._jitter)
                if wait is None:
                    raise
                self._tell(Retrying(attempt, RETRIES + 1, wait, str(error)))
                await anyio.sleep(wait)
            else:
                return message


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be summed up, with which words, and the window of its own model."""

    history: History
    params: Json
    text: str
    window: int | None


def _attempts(asked: _Asked, other_model: str | None, *, full: bool) -> Iterator[_Attempt]:
    own = str(asked.params.get("model"))
    if other_model is not None and other_model != own:
        yield from _by_text(asked, other_model, None)
    if not full:
        yield _Attempt(own, lambda: asked.history.aside(asked.params, asked.text))
    yield from _by_text(asked, own, asked.window)


def _by_text(asked: _Asked, model: str, window: int | None) -> Iterator[_Attempt]:
    known = model_named(model)
    window = window or (known.window if known is not None else None) or _USUAL_WINDOW
    most_output = (known.max_output if known is not None else None) or LONGEST_SUMMARY
    longest = min(LONGEST_SUMMARY, most_output, window // 4)
    for number, part in enumerate(_PARTS_OF_WINDOW):
        most = window // part * _CHARS_PER_TOKEN
        yield _Attempt(
            model, lambda most=most: _request_of_text(asked, model, most, max_tokens=longest), smaller=number > 0
        )


def _request_of_text(asked: _Asked, model: str, most: int, *, max_tokens: int) -> Request:
    conversation = as_text(asked.history.messages, most)
    told = {"metadata": asked.params["metadata"]} if "metadata" in asked.params else {}
    text = f"<conversation>\n{conversation}\n</conversation>\n\n{asked.text}"
    return Request(
        {"model": model, "max_tokens": max_tokens, "system": _SYSTEM, **told},
        [{"role": "user", "content": [{"type": "text", "text": text}]}],
    )


def _is_unserved(error: ProviderError) -> bool:
    """Say whether an error is no answer to the request, but says that no request is served now."""
    if error.retryable or not isinstance(error, Rejected):
        return True
    return error.status in (401, 402, 403) or any(words in str(error) for words in _SPENT)


def _problem(reply: Json) -> str:
    """Return why a reply is no summary, as a sentence, or an empty text."""
    stopped = reply.get("stop_reason")
    if stopped == "refusal":
        return "The model refused to write a summary."
    if stopped in CUT_REASONS:
        return "The summary was cut off at the limit of a reply."
    if any(kind_of(block) in {"tool_use", *SERVER_TOOL_USE_TYPES} for block in blocks_of(reply)):
        return "The model asked for tools instead of writing a summary."
    return "" if text_of(reply).strip() else "The model answered with an empty summary."
