"""Stands between a client and the proxy and breaks the client's requests, the way clients do.

What it does to a message depends on nothing but the message's place, so a conversation is broken alike each time it is
sent: a client with such a fault sends the same broken history again and again.
"""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

import openai_faults
from antiphon.protocol.messages import is_array

Json = dict[str, Any]
Messages = list[Json]

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


def _note(text: str) -> Json:
    return {"type": "text", "text": text}


def _in_completion_order(message: Json) -> Messages:
    results = [block for block in message["content"] if block["type"] == "tool_result"]
    rest = [block for block in message["content"] if block["type"] != "tool_result"]
    return [{**message, "content": [*results[::-1], *rest]}]


def _reminder_first(message: Json) -> Messages:
    return [{**message, "content": [_note("<reminder>Be brief.</reminder>"), *message["content"]]}]


def _reminder_between(message: Json) -> Messages:
    first, *rest = message["content"]
    return [{**message, "content": [first, _note("<reminder>Be brief.</reminder>"), *rest]}]


def _last_result_lost(message: Json) -> Messages:
    return [{**message, "content": message["content"][:-1] or [_note("(interrupted)")]}]


def _a_result_twice(message: Json) -> Messages:
    return [{**message, "content": [*message["content"], message["content"][0]]}]


def _one_message_each_behind_a_note(message: Json) -> Messages:
    alone = [{**message, "content": [block]} for block in message["content"]]
    return [{"role": "user", "content": [_note("One moment.")]}, *alone]


def _results_late(message: Json) -> Messages:
    return [
        {"role": "user", "content": [_note("Are you there?")]},
        {"role": "assistant", "content": [_note("Yes.")]},
        message,
    ]


def _empty_text(message: Json) -> Messages:
    return [{**message, "content": [*message["content"], _note("")]}]


def _half_a_character(message: Json) -> Messages:
    first, *rest = message["content"]
    return [{**message, "content": [{**first, "content": "cut emoji \ud83d end"}, *rest]}]


FAULTS: tuple[Callable[[Json], Messages], ...] = (
    _reminder_first,
    _last_result_lost,
    _in_completion_order,
    _a_result_twice,
    _reminder_between,
    _one_message_each_behind_a_note,
    _empty_text,
    _half_a_character,
    _results_late,
)


def _holds_results(message: Json) -> bool:
    content: Any = message.get("content")
    return message["role"] == "user" and is_array(content) and bool(content) and content[0]["type"] == "tool_result"


def broken(request: Json) -> Json:
    """Return a request with a fault in each message that holds results."""
    messages: Messages = []
    number = 0
    for message in request["messages"]:
        if _holds_results(message):
            messages += FAULTS[number % len(FAULTS)](message)
            number += 1
        else:
            messages.append(message)
    return {**request, "messages": messages}


_BREAKERS: dict[str, Callable[[Json], Json]] = {
    "/messages": broken,
    "/chat/completions": lambda request: openai_faults.broken(request, openai_faults.CHAT),
    "/responses": lambda request: openai_faults.broken(request, openai_faults.RESPONSES),
}


class Saboteur:
    """A relay that breaks what it relays.

    Attributes:
        url: where it listens.
        faults: how many requests it broke.
    """

    def __init__(self, upstream: str) -> None:
        """Take where requests go."""
        self.url = ""
        self.faults = 0
        self._upstream = upstream

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator["Saboteur"]:
        """Relay while the context is open."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._relay)
        async with ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None)) as self._session:
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port, *_ = runner.addresses[0]
            self.url = f"http://{host}:{port}"
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        for path, breaker in _BREAKERS.items():
            if request.method == "POST" and request.path.endswith(path):
                body = self._break(body, breaker)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method, self._upstream + request.path_qs, data=body, headers=headers
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            relayed = web.StreamResponse(status=answer.status, headers=kept)
            await relayed.prepare(request)
            async for chunk in answer.content.iter_any():
                await relayed.write(chunk)
            return relayed

    def _break(self, body: bytes, breaker: Callable[[Json], Json]) -> bytes:
        request: Json = json.loads(body)
        harmed = breaker(request)
        if harmed == request:
            return body
        self.faults += 1
        return json.dumps(harmed).encode()
