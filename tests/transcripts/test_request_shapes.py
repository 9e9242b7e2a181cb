"""Which API a request is written for is told by its shape."""

import json
from pathlib import Path

import pytest
from stored_samples import FIXTURES

from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import detect, read
from antiphon.transcripts.document import Unreadable


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("body.json", "anthropic"),
        ("messages.json", "anthropic"),
        ("proxy-log.json", "anthropic"),
        ("archive.har", "anthropic"),
        ("batch.jsonl", "anthropic"),
        ("chat.json", "openai-chat"),
        ("openai-batch.jsonl", "openai-chat"),
        ("responses.json", "openai-responses"),
        ("converse.json", "bedrock-converse"),
        ("contents.json", "gemini"),
    ],
)
def test_a_request_is_told_by_its_shape(name: str, dialect: str) -> None:
    path = FIXTURES / "requests" / name
    assert {stored.dialect for stored in read(path, path.read_bytes()).conversations} == {dialect}


HELLO: Json = {"role": "user", "content": "hi"}
BODIES: list[tuple[Json, str]] = [
    ({"messages": [HELLO]}, "anthropic"),
    ({"messages": []}, "anthropic"),
    ({"messages": [{"role": "system", "content": "Be brief."}, HELLO]}, "openai-chat"),
    ({"model": "claude-opus-4-8", "messages": [{"role": "system", "content": "Be brief."}, HELLO]}, "anthropic"),
    ({"messages": [HELLO, {"role": "tool", "tool_call_id": "a", "content": ""}]}, "openai-chat"),
    ({"messages": [HELLO, {"role": "tool", "content": [{"type": "tool_result"}]}], "system": ""}, "anthropic"),
    ({"messages": [HELLO], "response_format": {}}, "openai-chat"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "openai-chat"),
    ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "bedrock-converse"),
    ({"messages": [HELLO], "inferenceConfig": {}}, "bedrock-converse"),
    ({"contents": [{"parts": [{"text": "hi"}]}]}, "gemini"),
    ({"model": "m", "input": "hi"}, "openai-responses"),
]


@pytest.mark.parametrize(("request_body", "dialect"), BODIES)
def test_what_most_of_a_request_is_decides(request_body: Json, dialect: str) -> None:
    (stored,) = read(Path("a.json"), json.dumps(request_body).encode(), format="request").conversations
    assert stored.dialect == dialect
    assert stored.request == request_body


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([HELLO], "messages"),
        ([{"role": "user", "parts": [{"text": "hi"}]}], "contents"),
        ([{"role": "user", "content": "hi"}, {"type": "function_call", "call_id": "a"}], "input"),
    ],
)
def test_a_bare_list_is_what_its_elements_are(items: list[Json], field: str) -> None:
    (stored,) = read(Path("a.json"), json.dumps(items).encode()).conversations
    assert stored.request == {field: items}


def test_each_request_of_a_batch_is_a_conversation_with_its_id_as_label() -> None:
    path = FIXTURES / "requests/batch.jsonl"
    assert [stored.label for stored in read(path, path.read_bytes()).conversations] == [
        "line 1 (first)",
        "line 2 (second)",
    ]
    body = {"requests": [{"custom_id": name, "params": {"messages": [HELLO]}} for name in ("one", "two")]}
    document = read(Path("batch.json"), json.dumps(body).encode())
    assert [stored.label for stored in document.conversations] == ["one", "two"]


REQUEST = b'{"messages": [{"role": "user", "content": "hi"}]}'


@pytest.mark.parametrize(
    ("name", "data", "format_name"),
    [
        ("-", REQUEST, "request"),
        ("-", REQUEST + b"\n", "request"),
        ("-", REQUEST + b"\n" + REQUEST, "jsonl"),
        ("log.jsonl", REQUEST + b"\n", "jsonl"),
        ("log.json", REQUEST + b"\n" + REQUEST + b"\n", "jsonl"),
        ("list.json", b"[\n" + REQUEST + b",\n" + REQUEST + b"\n]\n", "request"),
    ],
)
def test_one_request_is_told_from_one_a_line(name: str, data: bytes, format_name: str) -> None:
    found = detect(Path(name), data)
    assert found
    assert found.name == format_name
    assert len(read(Path(name), data).conversations) == data.count(b"messages")


def test_a_request_inside_an_archive_is_written_back_as_the_text_it_was() -> None:
    path = FIXTURES / "requests/archive.har"
    document = read(path, path.read_bytes())
    (stored,) = document.conversations
    changed = {**stored.request, "messages": stored.request["messages"][:1]}
    before, after = json.loads(path.read_bytes()), json.loads(document.rendered([changed]))
    said = before["log"]["entries"][1]["request"]["postData"]
    said["text"] = after["log"]["entries"][1]["request"]["postData"]["text"]
    assert before == after
    assert json.loads(said["text"]) == changed


def test_json_without_a_request_says_what_is_wanted() -> None:
    with pytest.raises(Unreadable, match="no request in this file: messages, contents or input"):
        read(Path("a.json"), b'{"name": "left-pad"}', format="request")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"messages": [{"role": "user"}', "not JSON: Expecting ',' delimiter, at line 1 column 31"),
        (b'{"messages":\n [}', "not JSON: Expecting value, at line 2 column 3"),
        (b'{"messages": [NaN]}', "NaN is not a JSON value"),
        (b'{"messages": []} true', "something follows the JSON value, at line 1 column 18"),
        (b"\xff\xfe{\x00}\x00", "the file is UTF-16; UTF-8 is wanted"),
    ],
)
def test_what_cannot_be_read_says_where(data: bytes, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(Path("a.json"), data, format="request")
    assert said in str(caught.value)
