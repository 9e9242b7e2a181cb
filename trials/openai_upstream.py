"""A small strict upstream of OpenAI's two protocols: three parallel calls a turn, then an end.

It refuses what breaks a rule of the protocol, in the shape in which that API does. What is asked without tools (titles,
summaries) is answered with a word and is no turn.
"""

import itertools
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import is_object
from antiphon.protocol.raw import decode_body

Json = dict[str, Any]

USAGE = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
_DIALECTS = {"chat/completions": "openai-chat", "responses": "openai-responses"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model makes."""

    name: str
    arguments: Json


@dataclass
class OpenAIUpstream:
    """Plays turns, one for each request that is accepted.

    Attributes:
        turns: the calls of each turn; after the last one comes the end.
        final: what is said at the end.
        url: where it listens, without `/v1`.
        requests: all requests with tools, as they came.
        refused: why requests were refused.
    """

    turns: Sequence[Sequence[Call]]
    final: str
    url: str = ""
    requests: list[Json] = field(default_factory=list[Json])
    refused: list[str] = field(default_factory=list[str])
    _accepted: int = 0

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator["OpenAIUpstream"]:
        """Answer while the context is open."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/{endpoint:chat/completions|responses}", self._answer)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port, *_ = runner.addresses[0]
            self.url = f"http://{host}:{port}"
            yield self
        finally:
            await runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": []})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        endpoint = request.match_info["endpoint"]
        body = decode_body(await request.read())
        asked = body.request or {}
        wrong = body.violations or check(asked, dialect(_DIALECTS[endpoint]))
        if wrong:
            self.refused.append(wrong[0].text)
            error = {"message": wrong[0].text, "type": "invalid_request_error", "param": None, "code": None}
            return web.json_response({"error": error}, status=400)
        turn = self._turn(asked)
        chat = endpoint == "chat/completions"
        if not asked.get("stream"):
            whole = _completion(asked, turn) if chat else _response(asked, turn, _items(turn), "completed")
            return web.json_response(whole)
        streamed = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await streamed.prepare(request)
        for event in _chunks(asked, turn) if chat else _events(asked, turn):
            await streamed.write(event)
        return streamed

    def _turn(self, asked: Json) -> "_Turn":
        if not asked.get("tools"):
            return _Turn("title", "Files")
        self.requests.append(asked)
        number = self._accepted
        self._accepted += 1
        if number >= len(self.turns):
            return _Turn(f"{number}", self.final)
        calls = [(f"call_{number}_{place}", call) for place, call in enumerate(self.turns[number])]
        return _Turn(f"{number}", "I look.", calls)


class _Turn(NamedTuple):
    """What is said in a turn, and the calls with their ids."""

    name: str
    text: str
    calls: Sequence[tuple[str, Call]] = ()


def _sse(data: Json, event: str = "") -> bytes:
    return (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"


def _tool_calls(calls: Sequence[tuple[str, Call]]) -> list[Json]:
    return [
        {"id": id_, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}
        for id_, call in calls
    ]


def _completion(asked: Json, turn: _Turn) -> Json:
    message: Json = {"role": "assistant", "content": turn.text}
    if turn.calls:
        message["tool_calls"] = _tool_calls(turn.calls)
    reason = "tool_calls" if turn.calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {**_head(asked, turn, "chat.completion"), "choices": [choice], "usage": usage}


def _head(asked: Json, turn: _Turn, kind: str) -> Json:
    return {"id": f"chatcmpl-{turn.name}", "object": kind, "created": 1, "model": asked["model"]}


def _chunks(asked: Json, turn: _Turn) -> Iterator[bytes]:
    whole, head = _completion(asked, turn), _head(asked, turn, "chat.completion.chunk")
    deltas: list[Json] = [{"role": "assistant", "content": turn.text}]
    deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(_tool_calls(turn.calls))]
    for delta in [*deltas, {}]:
        reason = None if delta else whole["choices"][0]["finish_reason"]
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        yield _sse({**head, "choices": [choice]})
    options: Any = asked.get("stream_options")
    if is_object(options) and options.get("include_usage"):
        yield _sse({**head, "choices": [], "usage": whole["usage"]})
    yield b"data: [DONE]\n\n"


def _items(turn: _Turn) -> list[Json]:
    said = {"type": "output_text", "text": turn.text, "annotations": list[Any]()}
    message = {
        "type": "message",
        "id": f"msg_{turn.name}",
        "status": "completed",
        "role": "assistant",
        "content": [said],
    }
    return [
        message,
        *(
            {
                "type": "function_call",
                "id": f"fc_{id_}",
                "status": "completed",
                "call_id": id_,
                "name": call.name,
                "arguments": json.dumps(call.arguments),
            }
            for id_, call in turn.calls
        ),
    ]


def _response(asked: Json, turn: _Turn, items: Sequence[Json], status: str) -> Json:
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": f"resp_{turn.name}",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": asked["model"],
        "output": list(items),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "usage": {**USAGE, **details} if status == "completed" else None,
    }


def _events(asked: Json, turn: _Turn) -> Iterator[bytes]:
    items = _items(turn)
    numbers = itertools.count()

    def event(kind: str, **fields: Any) -> bytes:
        return _sse({"type": kind, "sequence_number": next(numbers), **fields}, kind)

    yield event("response.created", response=_response(asked, turn, [], "in_progress"))
    for index, item in enumerate(items):
        yield event(
            "response.output_item.added",
            output_index=index,
            item={**item, "status": "in_progress", **({"content": []} if "content" in item else {"arguments": ""})},
        )
        at = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            part = item["content"][0]
            at["content_index"] = 0
            yield event("response.content_part.added", **at, part={**part, "text": ""})
            yield event("response.output_text.delta", **at, delta=part["text"])
            yield event("response.output_text.done", **at, text=part["text"])
            yield event("response.content_part.done", **at, part=part)
        else:
            yield event("response.function_call_arguments.delta", **at, delta=item["arguments"])
            yield event("response.function_call_arguments.done", **at, arguments=item["arguments"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=_response(asked, turn, items, "completed"))
