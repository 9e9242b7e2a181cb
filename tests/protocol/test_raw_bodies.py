"""Bodies as bytes: what the API's decoder refuses, in its words, and what can be mended without guessing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocol.raw import decode_body


def told(body: bytes) -> list[tuple[str, str]]:
    before = "The request body is not valid JSON: "
    return [(found.rule, found.text.removeprefix(before)) for found in decode_body(body).violations]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' {\n\t"a": [1, 2.5e-3, -0, 1e308, 123456789012345678901234567890]\r\n} ',
        b'{"a": "\\ud83d\\ude00 \\\\ud83d \\u0000 \\/ \\n"}',
        '{"NaN": "Infinity 1e999 näher 😀 \ufeff \u007f"}'.encode(),
        b'{"a": 1, "a": 2}',
    ],
)
def test_what_is_json_is_read_as_it_stands(body: bytes) -> None:
    found = decode_body(body)
    assert (found.violations, found.text) == ((), body.decode())
    assert found.request == json.loads(body)


@pytest.mark.parametrize(
    ("body", "expected", "mended"),
    [
        (b'\xef\xbb\xbf{"a": 1}', [("RQ001", "byte order mark (BOM) is not supported: line 1 column 1 (char 0)")], 1),
        (
            b'{"a": "x\xff\xc3y"}',
            [("RQ002", "str is not valid UTF-8: surrogates not allowed: line 1 column 9 (char 8)")],
            "x\ufffd\ufffdy",
        ),
        (
            b'{\n"a": "\xed\xa0\xbd"}',
            [("RQ002", "str is not valid UTF-8: surrogates not allowed: line 2 column 7 (char 8)")],
            "\ufffd\ufffd\ufffd",
        ),
        (
            b'{\n"a": "x\ny\x00"}',
            [("RQ003", "unexpected control character in string: line 2 column 8 (char 9)")],
            "x\ny\x00",
        ),
        (b'{"a": [NaN, 1]}', [("RQ004", "unexpected character: line 1 column 8 (char 7)")], [None, 1]),
        (
            b'{"a": ["1e999", -1.5E+999]}',
            [("RQ004", "number is infinity when parsed as double: line 1 column 17 (char 16)")],
            ["1e999", None],
        ),
        (
            b'{"a": %s}' % (b"9" * 5000),
            [("RQ004", "number is infinity when parsed as double: line 1 column 7 (char 6)")],
            None,
        ),
        (
            b'{"a": "\\uD83D\\uD83D\\uDE00"}',
            [("RQ005", "invalid low surrogate in string: line 1 column 14 (char 13)")],
            "\ufffd😀",
        ),
        (b'{"a": "\\ude00"}', [("RQ005", "invalid high surrogate in string: line 1 column 8 (char 7)")], "\ufffd"),
        (b'{"a": "\\\\\\ud83d"}', [("RQ005", "no low surrogate in string: line 1 column 16 (char 15)")], "\\\ufffd"),
    ],
)
def test_what_is_plainly_meant_is_mended(body: bytes, expected: list[tuple[str, str]], mended: Any) -> None:
    assert told(body) == expected
    assert decode_body(body).request == {"a": mended}
    again = decode_body(decode_body(body).text.encode())
    assert (again.violations, again.request) == ((), {"a": mended})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ("RQ006", "unexpected end of data: line 1 column 1 (char 0)")),
        (b" \n", ("RQ006", "unexpected end of data: line 2 column 1 (char 2)")),
        (b'{"a": "hel', ("RQ006", "unexpected end of data: line 1 column 7 (char 6)")),
        (b'{"a": 1}}', ("RQ006", "unexpected content after document: line 1 column 9 (char 8)")),
        (b"{'a': 1}", ("RQ006", "unexpected character: line 1 column 2 (char 1)")),
        (b"[" * 100_000, ("RQ006", "recursion limit reached: line 1 column 1 (char 0)")),
        (b'{"a":' * 100_000, ("RQ006", "recursion limit reached: line 1 column 1 (char 0)")),
        (b" []", ("RQ007", "Input should be an object")),
        (b"null", ("RQ007", "Input should be an object")),
    ],
)
def test_what_only_its_author_knows_is_left_alone(body: bytes, expected: tuple[str, str]) -> None:
    assert told(body) == [expected]
    assert decode_body(body).request is None


def test_several_faults_are_told_and_mended_one_after_the_other() -> None:
    body = b'\xef\xbb\xbf{"a": "\xff\t", "b": NaN, "c": "\\ud83d"}'
    assert [rule for rule, _ in told(body)] == ["RQ001", "RQ002", "RQ003", "RQ004", "RQ005"]
    assert decode_body(body).request == {"a": "\ufffd\t", "b": None, "c": "\ufffd"}


def test_what_is_lost_is_lost_only_where_that_is_allowed() -> None:
    found = decode_body(b'\xef\xbb\xbf{"a": "\\ud83d", "b": NaN}', lossy=False)
    assert [violation.rule for violation in found.violations] == ["RQ001", "RQ004"]
    assert found.request is None
    assert decode_body(b'\xef\xbb\xbf{"a": "\\ud83d"}', lossy=False).request == {"a": "\ufffd"}


def test_a_hostile_body_is_read_in_one_pass() -> None:
    # Escaped quotes in a string that never ends, digits and halves without end: each of these once took some reader
    # minutes. A pass over a megabyte is done before the suite would notice.
    for piece in (b'\\"', b'"', b"\\ud83d", b"9", b"9e", b"\\", b"\xff", b'"\n'):
        assert decode_body(b'{"a": "' + piece * 300_000).request is None


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda body: b'{"a": "' + body + b'"}'))
def test_any_bytes_are_read_without_an_exception(body: bytes) -> None:
    found = decode_body(body)
    assert (found.request is None) <= bool(found.violations)
    if found.request is not None:
        assert found.text.encode()
        again = decode_body(found.text.encode())
        assert (again.request, again.violations) == (found.request, ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
)


@given(value=st.dictionaries(st.text(), JSON), ascii_only=st.booleans())
def test_whatever_python_writes_can_be_sent_after_mending(value: Any, *, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    found = decode_body(body)
    assert found.request is not None
    json.dumps(found.request, allow_nan=False).encode("ascii")
    json.dumps(found.request, ensure_ascii=False).encode()
