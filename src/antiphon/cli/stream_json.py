"""Turns a run's events into the lines of `--output-format stream-json`, and into the object of `--output-format json`.

The vocabulary is Claude Code's, so that its SDKs and everybody's scripts can read us: `system`/`init`, `assistant`,
`user`, `result`, and `stream_event` for partial messages. What they have no word for comes as further subtypes of
`system` (`tool_state`, `retry`, `turn_discarded`, `warning`, `context`, ...); none of theirs is changed. Pure: events
in, JSON out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from antiphon.agent.events import (
    AgentEvent,
    CallChanged,
    CallStreaming,
    CompactionSkipped,
    CompactionStarted,
    ContextCompacted,
    ContextMeasured,
    HookRan,
    ReplyReceived,
    ResultsCleared,
    ResultsReady,
    Retrying,
    RunEnded,
    RunResult,
    RunStarted,
    StopReason,
    TextAdded,
    ThinkingAdded,
    TurnDiscarded,
    TurnStarted,
    Usage,
    Warned,
)
from antiphon.protocol.messages import Json

SUBTYPES: Mapping[StopReason, str] = {
    "end_turn": "success",
    "max_turns": "error_max_turns",
    "max_budget": "error_max_budget_usd",
    "max_calls": "error_max_tool_calls",
    "repetition": "error_during_execution",
    "hook": "error_during_execution",
    "max_tokens": "error_during_execution",
    "refusal": "error_during_execution",
    "context_window": "error_during_execution",
    "cancelled": "error_during_execution",
    "error": "error_during_execution",
}
"""The `subtype` of the `result` line, by why the run stopped; the reason itself is in `stop_reason`."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What the first line tells of the session besides the run's own start."""

    cwd: str
    permission_mode: str
    version: str
    api_key_source: str = "none"


@dataclass(slots=True)
class _Message:
    """A message that is being streamed: which of its blocks is open."""

    started: bool = False
    index: int = -1
    open: str = ""
    calls: dict[int, int] = field(default_factory=dict[int, int])


class StreamJson:
    """Follows one run and says what to print."""

    def __init__(self, info: SessionInfo, new_uuid: Callable[[], str], *, partial: bool = False) -> None:
        """Print a run; with `partial` also `stream_event` lines while a message is written."""
        self._info = info
        self._uuid = new_uuid
        self._partial = partial
        self._session = ""
        self._model = ""
        self._message = _Message()
        self._turn_started = 0.0
        self._api_seconds = 0.0
        self._denials: list[Json] = []

    def lines(self, event: AgentEvent) -> list[Json]:
        """Return the lines an event makes, in order; each is one JSON object."""
        if isinstance(event, RunStarted):
            self._session, self._model = event.session_id, event.model
        lines = [*(self._partials(event) if self._partial else ()), *self._lines(event)]
        return [{**line, "session_id": self._session, "uuid": self._uuid()} for line in lines]

    def _lines(self, event: AgentEvent) -> Iterator[Json]:
        match event:
            case RunStarted():
                yield self._init(event)
            case TurnStarted(at=at):
                self._turn_started = at
            case ReplyReceived():
                self._api_seconds += event.at - self._turn_started
                yield {"type": "assistant", "message": {**event.reply, **event.message}, "parent_tool_use_id": None}
            case ResultsReady():
                yield {"type": "user", "message": event.message, "parent_tool_use_id": None}
            case CallStreaming():
                yield _tool_state(event.index, event.id, event.name, "streaming", event.at)
            case CallChanged():
                self._note_denial(event)
                state = _tool_state(event.index, event.call.id, event.call.name, event.state, event.at)
                yield {**state, "waits_for": list(event.waits_for)}
            case Retrying() | Warned() | TurnDiscarded() | HookRan():
                yield {"type": "system", **_notice(event)}
            case ContextMeasured() | CompactionStarted() | ContextCompacted() | CompactionSkipped() | ResultsCleared():
                yield {"type": "system", **_about_context(event)}
            case RunEnded(result=result):
                yield self._result(result)
            case _:
                return

    def _init(self, event: RunStarted) -> Json:
        return {
            "type": "system",
            "subtype": "init",
            "cwd": self._info.cwd,
            "model": event.model,
            "tools": list(event.tools),
            "mcp_servers": [],
            "slash_commands": [],
            "agents": [],
            "permissionMode": self._info.permission_mode,
            "apiKeySource": self._info.api_key_source,
            "output_style": "default",
            "antiphon_version": self._info.version,
        }

    def _note_denial(self, event: CallChanged) -> None:
        if event.state == "denied":
            call = event.call
            self._denials.append({"tool_name": call.name, "tool_use_id": call.id, "tool_input": call.input})

    def _result(self, result: RunResult) -> Json:
        good = result.stop_reason == "end_turn"
        return {
            "type": "result",
            "subtype": SUBTYPES[result.stop_reason],
            "is_error": not good,
            "duration_ms": _milliseconds(result.seconds),
            "duration_api_ms": _milliseconds(self._api_seconds),
            "num_turns": result.turns,
            "result": result.text if good else result.error or result.text,
            "stop_reason": result.stop_reason,
            "total_cost_usd": result.usage.cost,
            "usage": usage_json(result.usage),
            "modelUsage": {self._model: _model_usage(result.usage)},
            "permission_denials": self._denials,
            **({} if good else {"errors": [result.error or result.stop_reason]}),
        }

    # What a message looks like while it is being written. The agent tells texts and calls, not the API's own events, so
    # the events are put together again; blocks that are not told (server tools) have no place in their numbering.

    def _partials(self, event: AgentEvent) -> Iterator[Json]:
        for partial in self._partial_events(event):
            yield {"type": "stream_event", "event": partial, "parent_tool_use_id": None}

    def _partial_events(self, event: AgentEvent) -> Iterator[Json]:
        match event:
            case TurnStarted() | TurnDiscarded():
                self._message = _Message()
            case TextAdded(text=text):
                yield from self._into("text", {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": text})
            case ThinkingAdded(text=text):
                yield from self._into("thinking", {"type": "thinking", "thinking": "", "signature": ""})
                yield self._delta({"type": "thinking_delta", "thinking": text})
            case CallStreaming():
                block: Json = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
                yield from self._into("", block)
                self._message.calls[event.index] = self._message.index
            case CallChanged() if event.index in self._message.calls:
                index = self._message.calls.pop(event.index)
                arguments = json.dumps(event.call.input, ensure_ascii=False)
                delta = {"type": "input_json_delta", "partial_json": arguments}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
                yield from self._close()
            case ReplyReceived() if self._message.started:
                yield from self._close()
                delta = {"stop_reason": event.stop_reason, "stop_sequence": event.reply.get("stop_sequence")}
                yield {"type": "message_delta", "delta": delta, "usage": usage_json(event.usage)}
                yield {"type": "message_stop"}
            case _:
                return

    def _into(self, kind: str, block: Json) -> Iterator[Json]:
        """Go on in the open block where it is of this kind (no kind: never), else begin a new one."""
        message = self._message
        if not message.started:
            message.started = True
            head: Json = {
                "type": "message",
                "role": "assistant",
                "model": self._model,
                "content": [],
                "stop_reason": None,
            }
            yield {"type": "message_start", "message": head}
        if kind and message.open == kind:
            return
        yield from self._close()
        message.index += 1
        message.open = kind or "tool_use"
        yield {"type": "content_block_start", "index": message.index, "content_block": block}

    def _close(self) -> Iterator[Json]:
        if self._message.open:
            self._message.open = ""
            yield {"type": "content_block_stop", "index": self._message.index}

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._message.index, "delta": delta}


def _notice(event: Retrying | Warned | TurnDiscarded | HookRan) -> Json:
    match event:
        case Retrying():
            return {
                "subtype": "retry",
                "attempt": event.attempt,
                "attempts": event.attempts,
                "wait_ms": _milliseconds(event.wait),
                "reason": event.reason,
            }
        case Warned(text=text):
            return {"subtype": "warning", "text": text}
        case TurnDiscarded(reason=reason):
            return {"subtype": "turn_discarded", "reason": reason}
        case HookRan():
            return {
                "subtype": "hook",
                "hook_event": event.event,
                "command": event.command,
                "duration_ms": _milliseconds(event.seconds),
                "text": event.outcome,
            }


def _about_context(
    event: ContextMeasured | CompactionStarted | ContextCompacted | CompactionSkipped | ResultsCleared,
) -> Json:
    match event:
        case ContextMeasured(used=used, window=window):
            return {"subtype": "context", "used_tokens": used, "window_tokens": window}
        case CompactionStarted(reason=reason):
            return {"subtype": "status", "status": "compacting", "reason": reason}
        case ContextCompacted():
            metadata = {"trigger": "auto", "pre_tokens": event.before, "post_tokens": event.after}
            return {"subtype": "compact_boundary", "compact_metadata": metadata, "usage": usage_json(event.usage)}
        case CompactionSkipped(reason=reason):
            return {"subtype": "compact_skipped", "reason": reason}
        case ResultsCleared(results=results, tokens=tokens):
            return {"subtype": "results_cleared", "results": results, "tokens": tokens}


def usage_json(usage: Usage) -> Json:
    """Return token counts under the API's names."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
    }


def _model_usage(usage: Usage) -> dict[str, Any]:
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadInputTokens": usage.cache_read_input_tokens,
        "cacheCreationInputTokens": usage.cache_creation_input_tokens,
        "costUSD": usage.cost,
    }


def _tool_state(index: int, id_: str, name: str, state: str, at: float) -> Json:
    return {
        "type": "system",
        "subtype": "tool_state",
        "tool_use_id": id_,
        "tool_name": name,
        "index": index,
        "state": state,
        "at": at,
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
