"""What is wrong around a conversation is refused before anybody looks at the conversation."""

import json
from typing import Any

import httpx2
import pytest
from emulator_requests import Client, answers, asks, request

from antiphon.emulator import Emulator
from antiphon.emulator.envelope import MAX_BODY

GOOD = request("go")


def post(emulator: Emulator, headers: dict[str, str], body: Any = GOOD, path: str = "/v1/messages") -> httpx2.Response:
    with httpx2.Client(base_url=emulator.url) as client:
        return client.post(path, json=body, headers=headers)


def error(response: httpx2.Response) -> tuple[int, str, str]:
    body = response.json()
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    return response.status_code, body["error"]["type"], body["error"]["message"]


BETAS = (
    "Unexpected value(s) `tools`, `x` for the `anthropic-beta` header. Please consult our documentation at "
    "platform.claude.com/docs or try again without the header."
)
MISSING = (
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a. "
    "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)
VERSION = {"anthropic-version": "2023-06-01"}
AUTHENTICATION = (401, "authentication_error")
INVALID = (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (VERSION, (*AUTHENTICATION, "x-api-key header is required")),
        ({**VERSION, "x-api-key": ""}, (*AUTHENTICATION, "x-api-key header is required")),
        ({**VERSION, "authorization": "Bearer"}, (*AUTHENTICATION, "Invalid bearer token")),
        (
            {**VERSION, "x-api-key": "k", "authorization": "Bearer k"},
            (*AUTHENTICATION, "Only one of the `x-api-key` and `Authorization` headers may be sent."),
        ),
        ({"x-api-key": "k"}, (*INVALID, "anthropic-version: header is required")),
        (
            {"x-api-key": "k", "anthropic-version": "2020-01-01"},
            (*INVALID, 'anthropic-version: "2020-01-01" is not a valid version'),
        ),
        (
            {**VERSION, "x-api-key": "k", "anthropic-beta": "message-threads-2026-08-12, tools, x"},
            (
                *INVALID,
                BETAS,
            ),
        ),
    ],
)
def test_who_asks_and_in_which_version_must_be_said(headers: dict[str, str], expected: tuple[int, str, str]) -> None:
    with Emulator() as emulator:
        assert error(post(emulator, headers)) == expected


def test_betas_may_come_in_several_headers() -> None:
    headers = [*VERSION.items(), ("x-api-key", "k"), ("anthropic-beta", "one-2026-01-01"), ("anthropic-beta", "two")]
    with Emulator() as emulator, httpx2.Client(base_url=emulator.url) as client:
        response = client.post("/v1/messages", json=GOOD, headers=headers)
    assert error(response)[2].startswith("Unexpected value(s) `two` for the `anthropic-beta` header.")


@pytest.mark.parametrize("auth", [{"x-api-key": "any"}, {"authorization": "Bearer any"}])
def test_any_key_or_token_will_do(auth: dict[str, str]) -> None:
    betas = {"anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14"}
    with Emulator() as emulator:
        assert post(emulator, {**VERSION, **auth, **betas}, path="/v1/messages?beta=true").status_code == 200


def refusal(client: Client, body: bytes) -> str:
    with Emulator() as emulator:
        return error(client(emulator).post("/v1/messages", content=body))[2]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"model": None}, "model: Input should be a valid string"),
        ({"model": ""}, "model: String should have at least 1 character"),
        ({"messages": {}}, "messages: Input should be a valid list"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ],
)
def test_fields_have_their_types(change: dict[str, Any], text: str, client: Client) -> None:
    assert refusal(client, json.dumps({**GOOD, **change}).encode()) == text


@pytest.mark.parametrize("name", ["max_tokens", "messages", "model"])
def test_fields_that_are_required_are_asked_for(name: str, client: Client) -> None:
    body = {key: value for key, value in GOOD.items() if key != name}
    assert refusal(client, json.dumps(body).encode()) == f"{name}: Field required"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "unexpected end of data: line 1 column 1 (char 0)"),
        (b'{"a": "hel', "unexpected end of data: line 1 column 7 (char 6)"),
        (b'{\n "a": nope}', "unexpected character: line 2 column 7 (char 8)"),
        (b"{} {}", "unexpected content after document: line 1 column 4 (char 3)"),
        (b'{"NaN": -Infinity}', "unexpected character: line 1 column 9 (char 8)"),
        (b'{"a": "\xff"}', "str is not valid UTF-8: surrogates not allowed: line 1 column 8 (char 7)"),
        (b'{"a": "\\ud83d end"}', "no low surrogate in string: line 1 column 14 (char 13)"),
        (b'{"a": "\\ud83d\\n"}', "no low surrogate in string: line 1 column 14 (char 13)"),
        (b'{"a": "\\ud83d"}', "no low surrogate in string: line 1 column 14 (char 13)"),
        (b'{"a": "\\ud83d\\u0041"}', "invalid low surrogate in string: line 1 column 14 (char 13)"),
        (b'{"a": "\\ude00"}', "invalid high surrogate in string: line 1 column 8 (char 7)"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(body: bytes, problem: str, client: Client) -> None:
    assert refusal(client, body).startswith(f"The request body is not valid JSON: {problem}")


def test_whole_surrogate_pairs_and_escaped_backslashes_are_json(client: Client) -> None:
    body = json.dumps(GOOD).replace('"go"', '"\\ud83d\\ude00 \\\\ud83d"').encode()
    with Emulator() as emulator:
        assert client(emulator).post("/v1/messages", content=body).status_code == 200
    assert emulator.requests[0]["messages"][0]["content"] == "\U0001f600 \\ud83d"


def test_json_that_is_no_object_is_refused(client: Client) -> None:
    assert refusal(client, b"[]") == "Input should be an object"


def test_a_body_of_more_than_32_megabytes_is_too_large(client: Client) -> None:
    with Emulator() as emulator:
        response = client(emulator).post("/v1/messages", content=b" " * (MAX_BODY + 1))
    assert error(response) == (413, "request_too_large", "Request exceeds the maximum allowed number of bytes.")


def test_other_upstreams_take_less(client: Client) -> None:
    body = b" " * (21 * 1024 * 1024)
    with Emulator(dialect="bedrock") as bedrock, Emulator(dialect="vertex") as vertex:
        assert client(bedrock).post("/v1/messages", content=body).status_code == 413
        assert error(client(vertex).post("/v1/messages", content=body))[0] == 400


def test_the_headers_say_what_a_request_may_hold(client: Client) -> None:
    cool = request("go", temperature=1.0)
    with Emulator() as emulator:
        assert client(emulator).post("/v1/messages", json=cool).status_code == 200
        newest = client(emulator).post("/v1/messages", json=cool, headers={"anthropic-version": "2026-10-21"})
        counted = client(emulator).post("/v1/messages/count_tokens", json=request("go", metadata={"user_id": "u"}))
    assert error(newest) == (*INVALID, "temperature: Extra inputs are not permitted")
    assert error(counted) == (*INVALID, "metadata: Extra inputs are not permitted")
    assert [record.rules for record in emulator.refused] == [("RQ012",), ("RQ011",)]


def test_a_prompt_longer_than_the_context_window_is_refused(client: Client) -> None:
    text = refusal(client, json.dumps(request("word " * 170_000)).encode())
    assert text == "prompt is too long: 212538 tokens > 200000 maximum"


def test_what_breaks_a_rule_is_refused_in_the_rules_words_and_recorded_with_the_rules_id(client: Client) -> None:
    with Emulator() as emulator:
        response = client(emulator).post("/v1/messages", json=request("go", asks("a", "b"), answers("b")))
    assert error(response) == (
        *INVALID,
        MISSING,
    )
    assert [record.rules for record in emulator.refused] == [("TU001",)]


def test_the_order_of_results_counts_only_in_strict_order(client: Client) -> None:
    body = request("go", asks("a", "b"), answers("b", "a"))
    with Emulator() as free, Emulator(strict_order=True) as strict:
        assert client(free).post("/v1/messages", json=body).status_code == 200
        assert client(strict).post("/v1/messages", json=body).status_code == 400
    assert [record.rules for record in strict.refused] == [("TU003",)]


def test_a_dialect_has_rules_of_its_own(client: Client) -> None:
    split = request("go", asks("a", "b"), answers("a"), model="claude-opus-5")
    split["messages"].append(answers("b"))
    with Emulator() as native, Emulator(dialect="compatible") as compatible, Emulator(dialect="bedrock") as bedrock:
        assert client(native).post("/v1/messages", json=split).status_code == 200
        assert client(compatible).post("/v1/messages", json=split).status_code == 400
        assert client(bedrock).post("/v1/messages", json=split).status_code == 400
        made = client(bedrock).post("/v1/messages", json=request("go")).json()
    assert made["id"].startswith("msg_bdrk_01")


def test_tokens_are_counted_without_a_limit_on_the_reply(client: Client) -> None:
    body = {key: value for key, value in GOOD.items() if key != "max_tokens"}
    with Emulator() as emulator:
        counted = client(emulator).post("/v1/messages/count_tokens?beta=true", json=body).json()
        used = client(emulator).post("/v1/messages", json=GOOD).json()["usage"]
    assert counted == {"input_tokens": used["input_tokens"]}
    assert [record.path for record in emulator.requests] == ["/v1/messages"]


def test_models_are_listed_and_described(client: Client) -> None:
    with Emulator() as emulator:
        listed = client(emulator).get("/v1/models").json()
        one = client(emulator).get("/v1/models/claude-opus-5-5-20260801").json()
        unknown = client(emulator).get("/v1/models/gpt")
    assert (listed["first_id"], listed["has_more"]) == (listed["data"][0]["id"], False)
    assert (one["type"], one["id"], one["display_name"]) == ("model", "claude-opus-5-5", "Claude Opus 5.5")
    assert error(unknown) == (404, "not_found_error", "model: gpt")


def test_probes_are_answered_without_a_key() -> None:
    with Emulator() as emulator, httpx2.Client(base_url=emulator.url) as client:
        assert [client.head("/").status_code, client.get("/").status_code] == [200, 200]


def test_what_is_not_there_and_what_may_not_be_done_with_it(client: Client) -> None:
    with Emulator() as emulator:
        assert error(client(emulator).get("/v1/nothing")) == (404, "not_found_error", "Not Found")
        wrong = client(emulator).get("/v1/messages")
    assert error(wrong) == (405, "invalid_request_error", "Method Not Allowed")
    assert wrong.headers["allow"] == "POST"
