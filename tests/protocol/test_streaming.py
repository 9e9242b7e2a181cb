"""What the reader makes of a streamed reply: finished blocks, the message, or one failure."""

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich_reply import (
    CONTENT,
    EVENTS,
    MESSAGE,
    SEARCH_RESULT,
    STREAM,
    Json,
    block,
    call_block,
    end,
    sse,
    start,
    text_block,
)

from antiphon.protocol.streaming import (
    BlockClosed,
    BlockStarted,
    InputDelta,
    OtherEvent,
    ReplyEnded,
    ReplyEvent,
    ReplyFailed,
    ReplyReader,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
    message_events,
)


def read(*chunks: bytes) -> list[ReplyEvent]:
    reader = ReplyReader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.close()


def read_events(*events: Json) -> list[ReplyEvent]:
    return read(sse(*events))


def failure(*events: Json) -> ReplyFailed:
    told = read_events(*events)
    assert [event for event in told if isinstance(event, ReplyFailed)] == told[-1:]
    last = told[-1]
    assert isinstance(last, ReplyFailed)
    return last


def closed(events: list[ReplyEvent]) -> list[BlockClosed]:
    return [event for event in events if isinstance(event, BlockClosed)]


def arguments(raw: str) -> BlockClosed:
    half = len(raw) // 2
    [found] = closed(read_events(start(), *call_block(0, raw[:half], raw[half:]), *end()))
    return found


# The whole


def test_a_reply_is_told_in_order_and_ends_with_its_message() -> None:
    told = read(STREAM)
    assert told == [
        ReplyStarted(EVENTS[0]["message"]),
        OtherEvent({"type": "ping"}),
        BlockStarted(0, {"type": "thinking", "thinking": "", "signature": ""}),
        ThinkingDelta(0, "Zwei Dinge "),
        ThinkingDelta(0, "prüfen 🤔"),
        BlockClosed(0, CONTENT[0]),
        BlockStarted(1, CONTENT[1]),
        BlockClosed(1, CONTENT[1]),
        BlockStarted(2, {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}),
        InputDelta(2, '{"query": "Rot'),
        InputDelta(2, 'bäckchen"}'),
        BlockClosed(2, CONTENT[2]),
        BlockStarted(3, SEARCH_RESULT),
        BlockClosed(3, SEARCH_RESULT),
        BlockStarted(4, {"type": "text", "text": "", "citations": []}),
        TextDelta(4, "Es ist "),
        TextDelta(4, "grün. \r\n\u2028 日本"),
        BlockClosed(4, CONTENT[4]),
        OtherEvent({"type": "ping"}),
        BlockStarted(5, {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {}}),
        InputDelta(5, '{"path": "src/'),
        InputDelta(5, 'ä.py", "lines": [1, 2]'),
        InputDelta(5, "}"),
        BlockClosed(5, CONTENT[5]),
        BlockStarted(6, {"type": "tool_use", "id": "toolu_2", "name": "list_files", "input": {}}),
        BlockClosed(6, CONTENT[6]),
        ReplyEnded(MESSAGE),
    ]


def test_every_place_to_cut_the_bytes_gives_the_same_events() -> None:
    whole = read(STREAM)
    for place in range(len(STREAM) + 1):
        assert read(STREAM[:place], STREAM[place:]) == whole


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_chunks_of_any_size_and_any_line_end_give_the_same_events(size: int, newline: str) -> None:
    stream = sse(*EVENTS, newline=newline)
    assert read(*(stream[at : at + size] for at in range(0, len(stream), size))) == read(STREAM)


@given(st.lists(st.integers(0, len(STREAM)), max_size=40).map(sorted), st.sampled_from(["\n", "\r\n", "\r"]))
@example([0, 0], "\r\n")
def test_the_chunks_do_not_matter(cuts: list[int], newline: str) -> None:
    stream = sse(*EVENTS, newline=newline)
    places = [0, *cuts, len(stream)]
    chunks = [stream[begin:after] for begin, after in itertools.pairwise(places)]
    assert read(*chunks) == read(STREAM)


def test_decoded_events_are_read_like_bytes() -> None:
    reader = ReplyReader()
    assert [told for event in EVENTS for told in reader.feed_event(event)] == read(STREAM)
    assert reader.close() == []


def test_a_message_that_came_whole_gives_the_same_blocks_and_the_same_end() -> None:
    told = message_events(MESSAGE)
    assert closed(told) == closed(read(STREAM))
    assert told[-1] == ReplyEnded(MESSAGE)
    assert isinstance(told[0], ReplyStarted)
    assert told[0].message["content"] == []
    assert "".join(event.text for event in told if isinstance(event, TextDelta)) == CONTENT[4]["text"]


NO_MESSAGES: list[Any] = [
    None,
    [],
    "text",
    {},
    {"content": "text"},
    {"content": [1]},
    {"content": [{}]},
    {**MESSAGE, "stop_reason": None},
]


@pytest.mark.parametrize("message", NO_MESSAGES)
def test_what_is_no_message_fails(message: Any) -> None:
    last = message_events(message)[-1]
    assert isinstance(last, ReplyFailed)
    assert last.error_type == "malformed"


def test_an_error_that_came_instead_of_a_message_is_reported() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    assert message_events({"type": "error", "error": error}) == [ReplyFailed("overloaded_error", "Overloaded", error)]


# The wire


def test_comments_ids_and_multi_line_data_are_read_as_the_standard_says() -> None:
    first, *rest = sse(*EVENTS).split(b"\n\n", 1)
    name, data = first.split(b"\n")
    odd = b"\xef\xbb\xbf: hello\n\nid: 7\nretry: 10\n" + data.replace(b', "', b',\ndata: "') + b"\n" + name + b"\n\n"
    assert read(odd + rest[0]) == read(STREAM)


def test_event_names_may_be_missing_and_data_may_follow_the_colon_at_once() -> None:
    stream = b"".join(b"data:" + json.dumps(event).encode() + b"\n\n" for event in EVENTS)
    assert read(stream) == read(STREAM)


def test_the_event_name_stands_in_for_a_missing_type() -> None:
    stream = sse(*EVENTS).replace(b'{"type": "message_stop"}', b"{}")
    assert read(stream) == read(STREAM)


@pytest.mark.parametrize(
    "nothing", ["data:\n\n", "data: \n\n", "event: ping\ndata\ndata:\ndata: \n\n", "\n\n", "event: x\n\n"]
)
def test_events_without_data_are_none(nothing: str) -> None:
    first, rest = STREAM.split(b"\n\n", 1)
    assert read(nothing.encode() + first + b"\n\n" + nothing.encode() + rest) == read(STREAM)


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert read(STREAM.removesuffix(b"\n")) == read(STREAM)
    assert read(STREAM.removesuffix(b"\n\n")) == read(STREAM)


def test_nothing_follows_the_end() -> None:
    reader = ReplyReader()
    whole = reader.feed(STREAM + sse({"type": "ping"}, start()))
    assert whole == read(STREAM)
    assert reader.feed(STREAM) == []
    assert reader.feed_event({"type": "ping"}) == []
    assert reader.close() == []


def test_a_surrogate_pair_cut_between_two_deltas_is_one_character_again() -> None:
    # As JSON escapes: bytes cannot hold half a pair.
    escaped = b"".join(
        b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in (start(), *text_block(0, "a\ud83e", "\udd14b", "x\udd14", "\ud83e"), *end())
    )
    told = read(escaped)
    assert [event.text for event in told if isinstance(event, TextDelta)] == ["a", "🤔b", "x\ufffd"]
    assert closed(told)[0].block["text"] == "a🤔bx\ufffd\ufffd"


# Blocks


def test_unknown_fields_of_blocks_and_message_survive() -> None:
    first = {"type": "tool_use", "id": "t", "name": "n", "input": {}, "caller": {"type": "direct"}, "new": [1]}
    told = read_events(start(container={"id": "c"}, brand_new=1), *block(0, first), *end())
    assert closed(told)[0].block == first
    last = told[-1]
    assert isinstance(last, ReplyEnded)
    assert last.message["container"] == {"id": "c"}
    assert last.message["brand_new"] == 1


def test_unknown_events_deltas_and_blocks_are_tolerated() -> None:
    invented = {"type": "content_block_delta", "index": 0, "delta": {"type": "smell_delta", "smell": "rose"}}
    first = {"type": "flower", "petals": 5}
    begin, stop = block(0, first)
    told = read_events(start(), {"type": "weather", "sun": True}, begin, invented, stop, *end())
    assert told[1:-1] == [
        OtherEvent({"type": "weather", "sun": True}),
        BlockStarted(0, first),
        OtherEvent(invented),
        BlockClosed(0, first),
    ]


def test_deltas_add_to_a_block_of_an_unknown_type() -> None:
    told = read_events(start(), *block(0, {"type": "connector_text"}, {"type": "text_delta", "text": "hi"}), *end())
    assert closed(told)[0].block == {"type": "connector_text", "text": "hi"}


def test_a_compaction_block_takes_its_delta_whole() -> None:
    delta = {"type": "compaction_delta", "content": "Summary", "encrypted_content": "x=="}
    told = read_events(start(), *block(0, {"type": "compaction", "content": None}, delta), *end("compaction"))
    assert closed(told)[0].block == {"type": "compaction", "content": "Summary", "encrypted_content": "x=="}


def test_after_a_fallback_block_another_model_answers() -> None:
    first = {"type": "fallback", "from": {"model": "claude-opus-5"}, "to": {"model": "claude-opus-4-8"}}
    told = read_events(start(model="claude-opus-5"), *block(0, first), *text_block(1, "Hi"), *end("end_turn"))
    last = told[-1]
    assert isinstance(last, ReplyEnded)
    assert last.message["content"] == [first, {"type": "text", "text": "Hi"}]
    assert last.message["model"] == "claude-opus-4-8"


def test_the_first_form_of_a_block_and_of_the_message_is_not_changed_later() -> None:
    told = read(STREAM)
    assert told[0] == ReplyStarted(json.loads(json.dumps(EVENTS[0]["message"])))
    assert [event.block for event in told if isinstance(event, BlockStarted)][4] == {
        "type": "text",
        "text": "",
        "citations": [],
    }


def test_text_that_arrives_with_the_start_of_its_block_is_told_too() -> None:
    first = {"type": "text", "text": "Hello"}
    told = read_events(start(), *block(0, first, {"type": "text_delta", "text": "!"}), *end("end_turn"))
    assert told[2:5] == [TextDelta(0, "Hello"), TextDelta(0, "!"), BlockClosed(0, {"type": "text", "text": "Hello!"})]


def test_two_blocks_may_be_open_at_once() -> None:
    first, second = text_block(0, "a"), text_block(1, "b")
    told = read_events(start(), first[0], second[0], second[1], first[1], second[2], first[2], *end("end_turn"))
    last = told[-1]
    assert isinstance(last, ReplyEnded)
    assert [part["text"] for part in last.message["content"]] == ["a", "b"]
    assert [event.index for event in closed(told)] == [1, 0]


# Arguments


@pytest.mark.parametrize("raw", ["", " ", "{}", " {}\n"])
def test_empty_arguments_are_an_empty_object(raw: str) -> None:
    assert arguments(raw).block["input"] == {}
    assert arguments(raw).problem is None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"path": "src/', "Unterminated string"),
        ('{"path": "a"', "delimiter"),
        ('{"path": "a"}}', "something follows"),
        ('{"path": "a"} {"path": "b"}', "something follows"),
        ('{"path": "a", "path": "b"}', 'the key "path" stands twice'),
        ('{"a": {"k": 1, "k": 1}}', 'the key "k" stands twice'),
        ('{"n": NaN}', "NaN"),
        ('{"n": [-Infinity]}', "Infinity"),
        ('{"n": 1e999}', "too large"),
        ("[1, 2]", "an array"),
        ('"text"', "a string"),
        ("7", "a number"),
        ("true", "true or false"),
        ("null", "null"),
        ("{'a': 1}", "double quotes"),
        ('{"a": "line\nbreak"}', "control character"),
        ('{"a": "\\ud83e"}', "surrogate"),
        ('{"a":' * 100_000, "nested"),
        ("{" + '"n":' + "9" * 5000 + "}", "digits"),
    ],
)
def test_arguments_that_are_no_strict_json_object_are_kept_raw_with_the_reason(raw: str, said: str) -> None:
    found = arguments(raw)
    assert found.block["input"] == {"INVALID_JSON": raw}
    assert found.problem is not None
    assert said in found.problem
    assert len(found.problem) < 200


def test_a_call_that_begins_with_its_arguments_keeps_them() -> None:
    first = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}
    assert closed(read_events(start(), *block(0, first), *end()))[0] == BlockClosed(0, first)


def test_a_call_that_begins_with_something_else_than_an_object_has_a_problem() -> None:
    first = {"type": "tool_use", "id": "t", "name": "n", "input": [1]}
    found = closed(read_events(start(), *block(0, first), *end()))[0]
    assert found.block["input"] == {"INVALID_JSON": "[1]"}
    assert found.problem is not None


# The end


def test_later_message_deltas_replace_what_they_name_and_nothing_else() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    told = read_events(
        start(),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "refusal", "stop_details": details, "container": None},
            "usage": {"output_tokens": 5, "input_tokens": None, "iterations": None},
            "context_management": {"applied_edits": []},
        },
        {"type": "message_stop"},
    )
    last = told[-1]
    assert isinstance(last, ReplyEnded)
    assert last.message == EVENTS[0]["message"] | {
        "stop_reason": "refusal",
        "stop_details": details,
        "container": None,
        "context_management": {"applied_edits": []},
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 7, "output_tokens": 5, "iterations": None},
    }


def test_an_error_event_ends_the_reply() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    told = failure(start(), *text_block(0, "Hi"), {"type": "error", "error": error}, *end())
    assert told == ReplyFailed("overloaded_error", "Overloaded", error)


def test_an_error_event_that_is_not_json_is_reported_in_its_own_words() -> None:
    told = read(sse(start()) + b"event: error\ndata: upstream went away\n\n")
    assert told[-1] == ReplyFailed("api_error", "upstream went away")


@pytest.mark.parametrize("error", [None, "boom", {}, {"message": None}, 7])
def test_an_odd_error_event_is_an_error(error: Any) -> None:
    assert failure(start(), {"type": "error", "error": error}).error_type == "api_error"


def test_a_stream_without_message_stop_is_incomplete_wherever_it_is_cut() -> None:
    for place in range(len(STREAM) - len(b"\n\n")):
        told = read(STREAM[:place])
        last = told[-1]
        assert isinstance(last, ReplyFailed)
        assert last.error_type == "incomplete"
        assert told[:-1] == read(STREAM)[: len(told) - 1]


TEXT_START, TEXT_DELTA, TEXT_STOP = text_block(0, "a")


@pytest.mark.parametrize(
    "events",
    [
        [start(), start()],
        [TEXT_START],
        [start(), TEXT_DELTA],
        [start(), TEXT_STOP],
        [start(), TEXT_START, TEXT_STOP, TEXT_STOP],
        [start(), TEXT_START, TEXT_STOP, TEXT_DELTA],
        [start(), TEXT_START, TEXT_STOP, TEXT_START],
        [start(), TEXT_START, TEXT_START],
        [start(), *text_block(1), *text_block(0)],
        [start(), TEXT_START, *end()],
        [start(), TEXT_START, {**TEXT_DELTA, "delta": {"type": "input_json_delta", "partial_json": "{"}}],
        [start(), TEXT_START, {**TEXT_DELTA, "delta": {"type": "text_delta"}}],
        [start(), TEXT_START, {**TEXT_DELTA, "delta": {"type": "text_delta", "text": None}}],
        [start(), TEXT_START, {**TEXT_DELTA, "delta": None}],
        [start(), TEXT_START, {**TEXT_DELTA, "index": None}],
        [start(), {**TEXT_START, "index": "0"}],
        [start(), {**TEXT_START, "index": -1}],
        [start(), {"type": "content_block_start", "index": 0}],
        [start(), {"type": "content_block_start", "index": 0, "content_block": []}],
        [start(), {"type": "content_block_start", "index": 0, "content_block": {"type": 7}}],
        [start(content=[{"type": "text", "text": "a"}])],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": None}],
        [start(usage="many")],
        [{"type": "message_stop"}],
        [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}],
        [start(), {"type": "message_delta"}],
        [start(), {"type": "message_delta", "delta": None}],
        [start(), {"type": "message_stop"}],
    ],
)
def test_events_that_break_the_grammar_end_in_one_failure(events: list[Json]) -> None:
    assert failure(*events, *end()).error_type == "malformed"


@pytest.mark.parametrize("data", ["{", "[DONE]", "[]", "7", "null", '{"type": NaN}', "\\", '{"a":' * 100_000])
def test_data_that_is_no_json_object_ends_in_one_failure(data: str) -> None:
    last = read(sse(start()) + f"data: {data}\n\n".encode() + STREAM)[-1]
    assert isinstance(last, ReplyFailed)
    assert last.error_type == "malformed"
    assert len(last.text) < 400


def test_bytes_that_are_no_text_end_in_one_failure() -> None:
    last = read(sse(start()) + b'data: {"type": "\xff"}\n\n')[-1]
    assert isinstance(last, ReplyFailed)
    assert last.error_type == "malformed"


@given(st.binary(max_size=200), st.integers(0, len(STREAM)))
def test_no_bytes_make_the_reader_raise(noise: bytes, place: int) -> None:
    told = read(STREAM[:place], noise, STREAM[place:])
    ends = [event for event in told if isinstance(event, ReplyEnded | ReplyFailed)]
    assert ends == told[-1:]


# What a cancelled turn may keep


def test_partial_gives_closed_blocks_and_the_text_of_an_open_one() -> None:
    reader = ReplyReader()
    assert reader.partial() == []
    opened, delta, _ = text_block(1, "half a sen")
    reader.feed(sse(start(), *block(0, {"type": "redacted_thinking", "data": "x"}), opened))
    assert reader.partial() == [{"type": "redacted_thinking", "data": "x"}]
    reader.feed(sse(delta))
    assert reader.partial() == [
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "half a sen"},
    ]


@pytest.mark.parametrize(
    ("first", "delta"),
    [
        ({"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "hm"}),
        ({"type": "tool_use", "id": "t", "name": "n", "input": {}}, {"type": "input_json_delta", "partial_json": "{}"}),
    ],
)
def test_partial_leaves_out_open_thinking_and_open_calls(first: Json, delta: Json) -> None:
    reader = ReplyReader()
    opened, added, _ = block(1, first, delta)
    reader.feed(sse(start(), *text_block(0, "Hi"), opened, added))
    assert reader.partial() == [{"type": "text", "text": "Hi"}]
    reader.close()
    assert reader.partial() == [{"type": "text", "text": "Hi"}]


# Time


def test_a_huge_block_takes_time_linear_in_its_size() -> None:
    def seconds(deltas: int) -> float:
        opened, delta, stop = call_block(0, "x" * 50)
        stream = [sse(start(), opened), *[sse(delta)] * deltas, sse(stop)]
        began = time.process_time()
        read(*stream)
        return time.process_time() - began

    small = min(seconds(2_000) for _ in range(3))
    # Twenty times the size; quadratic work would take four hundred times as long.
    assert seconds(40_000) < 100 * small


def test_a_huge_line_in_small_chunks_takes_time_linear_in_its_size() -> None:
    def seconds(size: int) -> float:
        stream = sse(start(), *text_block(0, "x" * size))
        began = time.process_time()
        read(*(stream[at : at + 100] for at in range(0, len(stream), 100)))
        return time.process_time() - began

    small = min(seconds(200_000) for _ in range(3))
    assert seconds(4_000_000) < 100 * small
