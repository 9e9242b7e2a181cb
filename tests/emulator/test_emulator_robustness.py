"""Whatever is sent, the emulator answers: with a message or an error in the API's form, never by failing itself."""

import copy
import json
import time
from typing import Any, cast

import pytest
from emulator_requests import READ_FILE, answers, asks, request
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.emulator import Text, Thinking, ToolUse, When, reply
from antiphon.emulator.api import Api
from antiphon.emulator.loading import to_script
from antiphon.emulator.records import Record
from antiphon.protocol.dialects import ANTHROPIC, BEDROCK, COMPATIBLE
from antiphon.testing import mint

HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
MARKER = {"type": "ephemeral", "ttl": "5m"}
SCRIPT = [
    reply("matched", when=When(text="go", result="a", model="haiku")),
    reply(Thinking("hm"), Text("so"), ToolUse("read_file")),
]
WHOLE = mint(
    request(
        {"role": "user", "content": [{"type": "text", "text": "go", "cache_control": MARKER}]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm", "signature": "$sig:ok"}, *asks("a", "b")["content"]],
        },
        answers("a", "b"),
        system=[{"type": "text", "text": "Be brief."}],
        tools=[{**READ_FILE, "cache_control": MARKER}],
        thinking={"type": "adaptive", "display": "omitted"},
        cache_control=MARKER,
        output_config={"effort": "low"},
        model="claude-opus-5-5",
    )
)
WORDS = [
    "",
    "go",
    "text",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
    "image",
    "fallback",
    "system",
    "a",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.sampled_from(WORDS),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "id", "cache_control", "thinking", "text"]), values)
    ),
    max_leaves=6,
)

NO_TEXTS: list[dict[str, Any]] = [
    {"thinking": {"type": []}},
    {"thinking": {"type": "adaptive", "block_binding": {}}},
    {"cache_control": {"type": "ephemeral", "ttl": []}},
    {"system": [{"type": []}]},
    {"tools": [{"type": {}, "cache_control": {"ttl": {}}}, None]},
    {"messages": [{"role": [], "content": [{"type": []}]}]},
    {"messages": [None]},
    {"tool_choice": [], "output_config": [], "speed": {}},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in a value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        found = [(value, key) for key in cast("dict[str, Any]", value)]
    elif isinstance(value, list):
        found = [(value, index) for index in range(len(cast("list[Any]", value)))]
    return found + [place for container, key in found for place in places(container[key])]


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(deadline=None)
@given(st.data())
def test_anything_may_stand_anywhere_in_a_request(data: st.DataObject) -> None:
    body = copy.deepcopy(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(body)))
        container[key] = data.draw(JSON)
        if not places(body):
            break
    dialect = data.draw(st.sampled_from([ANTHROPIC, BEDROCK, COMPATIBLE]))
    api = Api(to_script(SCRIPT), dialect, time.monotonic)
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        record = Record("POST", path, HEADERS, 0.0)
        answer = api.answer(record, json.dumps(body).encode())
        assert record.status in {200, 400}
        assert (record.status == 400) is record.refused
        assert answer.steps


@settings(deadline=None)
@given(st.binary(max_size=60) | st.builds(encoded, JSON))
def test_anything_may_be_sent_instead_of_a_request(body: bytes) -> None:
    record = Record("POST", "/v1/messages", HEADERS, 0.0)
    Api(to_script(None), ANTHROPIC, time.monotonic).answer(record, body)
    assert record.status == 400


@pytest.mark.parametrize("change", NO_TEXTS)
def test_what_is_no_text_where_a_text_is_wanted_is_survived(change: dict[str, Any]) -> None:
    record = Record("POST", "/v1/messages", HEADERS, 0.0)
    Api(to_script(SCRIPT), ANTHROPIC, time.monotonic).answer(record, encoded({**WHOLE, **change}))
    assert record.status in {200, 400}


def test_nesting_deeper_than_python_takes_is_refused() -> None:
    record = Record("POST", "/v1/messages", HEADERS, 0.0)
    Api(to_script(None), ANTHROPIC, time.monotonic).answer(record, b"[" * 200_000)
    assert record.status == 400
