"""Events of runs written by hand, for tests of what is made of them."""

from typing import Any

from antiphon.agent.events import (
    AgentEvent,
    CallChanged,
    CallStreaming,
    ReplyReceived,
    ResultsReady,
    RunEnded,
    RunResult,
    RunStarted,
    TextAdded,
    TurnStarted,
    Usage,
)
from antiphon.engine.events import CallState, Result, ToolCall, failure

USAGE = Usage(100, 20, 1000, 50, 0.0125)
CALLS = {
    "a": ToolCall("a", "web_search", {"query": "antiphony in music"}),
    "b": ToolCall("b", "web_search", {"query": "reorder buffer"}),
    "c": ToolCall("c", "read_file", {"path": "notes.md"}),
}


def changed(
    index: int,
    call: ToolCall,
    state: CallState,
    at: float,
    *,
    waits_for: tuple[str, ...] = (),
    result: Result | None = None,
) -> CallChanged:
    """Return that a call changed."""
    return CallChanged(index, call, state, at, waits_for, result)


def started(prompt: str = "Search and summarize") -> RunStarted:
    """Return that a run started."""
    return RunStarted("4f1d", "claude-test", ("web_search", "read_file"), prompt)


def reply(calls: list[ToolCall], at: float, *, text: str = "", stop_reason: str = "tool_use") -> ReplyReceived:
    """Return that a reply with these calls is complete."""
    content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls]
    message = {"role": "assistant", "content": content}
    whole = {"id": "msg_1", "type": "message", "model": "claude-test", **message, "stop_reason": stop_reason}
    return ReplyReceived(message, stop_reason, USAGE, whole, at)


def results(ids: str, at: float) -> ResultsReady:
    """Return that the results go out, in this order."""
    blocks = [{"type": "tool_result", "tool_use_id": id_, "content": f"result of {id_}"} for id_ in ids]
    return ResultsReady({"role": "user", "content": blocks}, at)


def three_calls() -> list[AgentEvent]:
    """Return a run that asks for a, b, c; they finish b, c, a; their results go out a, b, c."""
    a, b, c = CALLS.values()
    done = {call.id: Result(f"result of {call.id}") for call in (a, b, c)}
    return [
        started(),
        TurnStarted(1, 10.0),
        TextAdded("I will look "),
        TextAdded("things up.\nOne moment."),
        CallStreaming(0, "a", "web_search", 10.1),
        changed(0, a, "running", 10.2),
        CallStreaming(1, "b", "web_search", 10.2),
        changed(1, b, "running", 10.3),
        CallStreaming(2, "c", "read_file", 10.3),
        changed(2, c, "running", 10.4),
        reply([a, b, c], 10.5, text="I will look things up.\nOne moment."),
        changed(1, b, "done", 10.7, result=done["b"]),
        changed(2, c, "done", 10.9, result=done["c"]),
        changed(0, a, "done", 11.4, result=done["a"]),
        results("abc", 11.4),
        TurnStarted(2, 11.4),
        TextAdded("Both sources agree."),
        reply([], 11.9, text="Both sources agree.", stop_reason="end_turn"),
        RunEnded(RunResult("Both sources agree.", "end_turn", 2, USAGE, 1.9)),
    ]


def with_every_state() -> list[AgentEvent]:
    """Return the beginning of a turn in which eight calls stand in eight states."""
    edit = [ToolCall(f"e{n}", "edit_file", {"path": "src/a.py", "old": "x" * 500}) for n in range(3)]
    command = ToolCall("cmd", "run_command", {"command": "make test"})
    fetch = ToolCall("f", "web_fetch", {"url": "https://example.org"})
    ask = ToolCall("w", "write_file", {"path": "b.txt", "content": ""})
    stopped = ToolCall("s", "mcp__tickets__list", {"project": "antiphon", "open": True})
    return [
        started(),
        TurnStarted(1, 20.0),
        changed(0, edit[0], "running", 20.1),
        changed(1, edit[1], "waiting", 20.1, waits_for=("e0",)),
        changed(2, command, "waiting", 20.2, waits_for=("e0", "e1")),
        changed(3, fetch, "failed", 20.4, result=failure("HTTP 404: no such page\nat example.org")),
        changed(4, ask, "asking", 20.4),
        changed(5, edit[2], "denied", 20.4, result=failure("The user said no.")),
        changed(6, stopped, "cancelled", 20.4, result=failure("Stopped by the user.")),
        CallStreaming(7, "new", "list_files", 20.5),
    ]
