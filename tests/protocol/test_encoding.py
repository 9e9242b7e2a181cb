"""What goes out as JSON: compact, the same bytes each time, and nothing a server cannot read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocol.decoding import decode, decode_object
from antiphon.protocol.encoding import Request, encode, without_lone_surrogates

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_decoded_again(value: Any) -> None:
    assert json.loads(encode(value)) == value
    assert decode(encode(value)) == value


def test_bytes_are_compact_and_keep_the_order_of_keys() -> None:
    assert encode({"b": [1, 2.5, None], "a": "grün"}) == '{"b":[1,2.5,null],"a":"grün"}'.encode()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a\ud83e", "a\ufffd"),
        ("\udd14b", "\ufffdb"),
        ("a\ud83eb", "a\ufffdb"),
        ("\ud83e\udd14", "🤔"),
        ("\udd14\ud83e", "\ufffd\ufffd"),
        ("🤔", "🤔"),
    ],
)
def test_half_a_surrogate_pair_is_replaced(text: str, sent: str) -> None:
    assert without_lone_surrogates(text) == sent
    assert json.loads(encode({"k": [text]})) == {"k": [sent]}


@given(st.text(st.characters()))
def test_every_text_can_be_sent(text: str) -> None:
    assert json.loads(encode(text)) == without_lone_surrogates(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_hold_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"n": [number]})


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"n": {1, 2}})


MESSAGES = [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}]


@pytest.mark.parametrize("params", [{}, {"model": "m", "max_tokens": 5}])
def test_a_request_is_its_parameters_and_its_messages(params: dict[str, Any]) -> None:
    request = Request(params, MESSAGES)
    assert request.json() == {**params, "messages": MESSAGES}
    assert request.encode() == encode(request.json())


def test_messages_that_are_bytes_already_are_not_encoded_again() -> None:
    request = Request({"model": "m"}, MESSAGES, [b'{"one":1}', b'{"two":2}'])
    assert request.encode() == b'{"model":"m","messages":[{"one":1},{"two":2}]}'


def test_more_parameters_replace_those_of_the_request() -> None:
    request = Request({"model": "m", "stream": False}, [])
    assert request.encode(stream=True) == b'{"model":"m","stream":true,"messages":[]}'
    assert Request({}, []).encode(stream=True) == b'{"stream":true,"messages":[]}'
    assert request.params == {"model": "m", "stream": False}


# What comes in


@pytest.mark.parametrize("data", ["", " ", "{", "{}x", "{} {}", "NaN", "[1e999]", "-Infinity", b"\xff", "[" * 100_000])
def test_what_is_not_json_is_not_decoded(data: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(data)


def test_white_space_around_a_value_is_allowed() -> None:
    assert decode(b"\r\n {} \t") == {}


def test_an_object_for_a_tool_is_unambiguous() -> None:
    assert decode_object('{"a": {"b": "\\ud83e\\udd14"}, "c": [{"b": 1}, {"b": 2}]}') == {
        "a": {"b": "🤔"},
        "c": [{"b": 1}, {"b": 2}],
    }
    with pytest.raises(ValueError, match='"b" stands twice'):
        decode_object('{"a": [{"b": 1, "b": 1}]}')
    with pytest.raises(ValueError, match="surrogate"):
        decode_object('{"\\ud83e": 1}')
