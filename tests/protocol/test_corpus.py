"""The corpus of requests the API takes and refuses, against the rules."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Context, Dialect
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json, blocks_of, is_array
from antiphon.protocol.raw import decode_body
from antiphon.testing.second_opinion import refuses

CASES: list[Json] = json.loads(Path(__file__, "../../corpus/requests.json").resolve().read_text(encoding="utf-8"))
ANTHROPIC = dialect("anthropic")


def _of(verdict: str) -> list[Any]:
    """Return the cases of a verdict, each with the upstream it is the verdict of: the API itself, or Vertex."""
    return [
        pytest.param(case, dialect(name), id=f"{case['id']}-{name}")
        for name in ("anthropic", "vertex")
        for case in CASES
        if case["dialects"][name] == verdict and case["request"]
    ]


def _sent(case: Json) -> Context:
    headers = {"anthropic-version": "2023-06-01", **case.get("headers", {})}
    betas = headers.get("anthropic-beta", "").split(",")
    return Context(headers["anthropic-version"], frozenset(filter(None, betas)))


@pytest.mark.parametrize(("case", "upstream"), _of("invalid"))
def test_what_the_api_refuses_is_refused_in_its_words(case: Json, upstream: Dialect) -> None:
    texts = [violation.text for violation in check(case["request"], upstream, context=_sent(case))]
    assert [text for text in texts if re.search(case["expected_error_regex"], text)], texts


@pytest.mark.parametrize(("case", "upstream"), _of("invalid"))
def test_what_the_api_refuses_can_be_repaired_and_nothing_real_is_lost(case: Json, upstream: Dialect) -> None:
    before = json.dumps(case["request"])
    context = _sent(case)
    outcome = repair(case["request"], upstream, context=context)
    assert outcome.remaining == ()
    assert outcome.violations
    assert check(outcome.request, upstream, context=context) == []
    assert refuses(outcome.request) == []
    assert repair(outcome.request, upstream, context=context).request is outcome.request
    assert json.dumps(case["request"]) == before
    after = json.dumps(outcome.request)
    for said in _results(case["request"]):
        assert said in after


def _results(request: Json) -> list[str]:
    """What the results of a request say, as it stands in its JSON."""
    said: list[str] = []
    for message in request["messages"]:
        for block in blocks_of(message):
            content: Any = block.get("content") if block.get("type") == "tool_result" else None
            if isinstance(content, str):
                said.append(json.dumps(content)[1:-1])
            elif is_array(content):
                said += [json.dumps(part.get("text") or part["source"]["data"])[1:-1] for part in content]
    return said


@pytest.mark.parametrize(("case", "upstream"), _of("valid"))
def test_what_the_api_takes_is_returned_as_it_was(case: Json, upstream: Dialect) -> None:
    assert check(case["request"], upstream, context=_sent(case)) == []
    outcome = repair(case["request"], upstream, context=_sent(case))
    assert outcome.request is case["request"]
    assert (outcome.violations, outcome.remaining) == ((), ())


@pytest.mark.parametrize(("case", "upstream"), _of("unknown"))
def test_nothing_is_refused_on_a_suspicion(case: Json, upstream: Dialect) -> None:
    assert check(case["request"], upstream, context=_sent(case)) == []


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES if not case["request"]])
def test_a_body_that_is_no_json_is_refused_in_the_decoders_words_and_mended_where_that_can_be(case: Json) -> None:
    body = decode_body(case["request_raw"].encode(), lossy=False)
    assert re.search(case["expected_error_regex"], body.violations[0].text)
    if body.request is None:
        assert case["rules"] == ["json.syntax"]
    else:
        assert check(body.request, ANTHROPIC, context=_sent(case)) == []
        assert "\ufffd" in json.dumps(body.request, ensure_ascii=False)


@pytest.mark.parametrize(
    ("case_id", "expected"),
    [
        pytest.param("A25", ["text", "tool_use"], id="text behind a call"),
        pytest.param("A26", ["text", "tool_use", "tool_use"], id="calls in two messages"),
    ],
)
def test_where_the_evidence_is_split_a_repair_keeps_to_the_stricter_reading(case_id: str, expected: list[str]) -> None:
    request = _case(case_id)["request"]
    outcome = repair(request, ANTHROPIC)
    assert [block["type"] for block in outcome.request["messages"][1]["content"]] == expected
    assert outcome.violations


def _case(case_id: str) -> Json:
    return next(case for case in CASES if case["id"] == case_id)


@pytest.mark.parametrize("case_id", ["V03", "A25", "A26"])
def test_bedrock_refuses_what_the_first_party_api_combines(case_id: str) -> None:
    case = _case(case_id)
    assert case["dialects"]["bedrock"] == "invalid"
    bedrock = dialect("bedrock")
    assert check(case["request"], bedrock)
    assert check(repair(case["request"], bedrock).request, bedrock) == []


def test_a_deepseek_style_endpoint_refuses_results_in_two_messages_in_its_words() -> None:
    case = _case("V03")
    texts = [violation.text for violation in check(case["request"], dialect("compatible"))]
    assert re.search(case["deepseek_error_regex"], texts[0])
    repaired = repair(case["request"], dialect("compatible")).request
    assert [block["tool_use_id"] for block in repaired["messages"][2]["content"]] == ["toolu_A", "toolu_B"]
    assert len(repaired["messages"]) == 3


def test_what_bedrock_takes_beyond_pairs_is_taken() -> None:
    # D01 (an id with a dot and a colon) is valid on Converse only; the Messages API on Bedrock has the native pattern.
    bedrock = dialect("bedrock")
    for case in CASES:
        if case["dialects"]["bedrock"] == "valid" and case["id"] != "D01":
            assert check(case["request"], bedrock) == [], case["id"]


def test_results_in_reverse_order_stay_reversed_before_bound_thinking() -> None:
    request = _case("V29")["request"]
    assert repair(request, ANTHROPIC).request is request
