"""The parameters of a request: what each model, version and upstream takes, and what becomes of the rest."""

from typing import Any

import pytest
from conversations import JUNK
from hypothesis import given
from hypothesis import strategies as st
from wire_talk import assistant, request, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import NOTHING_KNOWN, Context
from antiphon.protocol.dialects import DIALECTS, dialect
from antiphon.protocol.messages import Json

ANTHROPIC = dialect("anthropic")
SENT = Context("2023-06-01", frozenset())
COUNTED = Context("2023-06-01", frozenset(), counting=True)
STRICTER = Context("2026-10-21", frozenset())
GONE: Any = object()


def asked(**params: Any) -> Json:
    """Return a request with some parameters; what is GONE is left out."""
    return {name: value for name, value in request(user("go"), **params).items() if value is not GONE}


def told(given_request: Json, context: Context = SENT, upstream: str = "anthropic") -> list[str]:
    return [violation.text for violation in check(given_request, dialect(upstream), context=context)]


def repaired(given_request: Json, context: Context = SENT, upstream: str = "anthropic") -> Json:
    outcome = repair(given_request, dialect(upstream), context=context)
    assert outcome.remaining == ()
    assert repair(outcome.request, dialect(upstream), context=context).request is outcome.request
    return outcome.request


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"max_tokens": GONE}, "max_tokens: Field required"),
        ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 1.5}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"system": 7}, "system: Input should be a valid string"),
        ({"system": [7]}, "system.0: Input should be a valid dictionary or object to extract fields from"),
        ({"system": [{"type": "image"}]}, "system.0.type: Input should be 'text'"),
        ({"system": [text("x"), {"type": "text"}]}, "system.1.text: Field required"),
        ({"metadata": "u1"}, "metadata: Input should be an object"),
        ({"metadata": {"user_id": 1}}, "metadata.user_id: Input should be a valid string"),
        ({"stop_sequences": "END"}, "stop_sequences: Input should be a valid list"),
        ({"stop_sequences": ["END", 1]}, "stop_sequences.1: Input should be a valid string"),
        ({"stop_sequences": [""]}, "stop_sequences: each stop sequence must be non-empty"),
        ({"stop_sequences": [" \n"]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        ({"temperature": "hot"}, "temperature: Input should be a valid number"),
        ({"temperature": 1.01}, "temperature: range: 0..1"),
        ({"top_p": -0.1}, "top_p: range: 0..1"),
        ({"n": 1}, "n: Extra inputs are not permitted"),
    ],
)
def test_a_parameter_that_is_wrong_is_told_and_put_right(change: Json, text: str) -> None:
    assert told(asked(**change)) == [text]
    assert told(repaired(asked(**change))) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"model": GONE}, "model: Field required"),
        ({"model": None}, "model: Input should be a valid string"),
        ({"model": ""}, "model: String should have at least 1 character"),
    ],
)
def test_which_model_was_meant_is_not_made_up(change: Json, text: str) -> None:
    assert told(asked(**change)) == [text]
    assert repair(asked(**change), ANTHROPIC, context=SENT).request == asked(**change)


@pytest.mark.parametrize(
    "params",
    [
        {"max_tokens": 0},
        {"max_tokens": 1024.0},
        {"system": None, "metadata": None, "stop_sequences": None, "temperature": None, "top_p": None, "stream": None},
        {"system": "", "metadata": {}, "stop_sequences": [], "temperature": 0, "stream": False},
        {"system": [text("x", cache_control={"type": "ephemeral"})], "metadata": {"user_id": "u" * 600}},
        {"stop_sequences": [" END\n"], "temperature": 1, "top_k": 5},
        {"service_tier": "auto", "container": "c", "mcp_servers": [], "brand_new": {"n": 1}, "output_config": {}},
        {"model": "claude-sonnet-4", "temperature": 0.2, "top_p": 0.5},
        {"model": "claude-sonnet-4-6", "temperature": 0.2, "top_k": 3},
        {"model": "claude-opus-5", "temperature": 1, "top_p": 0.99, "top_k": None},
        {"model": "claude-next-1", "temperature": 0.2, "top_p": 0.5, "top_k": 3},
        {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 1024}, "top_p": 0.95},
        {"model": "claude-opus-4-6", "thinking": {"type": "adaptive"}, "temperature": 0.5},
    ],
)
def test_a_parameter_that_is_right_unusual_or_unknown_is_passed_on(params: Json) -> None:
    given_request = asked(**params)
    assert told(given_request) == []
    assert repair(given_request, ANTHROPIC, context=SENT).request is given_request


def test_of_a_stored_conversation_it_is_not_said_that_parameters_are_missing() -> None:
    for found in DIALECTS.values():
        if found.form is None:
            assert check({"messages": [user("go")]}, found) == []


@pytest.mark.parametrize(
    ("given_request", "expected"),
    [
        (asked(max_tokens="512"), {"max_tokens": 512}),
        (asked(max_tokens=GONE), {"max_tokens": 4096}),
        (asked(max_tokens=GONE, thinking={"type": "enabled", "budget_tokens": 2000}), {"max_tokens": 6096}),
        (asked(max_tokens=GONE, max_completion_tokens=99), {"max_tokens": 99, "max_completion_tokens": GONE}),
        (
            asked(max_tokens=50, max_output_tokens=99, seed=1),
            {"max_tokens": 50, "max_output_tokens": GONE, "seed": GONE},
        ),
        (asked(stop="END"), {"stop_sequences": ["END"], "stop": GONE}),
        (asked(stop=["A", " "]), {"stop_sequences": ["A"], "stop": GONE}),
        (asked(stop=["A"], stop_sequences=["B"]), {"stop_sequences": ["B"], "stop": GONE}),
        (asked(stop=None), {"stop_sequences": GONE, "stop": GONE}),
        (asked(stop_sequences=["A", "", 3, "\n", "B"]), {"stop_sequences": ["A", "B"]}),
        (asked(stop_sequences=[" "]), {"stop_sequences": GONE}),
        (asked(temperature=2, top_p="x"), {"temperature": 1, "top_p": GONE}),
        (asked(temperature=0.2, top_p=0.9), {"temperature": 0.2, "top_p": GONE}),
        (asked(stream=1), {"stream": True}),
        (asked(stream="False"), {"stream": False}),
        (asked(metadata={"user_id": 7, "x": 1}), {"metadata": {"user_id": "7", "x": 1}}),
        (asked(metadata={"user_id": {"a": 1}, "x": 1}), {"metadata": {"x": 1}}),
        (asked(metadata=[]), {"metadata": GONE}),
        (asked(system={"type": "text", "text": "a"}), {"system": [text("a")]}),
        (asked(system=["a", {"text": "b"}, None, 7]), {"system": [text("a"), text("b"), text("7")]}),
        (asked(model="claude-opus-4-8", temperature=0, top_p=0.5, top_k=9), {"temperature": GONE, "top_k": GONE}),
        (
            asked(thinking={"type": "enabled", "budget_tokens": 1024}, temperature=0, top_k=4, top_p=0.9),
            {"temperature": GONE, "top_k": GONE, "top_p": GONE},
        ),
    ],
)
def test_what_a_repair_makes_of_a_parameter(given_request: Json, expected: Json) -> None:
    outcome = repaired(given_request)
    assert {name: outcome.get(name, GONE) for name in expected} == expected
    assert outcome["messages"] is given_request["messages"]


def test_sampling_is_judged_by_the_version_of_the_api_and_by_the_model() -> None:
    mild = asked(model="claude-haiku-4-5", temperature=1.0)
    assert told(mild) == []
    assert told(mild, STRICTER) == ["temperature: Extra inputs are not permitted"]
    assert told(mild, STRICTER, "bedrock") == []
    assert "temperature" not in repaired(mild, STRICTER)
    newest = asked(model="eu.anthropic.claude-opus-5-20260501-v1:0", top_k=5)
    assert told(newest) == ["`top_k` is deprecated for this model."]
    assert told(asked(model="claude-sonnet-5", top_p=0.8)) == ["`top_p` is deprecated for this model."]
    for model in ("deepseek-chat", "claude-opus-5"):
        assert told(asked(model=model, temperature=1.7, top_p=0.5), upstream="compatible") == []


def test_a_request_to_count_tokens_needs_no_limit_and_takes_no_metadata() -> None:
    counted = asked(max_tokens=GONE, metadata={"user_id": "u"})
    assert told(counted, COUNTED) == ["metadata: Extra inputs are not permitted"]
    assert repaired(counted, COUNTED) == asked(max_tokens=GONE)
    assert told(asked(metadata={"user_id": "u"})) == []


def test_where_the_url_names_the_model_the_body_names_the_version() -> None:
    for name, version in (("vertex", "vertex-2023-10-16"), ("bedrock", "bedrock-2023-05-31")):
        bare = asked(model=GONE)
        assert told(bare, SENT, name) == ["anthropic_version: Field required"]
        assert repaired(bare, SENT, name) == {**bare, "anthropic_version": version}
        assert told({**bare, "anthropic_version": "of tomorrow"}, SENT, name) == []
        assert told(asked(), SENT, name) == []


def test_citations_are_the_models_in_the_newest_version() -> None:
    cited = text("so it says", citations=[{"type": "char_location"}])
    given_request = request(user(cited, text("and?", citations=[])), assistant(cited), user("go on", cited))
    assert told(given_request) == []
    assert told(given_request, STRICTER) == [
        "messages.0.content.0.text.citations: Extra inputs are not permitted",
        "messages.2.content.1.text.citations: Extra inputs are not permitted",
    ]
    messages = repaired(given_request, STRICTER)["messages"]
    assert messages[0]["content"] == [text("so it says"), text("and?", citations=[])]
    assert messages[1] is given_request["messages"][1]


def test_a_hundred_thousand_messages_are_enough() -> None:
    assert told(request(*[user("go")] * 100_000)) == []
    assert told(request(*[user("go")] * 100_001)) == [
        "messages: List should have at most 100000 items after validation, not 100001"
    ]


NAMES = st.sampled_from(
    [
        *("model", "max_tokens", "system", "metadata", "stop_sequences", "stop", "stream", "temperature", "top_p"),
        *("top_k", "thinking", "n", "anthropic_version", "max_completion_tokens"),
    ]
)
VALUES = JUNK | st.sampled_from(["claude-opus-5", "claude-haiku-4-5", 0.5, {"type": "enabled", "budget_tokens": 2048}])


@pytest.mark.parametrize("upstream", [name for name, found in DIALECTS.items() if found.form is None])
@given(params=st.dictionaries(NAMES, VALUES), context=st.sampled_from([NOTHING_KNOWN, SENT, COUNTED, STRICTER]))
def test_whatever_the_parameters_are_all_but_the_model_is_put_right(
    upstream: str, params: Json, context: Context
) -> None:
    given_request = asked(**params)
    outcome = repair(given_request, dialect(upstream), context=context)
    assert {violation.rule for violation in outcome.remaining} <= {"RQ008"}
    assert repair(outcome.request, dialect(upstream), context=context).request is outcome.request
    assert outcome.request["messages"] is given_request["messages"]
