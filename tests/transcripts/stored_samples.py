"""Stored conversations for tests: the files under `fixtures`, and ways to store any messages as each program does."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from antiphon.protocol.messages import Json, blocks_of

FIXTURES = Path(__file__).parent / "fixtures"
FILES = {
    "claude-code.jsonl": "claude-code",
    "claude-code-interrupted.jsonl": "claude-code",
    "claude-code-subagent.jsonl": "claude-code",
    "claude-code-tangled.jsonl": "claude-code",
    "cline/saoudrizwan.claude-dev/tasks/1756720000000/api_conversation_history.json": "cline",
    "cline/sess_01.messages.json": "cline",
    "codex/rollout-2026-09-01T10-00-00-0199-aa.jsonl": "codex",
    "codex/rollout-2026-09-01T11-00-00-0199-bb.jsonl": "codex",
    "opencode.db": "opencode",
    "requests/archive.har": "request",
    "requests/batch.jsonl": "jsonl",
    "requests/body.json": "request",
    "requests/chat.json": "request",
    "requests/contents.json": "request",
    "requests/converse.json": "request",
    "requests/messages.json": "request",
    "requests/openai-batch.jsonl": "jsonl",
    "requests/proxy-log.json": "request",
    "requests/responses.json": "request",
    "roo/task-broken/api_conversation_history.json": "roo",
    "roo/task-condensed/api_conversation_history.json": "roo",
    "roo/task-killed/.api_conversation_history.json.bak_1756720012_x7f3.tmp": "roo",
    "roo/task-native/api_conversation_history.json": "roo",
    "roo/task-truncated/api_conversation_history.json": "roo",
    "roo/task-unclosed/api_conversation_history.json": "roo",
    "roo/task-v2/api_conversation_history.json": "roo",
    "roo/task-xml/claude_messages.json": "roo",
    "stream.jsonl": "antiphon",
}
"""Every fixture, and the format it is in."""


def compact(value: Any) -> str:
    """Return JSON as JavaScript's `JSON.stringify` writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_request(messages: Sequence[Json]) -> tuple[str, bytes]:
    """Store messages as the body of a request."""
    body = {"model": "some-model", "max_tokens": 1024, "messages": messages, "metadata": {"user_id": "ada"}}
    return "body.json", json.dumps(body, indent=2).encode()


def as_list(messages: Sequence[Json]) -> tuple[str, bytes]:
    """Store messages as nothing but a list."""
    return "messages.json", json.dumps(messages, ensure_ascii=True).encode()


def as_batch(messages: Sequence[Json]) -> tuple[str, bytes]:
    """Store messages as the second of two requests of a batch."""
    healthy = [{"role": "user", "content": "hi"}]
    lines = [{"custom_id": name, "params": {"messages": said}} for name, said in (("one", healthy), ("two", messages))]
    return "batch.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode()


def as_task(messages: Sequence[Json]) -> tuple[str, bytes]:
    """Store messages as Roo Code does."""
    stored = [{**message, "ts": 1756720000000 + number} for number, message in enumerate(messages)]
    return "api_conversation_history.json", json.dumps(stored, separators=(",", ":")).encode()


def as_session(messages: Sequence[Json]) -> tuple[str, bytes]:
    """Store messages as Claude Code does: a line for each block."""
    lines: list[Json] = []
    for number, message in enumerate(messages):
        for block in blocks_of(message):
            said: Json = {"role": message["role"], "content": [block]}
            said |= {"id": f"msg_{number}", "type": "message"} if message["role"] == "assistant" else {}
            lines.append(
                {
                    "parentUuid": lines[-1]["uuid"] if lines else None,
                    "isSidechain": False,
                    "sessionId": "s1",
                    "version": "2.1.90",
                    "type": message["role"],
                    "message": said,
                    "uuid": f"00000000-0000-4000-8000-{len(lines):012d}",
                    "timestamp": f"2026-09-01T10:00:{len(lines):02d}Z",
                }
            )
    return "session.jsonl", "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def as_stream(messages: Sequence[Json]) -> tuple[str, bytes]:
    """Store messages as a run prints them."""
    head: Json = {"type": "system", "subtype": "init", "session_id": "s1", "uuid": "u0"}
    lines = [head]
    for number, message in enumerate(messages, 1):
        extra: Json = {"id": f"msg_{number}", "model": "m", "usage": {}} if message["role"] == "assistant" else {}
        line: Json = {"type": message["role"], "message": {**extra, **message}, "parent_tool_use_id": None}
        lines.append({**line, "session_id": "s1", "uuid": f"u{number}"})
    return "run.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode()


STORES: dict[str, Callable[[Sequence[Json]], tuple[str, bytes]]] = {
    "request": as_request,
    "list": as_list,
    "jsonl": as_batch,
    "roo": as_task,
    "claude-code": as_session,
    "antiphon": as_stream,
}
"""Ways to store messages of the Messages API, whatever is wrong with them."""


def parts_of(data: bytes, session: str) -> dict[str, Json]:
    """Return the parts of a session in a database of opencode, by id."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
        rows = connection.execute("SELECT id, data FROM part WHERE session_id = ? ORDER BY id", (session,))
        return {name: json.loads(text) for name, text in rows}
