"""What an HTTP answer that is no reply becomes: class, text, and whether and when to ask again."""

import json
from email.utils import formatdate
from typing import Any

import pytest

from antiphon.errors import Overloaded, Rejected
from antiphon.protocol.streaming import ReplyFailed
from antiphon.providers.refusals import broken, refusal

NOW = 1_800_000_000.0


def api_body(error_type: str, message: str = "Why.", **details: Any) -> bytes:
    error: dict[str, Any] = {"type": error_type, "message": message}
    if details:
        error["details"] = details
    return json.dumps({"type": "error", "error": error, "request_id": "req_body"}).encode()


def refuse(status: int, body: bytes = b"", **headers: str) -> Rejected:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(status, named, body, server="api.example", now=NOW)


@pytest.mark.parametrize(
    ("status", "error_type", "retryable"),
    [
        (400, "invalid_request_error", False),
        (401, "authentication_error", False),
        (402, "billing_error", False),
        (403, "permission_error", False),
        (404, "not_found_error", False),
        (408, "timeout_error", True),
        (409, "conflict_error", True),
        (413, "request_too_large", False),
        (422, "invalid_request_error", False),
        (429, "rate_limit_error", True),
        (500, "api_error", True),
        (502, "api_error", True),
        (503, "api_error", True),
        (504, "timeout_error", True),
        (529, "overloaded_error", True),
    ],
)
def test_the_status_decides_whether_to_ask_again(status: int, error_type: str, retryable: bool) -> None:  # noqa: FBT001
    error = refuse(status, api_body(error_type))
    assert type(error) is (Overloaded if retryable else Rejected)
    assert (error.status, error.error_type, error.retryable, str(error)) == (status, error_type, retryable, "Why.")


def test_the_server_may_say_otherwise() -> None:
    assert refuse(400, x_should_retry="true").retryable
    assert not refuse(529, x_should_retry="false").retryable
    assert refuse(529, x_should_retry="maybe").retryable


def test_a_spent_budget_stays_spent() -> None:
    error = refuse(429, api_body("rate_limit_error", error_code="enforced_spend_limit_reached"), x_should_retry="true")
    assert isinstance(error, Overloaded)
    assert not error.retryable
    assert error.details == {"error_code": "enforced_spend_limit_reached"}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "60"}, 60.0),
        ({"retry_after": "61"}, None),
        ({"retry_after": "0"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": formatdate(NOW + 12, usegmt=True)}, 12.0),
        ({"retry_after": formatdate(NOW - 12, usegmt=True)}, None),
        ({"retry_after_ms": "1500", "retry_after": "7"}, 1.5),
        ({"retry_after_ms": "many", "retry_after": "7"}, 7.0),
    ],
)
def test_the_server_says_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert refuse(429, api_body("rate_limit_error"), **headers).retry_after == wait


def test_a_wait_that_is_too_long_is_told_to_the_reader() -> None:
    assert str(refuse(429, api_body("rate_limit_error"), retry_after="300")).endswith("asks to wait 300 seconds.)")


def test_the_request_id_comes_from_the_header_or_from_the_body() -> None:
    assert refuse(500, api_body("api_error"), request_id="req_header").request_id == "req_header"
    assert refuse(500, api_body("api_error")).request_id == "req_body"
    assert refuse(500).request_id is None


INNER = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "messages.1: bad"},
    "request_id": "req_i",
}
CLOUDFLARE = b"<!DOCTYPE html><html><head>\n<title>api.example |\n 502: Bad gateway</title></head><body></body></html>"


@pytest.mark.parametrize(
    ("status", "body", "text", "error_type"),
    [
        # Google's clouds: a list of one, and the API's answer as text inside.
        (400, [{"error": {"code": 400, "message": "No.", "status": "INVALID"}}], "No.", "invalid_request_error"),
        (400, {"error": {"code": 400, "message": json.dumps(INNER)}}, "messages.1: bad", "invalid_request_error"),
        (
            400,
            {"error": {"message": f"litellm.BadRequestError: AnthropicException - {json.dumps(INNER)}", "code": "400"}},
            "messages.1: bad",
            "invalid_request_error",
        ),
        (404, {"error": {"message": 'no {"model" here', "type": None}}, 'no {"model" here', "not_found_error"),
        (403, {"message": "User is not authorized"}, "User is not authorized", "permission_error"),
        (422, {"detail": "Field required"}, "Field required", "invalid_request_error"),
        (422, {"detail": [{"loc": ["body"]}]}, "[{'loc': ['body']}]", "invalid_request_error"),
        (404, {"error": "model not found"}, "model not found", "not_found_error"),
    ],
)
def test_other_servers_errors_are_understood(status: int, body: Any, text: str, error_type: str) -> None:
    error = refuse(status, json.dumps(body).encode())
    assert (str(error), error.error_type) == (text, error_type)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (
            502,
            CLOUDFLARE,
            'api.example answered with HTTP status 502 and a web page, "api.example | 502: Bad gateway".',
        ),
        (502, b"<html></html>", "api.example answered with HTTP status 502 and a web page."),
        (503, b"", "api.example answered with HTTP status 503 and nothing more."),
        (500, b"upstream\n error", "api.example answered with HTTP status 500 and 'upstream error'."),
        (500, b"\xff\xfe", "api.example answered with HTTP status 500 and '\ufffd\ufffd'."),
        (500, b"{}", "api.example answered with HTTP status 500 and '{}'."),
        (500, b"[]", "api.example answered with HTTP status 500 and '[]'."),
        (500, b"null", "api.example answered with HTTP status 500 and 'null'."),
        (413, b"", "api.example answered with HTTP status 413 and nothing more. The request may be too large."),
    ],
)
def test_an_answer_that_is_not_the_apis_is_described(status: int, body: bytes, text: str) -> None:
    assert str(refuse(status, body)) == text


def test_a_long_foreign_answer_is_cut() -> None:
    assert len(str(refuse(500, b"x" * 100_000))) < 500


def test_a_message_of_braces_does_not_take_for_ever() -> None:
    nested = '{"' * 5000
    assert str(refuse(400, json.dumps({"error": {"message": nested}}).encode())) == nested


@pytest.mark.parametrize(
    ("error_type", "retryable"),
    [
        ("overloaded_error", True),
        ("api_error", True),
        ("rate_limit_error", True),
        ("timeout_error", True),
        ("incomplete", True),
        ("malformed", True),
        ("something_new", True),
        ("invalid_request_error", False),
        ("authentication_error", False),
        ("permission_error", False),
        ("billing_error", False),
        ("not_found_error", False),
        ("request_too_large", False),
    ],
)
def test_a_broken_reply_may_be_asked_for_again_unless_its_error_is_final(error_type: str, retryable: bool) -> None:  # noqa: FBT001
    error = broken(ReplyFailed(error_type, "Why."), "req_1")
    assert (str(error), error.retryable, error.request_id) == ("Why.", retryable, "req_1")
