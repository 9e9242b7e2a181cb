"""What is read of replies and errors."""

import gzip
import json
import re
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from upstreams import upstream

from antiphon.protocol.registry import RULES
from antiphon.protocol.registry import rule as rule_by
from antiphon.protocol.rule import Rule
from antiphon.protocol.tool_definitions import derived_name
from antiphon.proxy import Proxy
from antiphon.proxy.naming import Namer, renamed
from antiphon.proxy.refusals import _BY_CODE, Complaint, complaint, rule_of
from antiphon.proxy.watching import Usage, Watcher

Json = dict[str, Any]
ORPHAN = (
    "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1."
    " Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
)


def api_error(text: str) -> Json:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": text}}


@pytest.mark.parametrize(
    "error",
    [
        api_error(ORPHAN),
        {"error": {"message": ORPHAN, "type": "invalid_request_error", "param": None, "code": "400"}},
        {
            "error": {
                "message": f"litellm.BadRequestError: AnthropicException - {json.dumps(api_error(ORPHAN))}. See docs"
            }
        },
        {"error": {"message": json.dumps({"error": {"message": json.dumps(api_error(ORPHAN))}})}},
        {"message": ORPHAN},
        {"error": ORPHAN},
    ],
)
def test_the_rule_is_found_however_the_error_is_wrapped(error: Json) -> None:
    found = complaint(json.dumps(error).encode())
    assert found is not None
    rule = rule_of(found)
    assert rule is not None
    assert rule.id == "TU004"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b'{"error":7}', b'{"error":{"message":7}}', b"x" * 100_000, b"[" * 60_000],
)
def test_what_says_nothing_is_about_no_rule(body: bytes) -> None:
    found = complaint(body)
    assert found is None or rule_of(found) is None


def test_a_code_says_more_than_the_text() -> None:
    error = api_error(ORPHAN)
    error["error"]["details"] = {"error_code": "tool_reference_unresolved"}
    found = complaint(json.dumps(error).encode())
    assert found is not None
    rule = rule_of(found)
    assert rule is not None
    assert rule.name == "unresolved-tool-reference"


@pytest.mark.parametrize("name", _BY_CODE.values())
def test_codes_are_about_rules_that_there_are(name: str) -> None:
    assert rule_by(name).name == name


@pytest.mark.parametrize(
    "text", ["Overloaded", "messages: nonsense", "prompt is too long: 2 tokens > 1 maximum", "", "{}"]
)
def test_other_errors_are_about_no_rule(text: str) -> None:
    assert rule_of(Complaint(text)) is None


def words(error: str) -> str:
    """Return an error text without what differs from case to case."""
    return re.sub(r"\{\w+\}", "", error)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_that_says_enough_is_recognized_by_its_own_text(rule: Rule) -> None:
    found = rule_of(Complaint(re.sub(r"\{\w+\}", "seven", rule.error)))
    if len(words(rule.error)) > 40:
        assert found is not None
        # Several rules may share what the API says.
        assert words(found.error) == words(rule.error)


def read(
    parts: Sequence[bytes], *, streamed: bool, encoding: str = "", remember: bool = False
) -> tuple[list[tuple[int, int, int]], list[Any]]:
    """Return the tokens and the content that a watcher reads of a reply."""
    counts: list[tuple[int, int, int]] = []
    contents: list[Any] = []

    def used(usage: Usage) -> None:
        counts.append(usage.counts())

    def keep(content: Sequence[Json], size: int) -> None:
        assert size
        contents.append(content)

    watcher = Watcher(streamed=streamed, encoding=encoding, used=used, remember=keep if remember else None)
    for part in parts:
        watcher.feed(part)
    watcher.close()
    return counts, contents


USAGE = {"input_tokens": 5, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 9, "output_tokens": 1}
MESSAGE: Json = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": [], "usage": USAGE}
TEXT = {"type": "text", "text": "hi"}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
WHOLE = json.dumps({**MESSAGE, "content": [TEXT, THOUGHT], "stop_reason": "end_turn"}).encode()
EVENTS: tuple[Json, ...] = (
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {**THOUGHT, "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "signature_delta", "signature": "s"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
)
STREAM = b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in EVENTS)


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize(("data", "streamed"), [(STREAM, True), (WHOLE, False)])
@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("remember", [True, False])
def test_tokens_and_content_are_read_wherever_the_bytes_are_cut(
    data: bytes, encoding: str, size: int, *, streamed: bool, remember: bool
) -> None:
    sent = gzip.compress(data) if encoding else data
    parts = [sent[start : start + size] for start in range(0, len(sent), size)]
    expected = ([(5, 70, 9)], [[TEXT, THOUGHT]] if remember else [])
    assert read(parts, streamed=streamed, encoding=encoding, remember=remember) == expected


@pytest.mark.parametrize("streamed", [True, False])
def test_a_reply_without_thinking_is_not_read_to_be_remembered(*, streamed: bool) -> None:
    plain = b"".join(part for part in STREAM.split(b"event: ") if b'"index": 1' not in part)
    data = plain if streamed else WHOLE.replace(json.dumps(THOUGHT).encode(), json.dumps(TEXT).encode())
    assert read([data], streamed=streamed, remember=True) == ([(5, 70, 9)], [])


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
def test_what_cannot_be_unpacked_is_left_alone(encoding: str) -> None:
    assert read([b"\x1f\x8b nonsense", STREAM], streamed=True, encoding=encoding, remember=True) == ([], [])


def test_what_fails_while_reading_along_does_not_reach_the_client() -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    for data, streamed in ((STREAM, True), (WHOLE, False)):
        watcher = Watcher(streamed=streamed, encoding="", used=fails, remember=fails)
        watcher.feed(data)
        watcher.close()


def test_a_reply_that_grows_without_bound_is_not_held() -> None:
    bomb = gzip.compress(b'{"usage":"' + b"0" * 50_000_000)
    assert read([bomb], streamed=False, encoding="gzip", remember=True) == ([], [])


def test_tokens_of_chat_completions_are_counted_alike() -> None:
    used = {"prompt_tokens": 100, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 60}}
    assert read([json.dumps({"usage": used}).encode()], streamed=False) == ([(40, 60, 0)], [])


@pytest.mark.parametrize(
    "data", [b"", b"{", b"null", b"data: {", b'{"usage":7}', b"\n\n\n", STREAM[:200], b"data: []\n\n"]
)
@pytest.mark.parametrize("streamed", [True, False])
def test_nonsense_counts_nothing(data: bytes, *, streamed: bool) -> None:
    assert read([data], streamed=streamed, remember=True) == ([], [])


NAMES = {"read_file_1": "read file"}


def test_renamed_tools_are_found_in_each_protocol() -> None:
    one, other = derived_name("read file"), derived_name("a b")
    before = {"tools": [{"name": "ok"}, {"name": "read file"}, {"function": {"name": "a b"}}, {"type": "x"}]}
    after = {"tools": [{"name": "ok"}, {"name": one}, {"function": {"name": other}}, {"type": "x"}]}
    assert renamed(before, after) == {one: "read file", other: "a b"}
    assert renamed(before, before) == {}
    assert renamed(before, {"tools": []}) == {}


@pytest.mark.parametrize("size", [1, 5, 10_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_calls_get_their_own_names_back_and_nothing_else_changes(size: int, end: bytes) -> None:
    start = {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "read_file_1"}}
    said = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "I call read_file_1 now"}}
    lines = [
        b"event: x",
        b"data: " + json.dumps(start).encode(),
        b"",
        b"data: " + json.dumps(said).encode(),
        b"",
        b": read_file_1",
        b"",
    ]
    data = end.join([*lines, b""])
    namer = Namer(NAMES, streamed=True)
    out = b"".join(namer.feed(data[start : start + size]) for start in range(0, len(data), size)) + namer.close()
    start["content_block"]["name"] = "read file"  # pyright: ignore[reportIndexIssue]  (it is an object)
    got = out.split(end)
    assert json.loads(got[1].removeprefix(b"data: ")) == start
    assert json.loads(got[3].removeprefix(b"data: ")) == said
    assert [got[n] for n in (0, 2, 4, 5, 6)] == [lines[n] for n in (0, 2, 4, 5, 6)]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (
            {"content": [{"type": "tool_use", "name": "read_file_1", "input": {"name": "read_file_1"}}]},
            {"content": [{"type": "tool_use", "name": "read file", "input": {"name": "read_file_1"}}]},
        ),
        (
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "read_file_1"}}]}}]},
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "read file"}}]}}]},
        ),
        (
            {"output": [{"type": "function_call", "name": "read_file_1"}]},
            {"output": [{"type": "function_call", "name": "read file"}]},
        ),
        (
            {"content": [{"type": "text", "name": "read_file_1"}]},
            {"content": [{"type": "text", "name": "read_file_1"}]},
        ),
    ],
)
def test_names_are_found_in_whole_replies_of_each_protocol(answer: Json, named: Json) -> None:
    namer = Namer(NAMES, streamed=False)
    assert namer.feed(json.dumps(answer).encode()) == b""
    assert json.loads(namer.close()) == named


async def test_replies_are_asked_for_in_an_encoding_that_can_be_read_only_where_they_must_be(
    client: httpx2.AsyncClient,
) -> None:
    headers = {"accept-encoding": "gzip, deflate, br, zstd"}
    plain = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "go"}]}
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        for request in (plain, {**plain, "thinking": {"type": "adaptive"}}):
            await client.post(f"{proxy.url}/v1/messages", json=request, headers=headers)
        assert [seen.header("accept-encoding") for seen in api.seen] == [["gzip, deflate, br, zstd"], ["gzip"]]
