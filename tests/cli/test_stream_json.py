from itertools import count
from typing import Any

import pytest
from hand_made import CALLS, USAGE, changed, reply, results, started, three_calls
from inline_snapshot import snapshot

from antiphon.agent.events import (
    AgentEvent,
    CallStreaming,
    HookRan,
    ReplyReceived,
    Retrying,
    RunEnded,
    RunResult,
    StopReason,
    TextAdded,
    ThinkingAdded,
    TurnDiscarded,
    TurnStarted,
)
from antiphon.cli.stream_json import SUBTYPES, SessionInfo, StreamJson
from antiphon.engine.events import failure

INFO = SessionInfo("/home/somebody/project", "default", "0.1.0", "ANTHROPIC_API_KEY")


def lines_of(events: list[AgentEvent], *, partial: bool = False) -> list[dict[str, Any]]:
    numbers = count(1)
    stream = StreamJson(INFO, lambda: f"uuid-{next(numbers)}", partial=partial)
    return [line for event in events for line in stream.lines(event)]


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [f"{line['type']}/{line['subtype']}" if "subtype" in line else line["type"] for line in lines]


def test_a_run_begins_with_init_and_ends_with_result() -> None:
    lines = lines_of(three_calls())
    assert kinds([line for line in lines if line.get("subtype") != "tool_state"]) == [
        "system/init",
        "assistant",
        "user",
        "assistant",
        "result/success",
    ]


def test_every_line_has_the_session_and_an_id_of_its_own() -> None:
    lines = lines_of(three_calls())
    assert {line["session_id"] for line in lines} == {"4f1d"}
    assert [line["uuid"] for line in lines] == [f"uuid-{n}" for n in range(1, len(lines) + 1)]


def test_init_tells_where_with_whom_and_with_which_tools() -> None:
    assert lines_of([started()])[0] == snapshot(
        {
            "type": "system",
            "subtype": "init",
            "cwd": "/home/somebody/project",
            "model": "claude-test",
            "tools": ["web_search", "read_file"],
            "mcp_servers": [],
            "slash_commands": [],
            "agents": [],
            "permissionMode": "default",
            "apiKeySource": "ANTHROPIC_API_KEY",
            "output_style": "default",
            "antiphon_version": "0.1.0",
            "session_id": "4f1d",
            "uuid": "uuid-1",
        }
    )


def test_messages_are_the_ones_of_the_conversation() -> None:
    lines = lines_of(three_calls())
    assistant, user = (next(line for line in lines if line["type"] == kind) for kind in ("assistant", "user"))
    assert assistant["message"]["id"] == "msg_1"
    assert [block["type"] for block in assistant["message"]["content"]] == ["text", "tool_use", "tool_use", "tool_use"]
    assert [block["tool_use_id"] for block in user["message"]["content"]] == ["a", "b", "c"]


def test_tool_states_come_in_completion_order_and_the_results_in_request_order() -> None:
    lines = lines_of(three_calls())
    done = [line["tool_use_id"] for line in lines if line.get("state") == "done"]
    assert done == ["b", "c", "a"]


def test_a_tool_state_tells_which_call_what_and_for_whom_it_waits() -> None:
    event = changed(1, CALLS["b"], "waiting", 3.5, waits_for=("a",))
    assert lines_of([started(), event])[-1] == snapshot(
        {
            "type": "system",
            "subtype": "tool_state",
            "tool_use_id": "b",
            "tool_name": "web_search",
            "index": 1,
            "state": "waiting",
            "at": 3.5,
            "waits_for": ["a"],
            "session_id": "4f1d",
            "uuid": "uuid-2",
        }
    )


def test_the_result_sums_the_run_up() -> None:
    assert lines_of(three_calls())[-1] == snapshot(
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "duration_ms": 1900,
            "duration_api_ms": 1000,
            "num_turns": 2,
            "result": "Both sources agree.",
            "stop_reason": "end_turn",
            "total_cost_usd": 0.0125,
            "usage": {
                "input_tokens": 100,
                "output_tokens": 20,
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 50,
            },
            "modelUsage": {
                "claude-test": {
                    "inputTokens": 100,
                    "outputTokens": 20,
                    "cacheReadInputTokens": 1000,
                    "cacheCreationInputTokens": 50,
                    "costUSD": 0.0125,
                }
            },
            "permission_denials": [],
            "session_id": "4f1d",
            "uuid": "uuid-14",
        }
    )


@pytest.mark.parametrize("stop_reason", [reason for reason in SUBTYPES if reason != "end_turn"])
def test_a_run_that_did_not_end_by_itself_is_an_error(stop_reason: StopReason) -> None:
    ended = RunEnded(RunResult("half an answer", stop_reason, 3, USAGE, 1.0, "It stopped for a reason."))
    line = lines_of([started(), ended])[-1]
    assert (line["is_error"], line["stop_reason"]) == (True, stop_reason)
    limits = {
        "max_turns": "error_max_turns",
        "max_budget": "error_max_budget_usd",
        "max_calls": "error_max_tool_calls",
    }
    assert line["subtype"] == limits.get(stop_reason, "error_during_execution")
    assert line["errors"] == [line["result"]] == ["It stopped for a reason."]


def test_what_a_hook_has_for_the_user_is_a_line_of_its_own() -> None:
    (line,) = lines_of([HookRan("PostToolUse", "lint.sh", 0.25, "formatted")])
    assert line == snapshot(
        {
            "type": "system",
            "subtype": "hook",
            "hook_event": "PostToolUse",
            "command": "lint.sh",
            "duration_ms": 250,
            "text": "formatted",
            "session_id": "",
            "uuid": "uuid-1",
        }
    )


def test_denied_calls_are_listed_at_the_end() -> None:
    events: list[AgentEvent] = [
        started(),
        changed(0, CALLS["c"], "asking", 1.0),
        changed(0, CALLS["c"], "denied", 2.0, result=failure("no")),
        RunEnded(RunResult("", "end_turn", 1, USAGE, 1.0)),
    ]
    assert lines_of(events)[-1]["permission_denials"] == [
        {"tool_name": "read_file", "tool_use_id": "c", "tool_input": {"path": "notes.md"}}
    ]


def test_retries_and_dropped_replies_are_told() -> None:
    lines = lines_of([started(), Retrying(1, 4, 0.5, "overloaded"), TurnDiscarded("broke off")])
    assert lines[1:] == snapshot(
        [
            {
                "type": "system",
                "subtype": "retry",
                "attempt": 1,
                "attempts": 4,
                "wait_ms": 500,
                "reason": "overloaded",
                "session_id": "4f1d",
                "uuid": "uuid-2",
            },
            {
                "type": "system",
                "subtype": "turn_discarded",
                "reason": "broke off",
                "session_id": "4f1d",
                "uuid": "uuid-3",
            },
        ]
    )


def partial_events(events: list[AgentEvent]) -> list[Any]:
    return [line["event"] for line in lines_of(events, partial=True) if line["type"] == "stream_event"]


def test_a_message_is_told_while_it_is_written_when_asked_for() -> None:
    events: list[AgentEvent] = [
        started(),
        TurnStarted(1, 0.0),
        ThinkingAdded("Hm"),
        ThinkingAdded("m"),
        TextAdded("Look"),
        TextAdded("ing."),
        CallStreaming(0, "a", "web_search", 0.2),
        changed(0, CALLS["a"], "running", 0.3),
        changed(0, CALLS["a"], "done", 0.4),
        CallStreaming(1, "c", "read_file", 0.5),
        changed(1, CALLS["c"], "running", 0.6),
        reply([CALLS["a"], CALLS["c"]], 0.7),
        results("ac", 0.8),
    ]
    assert partial_events(events) == snapshot(
        [
            {
                "type": "message_start",
                "message": {
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-test",
                    "content": [],
                    "stop_reason": None,
                },
            },
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking", "thinking": "", "signature": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Look"}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "ing."}},
            {"type": "content_block_stop", "index": 1},
            {
                "type": "content_block_start",
                "index": 2,
                "content_block": {"type": "tool_use", "id": "a", "name": "web_search", "input": {}},
            },
            {
                "type": "content_block_delta",
                "index": 2,
                "delta": {"type": "input_json_delta", "partial_json": '{"query": "antiphony in music"}'},
            },
            {"type": "content_block_stop", "index": 2},
            {
                "type": "content_block_start",
                "index": 3,
                "content_block": {"type": "tool_use", "id": "c", "name": "read_file", "input": {}},
            },
            {
                "type": "content_block_delta",
                "index": 3,
                "delta": {"type": "input_json_delta", "partial_json": '{"path": "notes.md"}'},
            },
            {"type": "content_block_stop", "index": 3},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                "usage": {
                    "input_tokens": 100,
                    "output_tokens": 20,
                    "cache_read_input_tokens": 1000,
                    "cache_creation_input_tokens": 50,
                },
            },
            {"type": "message_stop"},
        ]
    )


def test_partial_messages_are_not_told_unless_asked_for() -> None:
    assert "stream_event" not in kinds(lines_of(three_calls()))


def test_partial_blocks_open_and_close_in_turn_and_join_to_the_message() -> None:
    events = partial_events(three_calls())
    open_block: int | None = None
    for event in events:
        if event["type"] == "content_block_start":
            assert open_block is None
            open_block = event["index"]
        elif event["type"] == "content_block_delta":
            assert event["index"] == open_block
        elif event["type"] == "content_block_stop":
            assert event["index"] == open_block
            open_block = None
    assert open_block is None
    texts = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
    assert texts == "I will look things up.\nOne moment.Both sources agree."
    assert [event["type"] for event in events].count("message_start") == 2


def test_time_spent_on_the_api_is_told_apart() -> None:
    events: list[AgentEvent] = [
        started(),
        TurnStarted(1, 1.0),
        ReplyReceived({"role": "assistant", "content": []}, "end_turn", USAGE, {}, 3.25),
        RunEnded(RunResult("", "end_turn", 1, USAGE, 5.0)),
    ]
    line = lines_of(events)[-1]
    assert (line["duration_ms"], line["duration_api_ms"]) == (5000, 2250)
