"""Thinking that goes back is checked against what was said, and after what."""

import copy
import json
from typing import Any

import pytest
from emulator_requests import READ_FILE, Client, answers, request

from antiphon.emulator import Emulator, RedactedThinking, ServerToolUse, Thinking, ToolUse, reply
from antiphon.emulator.signing import BINDING_BETA
from antiphon.testing import mint

BOUND = "claude-opus-5-5"
UNBOUND = "claude-opus-5"
ADAPTIVE = {"type": "adaptive"}
DROPS = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}


def thinks(thinking: str, call: str, signature: str = "$sig:ok") -> dict[str, Any]:
    """Return an assistant message that thinks and calls `read_file`."""
    return {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": thinking, "signature": signature},
            {"type": "tool_use", "id": call, "name": "read_file", "input": {}},
        ],
    }


def two_rounds(model: str) -> dict[str, Any]:
    """Return a request after two rounds of thinking and one call each, all of it genuine."""
    return mint(
        request(
            "go", thinks("first a", "a"), answers("a"), thinks("then b", "b"), answers("b"),
            model=model, thinking=ADAPTIVE, system="Be brief.",
        )
    )  # fmt: skip


def verdict(client: Client, body: dict[str, Any], **headers: str) -> str | None:
    """Return the emulator's error text, or None when it answers."""
    with Emulator() as emulator:
        response = client(emulator).post("/v1/messages", json=body, headers=headers)
    assert response.status_code in {200, 400}
    return None if response.status_code == 200 else response.json()["error"]["message"]


@pytest.mark.parametrize("model", [BOUND, UNBOUND])
def test_thinking_that_comes_back_as_it_was_is_accepted(model: str, client: Client) -> None:
    assert verdict(client, two_rounds(model)) is None


@pytest.mark.parametrize("model", [BOUND, UNBOUND])
def test_a_signature_holds_only_for_the_text_it_was_made_for(model: str, client: Client) -> None:
    body = two_rounds(model)
    body["messages"][3]["content"][0]["thinking"] = "then c"
    assert verdict(client, body) == "messages.3.content.0: Invalid `signature` in `thinking` block"


def test_a_signature_of_somebody_else_is_refused(client: Client) -> None:
    body = mint(request("go", thinks("a", "a"), answers("a"), model=UNBOUND, thinking=ADAPTIVE), seed=1)
    assert verdict(client, body) == "messages.1.content.0: Invalid `signature` in `thinking` block"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"signature": None}, "messages.1.content.0.thinking.signature.str: Input should be a valid string"),
        ({"signature": "?"}, "messages.1.content.0: Invalid `signature` in `thinking` block"),
        ({"thinking": "", "signature": ""}, "messages.1.content.0: each thinking block must contain thinking"),
    ],
)
def test_what_is_no_signature_is_said_to_be_none(change: dict[str, Any], text: str, client: Client) -> None:
    body = two_rounds(UNBOUND)
    body["messages"][1]["content"][0].update(change)
    assert verdict(client, body) == text


def test_thinking_without_a_signature_lacks_a_field(client: Client) -> None:
    body = two_rounds(UNBOUND)
    del body["messages"][1]["content"][0]["signature"]
    assert verdict(client, body) == "messages.1.content.0.thinking.signature: Field required"


def test_thinking_shown_as_nothing_is_signed_as_nothing(client: Client) -> None:
    shown_as_nothing = {**ADAPTIVE, "display": "omitted"}
    asked = request("go", model=BOUND, thinking=shown_as_nothing)
    with Emulator([reply(Thinking("secret"), ToolUse("read_file", id="a")), "done"]) as emulator:
        said = client(emulator).post("/v1/messages", json=asked).json()
        assert said["content"][0]["thinking"] == ""
        asked["messages"] += [{"role": "assistant", "content": said["content"]}, answers("a")]
        assert client(emulator).post("/v1/messages", json=asked).status_code == 200


BASE = (
    "messages.3.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation. "
    'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". '
    "That setting requires the `thinking-binding-controls-2026-08-01` value in the `anthropic-beta` header."
)


def change_result(body: dict[str, Any]) -> None:
    body["messages"][2]["content"][0]["content"] = "summarised"


def add_reminder(body: dict[str, Any]) -> None:
    body["messages"][2]["content"].append({"type": "text", "text": "a reminder"})


def drop_first_thinking(body: dict[str, Any]) -> None:
    del body["messages"][1]["content"][0]


def change_earlier_input(body: dict[str, Any]) -> None:
    body["messages"][1]["content"][1]["input"] = {"path": "b"}


MISSING = " The `thinking` block that preceded this one when it was created is missing from this request."


@pytest.mark.parametrize(
    ("change", "cause"),
    [(change_result, ""), (add_reminder, ""), (change_earlier_input, ""), (drop_first_thinking, MISSING)],
)
def test_bound_thinking_is_refused_when_something_before_it_has_changed(
    change: Any, cause: str, client: Client
) -> None:
    body = two_rounds(BOUND)
    change(body)
    assert verdict(client, body) == BASE + cause
    unbound = two_rounds(UNBOUND)
    change(unbound)
    assert verdict(client, unbound) is None


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"system": "Be verbose."}, "The `system` prompt differs from the one this block was created with."),
        ({"tools": [{**READ_FILE, "name": "read"}]}, "The `tools` differ from the ones this block was created with."),
    ],
)
def test_a_changed_system_prompt_or_tool_is_named_as_the_cause(
    fields: dict[str, Any], cause: str, client: Client
) -> None:
    body = {**two_rounds(BOUND), **fields}
    assert verdict(client, body) == f"{BASE.replace('messages.3', 'messages.1')} {cause}"


def test_what_follows_the_thinking_may_change(client: Client) -> None:
    body = two_rounds(BOUND)
    body["messages"][4]["content"].append({"type": "text", "text": "a reminder"})
    assert verdict(client, body) is None


def test_cache_markers_and_the_form_of_a_text_do_not_count(client: Client) -> None:
    body = two_rounds(BOUND)
    marker = {"type": "ephemeral"}
    body["tools"] = [{**READ_FILE, "cache_control": marker}]
    body["system"] = [{"type": "text", "text": "Be brief.", "cache_control": marker}]
    body["messages"][0]["content"] = [{"type": "text", "text": "go"}]
    body["messages"][2]["content"][0]["content"] = [{"type": "text", "text": "a", "cache_control": marker}]
    assert verdict(client, body) is None


def test_where_one_message_ends_and_the_next_of_its_role_begins_does_not_count(client: Client) -> None:
    whole = request({"role": "user", "content": [{"type": "text", "text": "go"}, {"type": "text", "text": "on"}]})
    whole["messages"] += [thinks("a", "a"), answers("a")]
    split = mint({**whole, "model": BOUND})
    split["messages"][0:1] = [{"role": "user", "content": "go"}, {"role": "user", "content": "on"}]
    assert verdict(client, split) is None


def test_bound_thinking_can_be_dropped_instead_and_the_reply_says_which(client: Client) -> None:
    body = {**two_rounds(BOUND), "system": "Be verbose.", "thinking": DROPS}
    with Emulator(["fine", "fine"]) as emulator:
        ask = client(emulator)
        whole = ask.post("/v1/messages", json=body, headers={"anthropic-beta": BINDING_BETA}).json()
        streamed = ask.post("/v1/messages", json={**body, "stream": True}, headers={"anthropic-beta": BINDING_BETA})
    dropped = [
        {"type": "thinking_dropped", "path": f"messages.{index}.content.0", "reason": "prefix_binding_mismatch"}
        for index in (1, 3)
    ]
    assert whole["input_transformations"] == dropped
    started = json.loads(streamed.text.split("data: ")[1].split("\n")[0])
    assert started["message"]["input_transformations"] == dropped
    # What the model did not read is not paid for either.
    kept: dict[str, Any] = copy.deepcopy(body)
    for index in (1, 3):
        del kept["messages"][index]["content"][0]
    with Emulator() as emulator:
        without = client(emulator).post("/v1/messages", json={**kept, "thinking": ADAPTIVE}).json()
    assert whole["usage"]["input_tokens"] == without["usage"]["input_tokens"]


def test_dropping_needs_its_beta_header_and_adaptive_thinking(client: Client) -> None:
    body = {**two_rounds(BOUND), "thinking": DROPS}
    assert verdict(client, body) == "thinking.adaptive.block_binding: Extra inputs are not permitted"
    manual = {**two_rounds("claude-opus-4-6"), "max_tokens": 2048}
    manual["thinking"] = {**DROPS, "type": "enabled", "budget_tokens": 1024}
    expected = "thinking.enabled.block_binding: Extra inputs are not permitted"
    assert verdict(client, manual, **{"anthropic-beta": BINDING_BETA}) == expected


def test_a_model_that_only_records_the_binding_notes_what_does_not_fit(client: Client) -> None:
    body = {**two_rounds("claude-mythos-5-1"), "system": "Be verbose."}
    with Emulator() as emulator:
        said = client(emulator).post("/v1/messages", json=body).json()
    assert [note["type"] for note in said["input_transformations"]] == ["thinking_mismatch_allowed"] * 2


def test_thinking_of_another_model_is_not_read(client: Client) -> None:
    body = {**two_rounds(UNBOUND), "model": BOUND}
    with Emulator() as emulator:
        said = client(emulator).post("/v1/messages", json=body).json()
    assert [note["reason"] for note in said["input_transformations"]] == ["model_binding_mismatch"] * 2


def test_the_binding_is_checked_when_tokens_are_counted(client: Client) -> None:
    body = two_rounds(BOUND)
    body["messages"][0]["content"] = "stop"
    del body["max_tokens"]
    with Emulator() as emulator:
        response = client(emulator).post("/v1/messages/count_tokens", json=body)
    assert response.status_code == 400
    assert "bound to a different conversation" in response.json()["error"]["message"]


def test_placeholders_are_minted_as_they_say(client: Client) -> None:
    def with_signature(placeholder: str) -> dict[str, Any]:
        asked = request("go", thinks("a", "a", placeholder), answers("a"), model=BOUND, thinking=ADAPTIVE)
        return mint(asked)

    assert verdict(client, with_signature("$sig:ok")) is None
    tampered = verdict(client, with_signature("$sig:tampered"))
    assert tampered == "messages.1.content.0: Invalid `signature` in `thinking` block"
    other = verdict(client, with_signature("$sig:other-prefix"))
    assert other is not None
    assert "bound to a different conversation" in other


def test_another_conversation_can_be_described(client: Client) -> None:
    asked = request("go", thinks("a", "a", "$sig:other-prefix"), answers("a"), model=BOUND, thinking=ADAPTIVE)
    text = verdict(client, mint(asked, {"original_messages": [{"role": "user", "content": "stop"}]}))
    assert text is not None
    assert text.endswith("in the `anthropic-beta` header.")


def test_minting_leaves_the_given_request_as_it_was() -> None:
    asked = request("go", thinks("a", "a"), answers("a"))
    before = copy.deepcopy(asked)
    mint(asked)
    assert asked == before


def replied_and_sent_back(client: Client, emulator: Emulator, model: str = UNBOUND) -> dict[str, Any]:
    """Let the emulator think and call, and return the request that answers the call."""
    asked = request("go", model=model, thinking=ADAPTIVE)
    said = client(emulator).post("/v1/messages", json=asked).json()
    asked["messages"] += [{"role": "assistant", "content": said["content"]}, answers("a")]
    return asked


MODIFIED = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."
)


def test_thinking_may_not_be_taken_out_of_the_latest_assistant_message(client: Client) -> None:
    call = ToolUse("read_file", id="a")
    with Emulator([reply(Thinking("one"), RedactedThinking(), call), "done"]) as emulator:
        asked = replied_and_sent_back(client, emulator)
        whole = copy.deepcopy(asked)
        del asked["messages"][1]["content"][1]
        response = client(emulator).post("/v1/messages", json=asked)
        assert response.json()["error"]["message"] == f"messages.1.content.0: {MODIFIED}"
        assert client(emulator).post("/v1/messages", json=whole).status_code == 200


def test_a_paused_turn_that_went_on_is_one_turn(client: Client) -> None:
    paused = reply(Thinking("one"), ServerToolUse("web_search", {"query": "q"}, result=[]), stop_reason="pause_turn")
    with Emulator([paused, reply(Thinking("two"), ToolUse("read_file", id="a")), "done"]) as emulator:
        asked = request("go", model=BOUND, thinking=ADAPTIVE)
        for _ in range(2):
            said = client(emulator).post("/v1/messages", json=asked).json()
            asked["messages"].append({"role": "assistant", "content": said["content"]})
        asked["messages"].append(answers("a"))
        assert client(emulator).post("/v1/messages", json=asked).status_code == 200
        merged = copy.deepcopy(asked)
        merged["messages"][1:3] = [
            {"role": "assistant", "content": [block for each in asked["messages"][1:3] for block in each["content"]]}
        ]
        assert client(emulator).post("/v1/messages", json=merged).status_code == 200


def test_thinking_may_be_taken_out_of_older_messages_of_unbound_models(client: Client) -> None:
    with Emulator([reply(Thinking("one"), ToolUse("read_file", id="a")), "done", "again"]) as emulator:
        asked = replied_and_sent_back(client, emulator)
        said = client(emulator).post("/v1/messages", json=asked).json()
        asked["messages"] += [{"role": "assistant", "content": said["content"]}, {"role": "user", "content": "more"}]
        del asked["messages"][1]["content"][0]
        assert client(emulator).post("/v1/messages", json=asked).status_code == 200


def test_a_conversation_with_thinking_taken_out_goes_on_when_thinking_is_switched_off(client: Client) -> None:
    with Emulator([reply(Thinking("one"), ToolUse("read_file", id="a")), "done"]) as emulator:
        asked = replied_and_sent_back(client, emulator)
        del asked["messages"][1]["content"][0]
        del asked["thinking"]
        assert client(emulator).post("/v1/messages", json=asked).status_code == 200


def test_bound_thinking_may_be_taken_out_as_the_api_itself_advises(client: Client) -> None:
    with Emulator([reply(Thinking("one"), ToolUse("read_file", id="a")), "done"]) as emulator:
        asked = replied_and_sent_back(client, emulator, BOUND)
        del asked["messages"][1]["content"][0]
        assert client(emulator).post("/v1/messages", json=asked).status_code == 200


def test_what_was_replied_elsewhere_can_be_told(client: Client) -> None:
    unthinking = {"role": "assistant", "content": [thinks("", "a")["content"][1]]}
    asked = request("go", unthinking, answers("a"), model=UNBOUND, thinking=ADAPTIVE)
    with Emulator() as emulator:
        emulator.remember(asked, [{"type": "redacted_thinking", "data": "x"}, *asked["messages"][1]["content"]])
        response = client(emulator).post("/v1/messages", json=asked)
    assert response.json()["error"]["message"] == f"messages.1.content.0: {MODIFIED}"


def test_thinking_before_a_fallback_to_another_model_is_not_looked_at(client: Client) -> None:
    turn = thinks("half a thought", "a", "of another model")
    turn["content"].insert(1, {"type": "fallback", "from": {"model": "x"}, "to": {"model": "y"}})
    assert verdict(client, request("go", turn, answers("a"), model=BOUND)) is None
