"""With a thinking budget a model thinks before it replies to a prompt, whatever a script leaves out."""

from typing import Any

import httpx2

from antiphon.emulator import Emulator, Thinking, ToolUse, reply
from antiphon.protocol.messages import Json

HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
BUDGET: Json = {"type": "enabled", "budget_tokens": 1024}
TOOLS = [{"name": "look", "input_schema": {"type": "object"}}]
CALL = ToolUse("look", {"at": "a.py"})


def _ask(emulator: Emulator, messages: list[Json], thinking: Json) -> Json:
    model = {"model": "claude-sonnet-4-5", "max_tokens": 4096, "tools": TOOLS}
    body = {**model, "thinking": thinking, "messages": messages}
    answer = httpx2.post(f"{emulator.url}/v1/messages", json=body, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _types(message: Json) -> list[str]:
    return [block["type"] for block in message["content"]]


def _prompt(text: str) -> Json:
    return {"role": "user", "content": text}


def _result(message: Json) -> Json:
    call: Any = message["content"][-1]
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "ok"}]}


def test_a_reply_to_a_prompt_begins_with_thinking_and_can_be_sent_back() -> None:
    with Emulator([reply(CALL), reply(CALL), "done"]) as emulator:
        messages = [_prompt("go")]
        replies: list[Json] = []
        for _ in range(3):
            replies.append(_ask(emulator, messages, BUDGET))
            messages.append({"role": "assistant", "content": replies[-1]["content"]})
            if replies[-1]["stop_reason"] == "tool_use":
                messages.append(_result(replies[-1]))
    # Once after a prompt: the rounds behind it belong to the same reply.
    assert [_types(message) for message in replies] == [["thinking", "tool_use"], ["tool_use"], ["text"]]


def test_what_a_script_lets_the_model_think_is_enough() -> None:
    with Emulator([reply(Thinking("Hm."), "yes")]) as emulator:
        message = _ask(emulator, [_prompt("go")], BUDGET)
    assert _types(message) == ["thinking", "text"]
    assert message["content"][0]["thinking"] == "Hm."


def test_without_a_budget_a_model_may_reply_at_once() -> None:
    for thinking in ({"type": "disabled"}, {"type": "adaptive"}):
        with Emulator(["yes"]) as emulator:
            body = {"model": "claude-opus-4-6", "max_tokens": 99, "thinking": thinking, "messages": [_prompt("go")]}
            message = httpx2.post(f"{emulator.url}/v1/messages", json=body, headers=HEADERS).json()
        assert _types(message) == ["text"]
