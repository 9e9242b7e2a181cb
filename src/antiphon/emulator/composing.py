"""A scripted reply as the API's message: its content blocks, and how each is told in a stream.

Knows the form of messages and the grammar of stream events. Does not know faults, time or HTTP.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from antiphon.emulator.ids import Ids
from antiphon.emulator.script import (
    AnyBlock,
    Raw,
    RedactedThinking,
    Reply,
    ServerToolUse,
    Text,
    Thinking,
    ToolUse,
)
from antiphon.emulator.signing import Prefix, Signer
from antiphon.emulator.usage import Account, output_tokens
from antiphon.protocol.messages import Json, blocks_of, kind_of, role_of
from antiphon.protocol.thinking import mode

_THOUGHT = Thinking("(What the model thought of this.)")
"""What a reply begins with that the script gave no thinking, where a model does not reply without."""


@dataclass(frozen=True, slots=True)
class Told:
    """A content block and how it is streamed.

    Attributes:
        block: as it stands in the finished message.
        start: as `content_block_start` shows it.
        deltas: what follows.
        delay: seconds before it begins.
        pace: seconds before each delta.
        closes: whether `content_block_stop` follows.
    """

    block: Json
    start: Json
    deltas: list[Json] = field(default_factory=list[Json])
    delay: float = 0.0
    pace: float = 0.0
    closes: bool = True


@dataclass(frozen=True, slots=True)
class Composed:
    """A whole reply: the message, and how its blocks are streamed."""

    message: Json
    told: list[Told]


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes messages of scripted replies.

    Attributes:
        ids: where identifiers come from.
        signer: who signs thinking.
    """

    ids: Ids
    signer: Signer

    def compose(self, reply: Reply, request: Json, prefix: Prefix, account: Account, extra: Json) -> Composed:
        """Return the reply to a request.

        Args:
            reply: what the script says.
            request: the body.
            prefix: what the reply stands behind; it is used up.
            account: what the request costs.
            extra: further fields of the message.
        """
        told: list[Told] = []
        thought = (_THOUGHT,) if _must_think(reply, request) else ()
        for block in (*thought, *reply.content):
            for part in self._tell(block, reply, request, prefix):
                prefix.say(part.block)
                told.append(part)
        content = [part.block for part in told]
        message: Json = {
            "id": self.ids.new("msg"),
            "type": "message",
            "role": "assistant",
            "model": request.get("model"),
            "content": content,
            "stop_reason": _stop_reason(reply),
            "stop_sequence": reply.stop_sequence,
            "usage": {**account.usage(output_tokens(content)), **_server_tools(content), **reply.usage},
        }
        if reply.stop_details is not None:
            message["stop_details"] = reply.stop_details
        return Composed({**message, **extra}, told)

    def _tell(self, block: AnyBlock | str, reply: Reply, request: Json, prefix: Prefix) -> Iterator[Told]:
        if isinstance(block, str):
            block = Text(block)
        pace = reply.pace if block.pace is None else block.pace
        chunk = block.chunk or reply.chunk
        for form, start, deltas in self._forms(block, chunk, request, prefix):
            shown, first = (_without(value, block.omit) for value in (form, start))
            yield Told(shown, first, deltas, block.delay, pace, block.closes)

    def _forms(
        self, block: AnyBlock, chunk: int, request: Json, prefix: Prefix
    ) -> Iterator[tuple[Json, Json, list[Json]]]:
        """Yield a block as it ends, as it begins, and its deltas; a server tool's result is a second block."""
        match block:
            case Text(text=text):
                deltas = [{"type": "text_delta", "text": part} for part in _parts(text, chunk)]
                yield {"type": "text", "text": text}, {"type": "text", "text": ""}, deltas
            case Thinking():
                yield self._thinking(block, chunk, request, prefix)
            case RedactedThinking(data=data):
                data = self.signer.sign("", str(request.get("model")), prefix) if data is None else data
                form: Json = {"type": "redacted_thinking", "data": data}
                yield form, form, []
            case ToolUse():
                yield self._call(block, chunk)
            case ServerToolUse():
                yield from self._server_call(block, chunk)
            case Raw(start=start, deltas=deltas, block=whole):
                yield (start if whole is None else whole), start, deltas

    def _thinking(self, block: Thinking, chunk: int, request: Json, prefix: Prefix) -> tuple[Json, Json, list[Json]]:
        text = "" if _omits_thinking(request) else block.thinking
        signature = block.signature
        if signature is None:
            signature = self.signer.sign(text, str(request.get("model")), prefix)
        form: Json = {"type": "thinking", "thinking": text, "signature": signature}
        deltas: list[Json] = [{"type": "thinking_delta", "thinking": part} for part in _parts(text, chunk)]
        if "signature" not in block.omit:
            deltas.append({"type": "signature_delta", "signature": signature})
        return form, {"type": "thinking", "thinking": "", "signature": ""}, deltas

    def _call(self, block: ToolUse, chunk: int) -> tuple[Json, Json, list[Json]]:
        text = _json(block.input) if block.input_json is None else block.input_json
        if block.cut_after is not None:
            text = text[: block.cut_after]
        form: Json = {
            "type": "tool_use",
            "id": self.ids.new("toolu") if block.id is None else block.id,
            "name": block.name,
            "input": _read(text),
        }
        return form, {**form, "input": {}}, _input_deltas(text, chunk)

    def _server_call(self, block: ServerToolUse, chunk: int) -> Iterator[tuple[Json, Json, list[Json]]]:
        form: Json = {
            "type": "server_tool_use",
            "id": self.ids.new("srvtoolu") if block.id is None else block.id,
            "name": block.name,
            "input": block.input,
        }
        yield form, {**form, "input": {}}, _input_deltas(_json(block.input), chunk)
        if block.result is not None:
            result: Json = {
                "type": f"{block.name}_tool_result",
                "tool_use_id": form["id"],
                "content": block.result,
            }
            yield result, result, []


def events(composed: Composed, pings: int = 1) -> Iterator[tuple[float, Json]]:
    """Yield the events of a streamed reply, each with the seconds before it."""
    message = composed.message
    usage: Json = message["usage"]
    yield (
        0.0,
        {
            "type": "message_start",
            "message": {
                **message,
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {**usage, "output_tokens": min(1, usage["output_tokens"])},
            },
        },
    )
    for _ in range(pings):
        yield 0.0, {"type": "ping"}
    for index, told in enumerate(composed.told):
        yield told.delay, {"type": "content_block_start", "index": index, "content_block": told.start}
        for delta in told.deltas:
            yield told.pace, {"type": "content_block_delta", "index": index, "delta": delta}
        if told.closes:
            yield 0.0, {"type": "content_block_stop", "index": index}
    ending = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details") if key in message}
    # Usage is cumulative: the last one told is the one that counts.
    yield 0.0, {"type": "message_delta", "delta": ending, "usage": usage}
    yield 0.0, {"type": "message_stop"}


def _must_think(reply: Reply, request: Json) -> bool:
    """Say whether a model would begin this reply with thinking: with a budget, once after each prompt."""
    if mode(request) != "enabled" or not reply.content or any(_is_thought(block) for block in reply.content):
        return False
    messages: list[Json] = request["messages"]
    last = next((message for message in reversed(messages) if role_of(message) == "user"), messages[-1])
    return not any(kind_of(block) == "tool_result" for block in blocks_of(last))


def _is_thought(block: AnyBlock | str) -> bool:
    return isinstance(block, Thinking | RedactedThinking | Raw)


def _stop_reason(reply: Reply) -> str:
    if reply.stop_reason is not None:
        return reply.stop_reason
    if any(isinstance(block, ToolUse) and block.cut_after is not None for block in reply.content):
        return "max_tokens"
    return "tool_use" if reply.calls_tools else "end_turn"


def _server_tools(content: Iterable[Json]) -> Json:
    names = [block.get("name") for block in content if block.get("type") == "server_tool_use"]
    counts = {f"{name}_requests": names.count(name) for name in ("web_search", "web_fetch") if name in names}
    return {"server_tool_use": counts} if counts else {}


def _omits_thinking(request: Json) -> bool:
    thinking: Any = request.get("thinking")
    return isinstance(thinking, dict) and cast("Json", thinking).get("display") == "omitted"


def _input_deltas(text: str, chunk: int) -> list[Json]:
    # The API's first delta of a call is empty; a call without arguments has none but that.
    parts = ["", *([] if text == "{}" else _parts(text, chunk))]
    return [{"type": "input_json_delta", "partial_json": part} for part in parts]


def _parts(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _read(text: str) -> Any:
    """Return a call's arguments; text that is not JSON is wrapped as the API's documentation does."""
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return {"INVALID_JSON": text}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _without(block: Json, keys: Iterable[str]) -> Json:
    omitted = set(keys)
    return {key: value for key, value in block.items() if key not in omitted} if omitted else block
