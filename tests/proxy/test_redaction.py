"""What is redacted says nothing any more, and breaks the same rules."""

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocol.calls import NO_RESULT
from antiphon.protocol.checking import check
from antiphon.protocol.context import Context
from antiphon.protocol.dialects import ALL_DIALECTS, dialect
from antiphon.protocol.images import media_type_of, size_of
from antiphon.protocol.messages import Json
from antiphon.proxy.redaction import Redaction
from antiphon.proxy.standing_in import StandIns
from antiphon.testing.damages import damaged

CASES: list[Json] = json.loads(Path(__file__, "../../corpus/requests.json").resolve().read_text(encoding="utf-8"))
SALT = b"salt of the tests"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x08\0\0\0\x10\0" + bytes(100)).decode()
SECRET = "sk-canary-0123"


def redacted(request: Any) -> Any:
    return Redaction(SALT).request(request)


def rules(request: Json, name: str, context: Context) -> list[tuple[str, int | None, int | None]]:
    return [(found.rule, found.message, found.block) for found in check(request, dialect(name), context=context)]


def context_of(case: Json) -> Context:
    headers = {"anthropic-version": "2023-06-01", **case.get("headers", {})}
    betas = headers.get("anthropic-beta", "").split(",")
    return Context(headers["anthropic-version"], frozenset(filter(None, betas)))


@pytest.mark.parametrize("name", ALL_DIALECTS)
def test_the_corpus_breaks_the_same_rules_after_redaction_as_before(name: str) -> None:
    for case in CASES:
        if case["request"]:
            before = rules(case["request"], name, context_of(case))
            assert rules(redacted(case["request"]), name, context_of(case)) == before, case["id"]


@pytest.mark.parametrize("start", range(0, 1000, 250))
def test_damaged_conversations_break_the_same_rules_after_redaction_as_before(start: int) -> None:
    for seed in range(start, start + 250):
        request = damaged(Random(seed))
        for name in ("anthropic", "template", "compatible"):
            before = rules(request, name, Context())
            assert rules(redacted(request), name, Context()) == before, seed


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "description": SECRET,
    "properties": {"path": {"type": "string", "enum": [SECRET], "default": SECRET, "pattern": SECRET, "title": SECRET}},
    "required": ["path"],
    "$ref": f"https://example.org/{SECRET}",
}
BLOCKS: list[Json] = [
    {"type": "text", "text": SECRET, "citations": [{"type": "char_location", "cited_text": SECRET, "url": SECRET}]},
    {"type": "thinking", "thinking": SECRET, "signature": SECRET},
    {"type": "redacted_thinking", "data": SECRET},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": SECRET}},
    {"type": "image", "source": {"type": "url", "url": f"https://example.org/{SECRET}.png?token={SECRET}"}},
    {"type": "document", "title": SECRET, "context": SECRET, "source": {"type": "text", "data": SECRET}},
    {"type": "search_result", "title": SECRET, "source": SECRET, "content": [{"type": "text", "text": SECRET}]},
    {"type": "tool_use", "id": "a", "name": "read", "input": {"type": SECRET, "name": SECRET, SECRET: [SECRET]}},
    {"type": "tool_use", "id": "b", "name": "read", "input": json.dumps({"id": SECRET})},
    {"type": "tool_use", "id": "c", "name": "read", "input": '{"id": "' + SECRET},
    {"type": "tool_use", "id": "d", "name": "read", "input": [SECRET]},
    {"type": "server_tool_use", "id": "e", "name": "web_search", "input": {"query": SECRET}},
    {"type": "tool_result", "tool_use_id": "a", "content": SECRET},
    {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": SECRET}, SECRET]},
    {"type": "tool_result", "tool_use_id": "c", "content": {"name": SECRET, "id": SECRET, "type": SECRET}},
    {"type": "tool_result", "tool_use_id": "d", "content": [{"name": SECRET, "type": SECRET}]},
    {"type": "of_tomorrow", "whatever": {"name": SECRET, "id": SECRET}, "said": SECRET},
]
SECRETIVE: list[Json] = [
    {
        "model": "claude-opus-5",
        "system": [{"type": "text", "text": SECRET}],
        "metadata": {"user_id": SECRET, "id": SECRET},
        "stop_sequences": [SECRET],
        "tools": [{"name": "read", "description": SECRET, "input_schema": SCHEMA, "input_examples": [{"id": SECRET}]}],
        "mcp_servers": [
            {"type": "url", "name": "m", "url": f"https://{SECRET}.example.org", "authorization_token": SECRET}
        ],
        "messages": [{"role": "user", "content": SECRET, "name": SECRET}, {"role": "assistant", "content": BLOCKS}],
        "of_tomorrow": {"id": SECRET, "name": SECRET},
    },
    {
        "model": "gpt-6",
        "user": SECRET,
        "tools": [{"type": "function", "function": {"name": "read", "description": SECRET, "parameters": SCHEMA}}],
        "messages": [
            {"role": "system", "content": SECRET},
            {"role": "user", "name": SECRET, "content": [{"type": "image_url", "image_url": {"url": SECRET}}]},
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": SECRET,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "read", "arguments": json.dumps(SECRET)}},
                    {"id": "b", "type": "function", "function": {"name": "read", "arguments": SECRET}},
                    {"id": "c", "type": "custom", "custom": {"name": "sh", "input": SECRET}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": SECRET},
            {"role": "tool", "tool_call_id": "b", "content": [{"name": SECRET}]},
        ],
    },
    {
        "model": "gpt-6",
        "instructions": SECRET,
        "prompt_cache_key": SECRET,
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": SECRET}, SECRET]},
            {
                "type": "reasoning",
                "id": "rs_1",
                "encrypted_content": SECRET,
                "summary": [SECRET, {"type": "summary_text", "text": SECRET}],
            },
            {"type": "function_call", "call_id": "a", "name": "read", "arguments": json.dumps({"name": SECRET})},
            {"type": "custom_tool_call", "call_id": "b", "name": "sh", "input": SECRET},
            {"type": "local_shell_call", "call_id": "c", "action": {"command": [SECRET], "env": {"name": SECRET}}},
            {"type": "function_call_output", "call_id": "a", "output": {"name": SECRET}},
            {"type": "custom_tool_call_output", "call_id": "b", "output": [{"id": SECRET}, SECRET]},
        ],
        "tools": [{"type": "function", "name": "read", "description": SECRET, "parameters": SCHEMA}],
    },
    {
        "system": [{"text": SECRET}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"document": {"name": SECRET, "format": "pdf", "source": {"bytes": SECRET}}},
                    {"toolUse": {"toolUseId": "a", "name": "read", "input": {"name": SECRET}}},
                    {"toolResult": {"toolUseId": "a", "content": [{"json": {"id": SECRET}}, {"text": SECRET}]}},
                ],
            }
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "read", "inputSchema": {"json": SCHEMA}}}]},
    },
    {
        "systemInstruction": {"parts": [{"text": SECRET}]},
        "contents": [
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "read", "args": {"id": SECRET}}, "thoughtSignature": SECRET},
                    {"functionResponse": {"name": "read", "response": {"name": SECRET}}},
                    {"inlineData": {"mimeType": "image/png", "data": SECRET}},
                    {"fileData": {"fileUri": f"gs://{SECRET}/a"}},
                ],
            }
        ],
    },
]


@pytest.mark.parametrize("request_", SECRETIVE)
def test_no_secret_in_what_was_said_is_left(request_: Json) -> None:
    assert SECRET in json.dumps(request_)
    assert SECRET not in json.dumps(redacted(request_))


WORDS = "type role id name content text input arguments data url source tools messages input_schema properties output"
MORE = "system parts args response of_tomorrow required enum format status summary tool_use_id model key"
KEYS = st.sampled_from([*WORDS.split(), *MORE.split()])
SENTENCE = "the secret of the canary"


@given(
    st.recursive(
        st.just(SENTENCE) | st.none() | st.integers() | st.sampled_from(["tool_use", "tool_result", "user", ""]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.just(SENTENCE), inner, max_size=4),
        max_leaves=20,
    )
)
def test_no_sentence_is_left_wherever_it_stands(value: Any) -> None:
    assert SENTENCE not in json.dumps(redacted(value))


def test_what_rules_look_at_stays() -> None:
    request = {
        "model": "claude-opus-5",
        "max_tokens": 10,
        "messages": [
            {"role": "user", "content": ""},
            {"role": "assistant", "content": " \n"},
            {"role": "user", "content": [{"type": "text", "text": "Hello ", "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a b", "content": NO_RESULT}]},
        ],
    }
    made = redacted(request)
    assert {key: made[key] for key in ("model", "max_tokens")} == {"model": "claude-opus-5", "max_tokens": 10}
    blank, white, hello, result = (message["content"] for message in made["messages"])
    assert (blank, white, hello[0]["cache_control"]) == ("", " \n", {"type": "ephemeral"})
    assert hello[0]["text"].startswith("<text 6 characters ")
    assert hello[0]["text"].endswith("> ")
    assert (result[0]["content"], result[0]["tool_use_id"][1]) == (NO_RESULT, " ")


def test_equal_texts_stay_equal_and_distinct_ones_distinct_within_one_salt() -> None:
    texts = [f"text {number}" for number in range(1000)]
    instead = StandIns(SALT)
    assert len({instead.text(text) for text in texts}) == len(texts)
    assert [instead.text(text) for text in texts] == [StandIns(SALT).text(text) for text in texts]
    assert instead.text("yes") != StandIns(b"another").text("yes")


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x08\0\0\0\x10\0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a\x20\x03\x58\x02",
        b"\xff\xd8\xff\xe0\x00\x06abcd\xff\xc0\x00\x11\x08\x07\x80\x04\x38\x03",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0",
        b"RIFF\0\0\0\0WEBP",
        b"%PDF-1.7",
        b"",
    ],
)
@pytest.mark.parametrize("rest", [b"", bytes(range(100))])
def test_an_image_keeps_its_kind_and_size_and_nothing_it_shows(head: bytes, rest: bytes) -> None:
    data = base64.b64encode(head + rest).decode()
    instead = StandIns(SALT).data(data)
    assert (media_type_of(instead), size_of(instead), len(instead)) == (media_type_of(data), size_of(data), len(data))
    assert base64.b64encode(bytes(range(20, 60))).decode() not in instead


def test_an_error_keeps_its_words_and_the_names_that_were_sent() -> None:
    redaction = Redaction(SALT)
    redaction.request({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_zq1"}]}]})
    text = "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_zq1"
    error = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": f"{text}. Got: 'Jane Roe' {SECRET}"},
    }
    made = redaction.error(json.dumps(error).encode())
    assert made["error"]["type"] == "invalid_request_error"
    assert made["error"]["message"].startswith(text)
    assert not [word for word in ("Jane", "Roe", SECRET) if word in made["error"]["message"]]
    assert "Jane" not in redaction.error(b"<html>Jane said no")
