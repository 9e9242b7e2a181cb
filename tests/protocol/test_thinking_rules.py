"""Rules about thinking: what is refused, what is so near to it that it must not be, and what a repair leaves."""

from typing import Any

import pytest
from seen import Seen
from wire_talk import assistant, call, request, result, search, text, thinking, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Context
from antiphon.protocol.dialects import DIALECTS, dialect
from antiphon.protocol.messages import Json
from antiphon.protocol.thinking import INTERLEAVED_BETA

ANTHROPIC = dialect("anthropic")
MANUAL: Json = {"type": "enabled", "budget_tokens": 2048}
ADAPTIVE: Json = {"type": "adaptive"}
NEW = "claude-opus-5"
REDACTED: Json = {"type": "redacted_thinking", "data": "EmwKAhgB"}
TOOL: Json = {"name": "read_file", "input_schema": {"type": "object"}}
A, B = call("a"), call("b")


def _rules(given: Any, context: Context | None = None) -> list[str]:
    return [found.rule for found in check(given, ANTHROPIC, context=context or Context())]


def _repaired(given: Json, context: Context | None = None) -> Json:
    outcome = repair(given, ANTHROPIC, context=context or Context())
    assert outcome.remaining == ()
    return outcome.request


# What is in a block


@pytest.mark.parametrize(
    ("block", "rule", "text_end"),
    [
        ({"type": "thinking", "thinking": "hm"}, "TH001", ".thinking.signature: Field required"),
        (thinking(signature=None), "TH001", ".thinking.signature.str: Input should be a valid string"),
        (thinking(signature=""), "TH001", ": Invalid `signature` in `thinking` block"),
        (thinking(""), None, ""),
        (thinking("", signature=""), "TH002", ": each thinking block must contain thinking"),
        ({"type": "thinking", "signature": "sig"}, "TH003", ".thinking.thinking: Field required"),
        (thinking("", thinking=7), "TH003", ".thinking.thinking: Input should be a valid string"),
        ({"type": "redacted_thinking"}, "TH003", ".redacted_thinking.data: Field required"),
        (
            {"type": "redacted_thinking", "data": ["x"]},
            "TH003",
            ".redacted_thinking.data: Input should be a valid string",
        ),
        ({"type": "redacted_thinking", "data": ""}, "TH003", ": Invalid `data` in `redacted_thinking` block"),
        (REDACTED, None, ""),
    ],
)
def test_a_thinking_block_is_signed_and_whole_or_it_goes(block: Json, rule: str | None, text_end: str) -> None:
    given = request(user("hi"), assistant(block, text("hello")), user("and?"), model=NEW)
    found = check(given, ANTHROPIC)
    assert [(one.rule, one.text) for one in found] == ([(rule, f"messages.1.content.0{text_end}")] if rule else [])
    kept = assistant(text("hello")) if rule else given["messages"][1]
    assert _repaired(given)["messages"] == [user("hi"), kept, user("and?")]


def test_a_message_of_nothing_but_unsigned_thinking_goes_with_it() -> None:
    given = request(user("hi"), assistant({"type": "thinking", "thinking": "hm"}), user("and?"), model=NEW)
    assert _repaired(given)["messages"] == [user("hi"), user("and?")]


def test_endpoints_of_other_vendors_take_unsigned_thinking_and_want_it_back() -> None:
    given = request(user("hi"), assistant({"type": "thinking", "thinking": "hm"}, A), user(result("a")), model="k2")
    for name in ("compatible", "template"):
        assert check(given, dialect(name)) == []
        assert repair(given, dialect(name)).request is given


# Manual mode: thinking comes first


def test_with_a_budget_a_reply_that_goes_on_began_with_thinking() -> None:
    given = request(user("go"), assistant(text("look"), A), user(result("a")), thinking=MANUAL)
    (found,) = check(given, ANTHROPIC)
    assert (found.rule, found.message, found.block) == ("TH005", 1, 0)
    assert found.text.startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`."
    )
    repaired = _repaired(given)
    assert repaired["thinking"] == {"type": "disabled"}
    assert repaired["messages"] is given["messages"]


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([user("go"), assistant(thinking(), A), user(result("a"))], id="thinking comes first"),
        pytest.param([user("go"), assistant(REDACTED, A), user(result("a"))], id="redacted thinking comes first"),
        pytest.param(
            [user("go"), assistant(thinking(), A), user(result("a")), assistant(B), user(result("b"))],
            id="a reply thinks once, in its first round",
        ),
        pytest.param(
            [user("go"), assistant(A), user(result("a")), assistant(thinking(), B), user(result("b"))],
            id="thinking was switched on within the reply",
        ),
        pytest.param([user("go"), assistant(A), user(result("a")), assistant("ok"), user("and?")], id="it is over"),
        pytest.param(
            [
                user("go"),
                assistant(A),
                user(result("a")),
                assistant("ok"),
                user("?"),
                assistant(thinking(), B),
                user(result("b")),
            ],
            id="only the reply that goes on counts",
        ),
    ],
)
def test_with_a_budget_what_the_api_itself_writes_is_taken(messages: list[Json]) -> None:
    given = request(*messages, thinking=MANUAL)
    assert _rules(given) == []
    assert _repaired(given) is given


def test_adaptive_thinking_may_be_missing_and_may_come_later() -> None:
    for content in ([A], [text("look"), thinking(), A]):
        given = request(user("go"), assistant(*content), user(result("a")), thinking=ADAPTIVE, model=NEW)
        assert _rules(given) == []
        assert _repaired(given) is given


def test_a_reply_in_two_messages_is_looked_at_as_one() -> None:
    paused = [assistant(thinking(), search("srvtoolu_1")), assistant({**_found("srvtoolu_1")}, text("so"), A)]
    given = request(user("go"), *paused, user(result("a")), thinking=MANUAL, model="claude-sonnet-4-5")
    assert _rules(given) == []


def _found(call_id: str) -> Json:
    return {"type": "web_search_tool_result", "tool_use_id": call_id, "content": []}


def test_where_only_the_end_is_looked_at_a_long_reply_is_not_said_to_lack_thinking() -> None:
    rounds = [message for n in range(5) for message in (assistant(call(f"c{n}")), user(result(f"c{n}")))]
    given = request(user("go"), assistant(thinking(), A), user(result("a")), *rounds, thinking=MANUAL)
    for start in range(len(given["messages"])):
        assert check(given, ANTHROPIC, start=start) == []


def test_thinking_that_was_moved_goes_back_to_the_front() -> None:
    given = request(user("go"), assistant(text("look"), thinking(), REDACTED, A), user(result("a")), thinking=MANUAL)
    (found,) = check(given, ANTHROPIC)
    assert (found.rule, found.block) == ("TH006", 1)
    assert found.text == (
        "messages.1.content.0: If an assistant message contains any thinking blocks, the first block must be `thinking`"
        " or `redacted_thinking`. Found `text`."
    )
    repaired = _repaired(given)
    assert repaired["messages"][1] == assistant(thinking(), REDACTED, text("look"), A)
    assert repaired["thinking"] is MANUAL


def test_interleaved_thinking_may_come_after_text() -> None:
    given = request(user("go"), assistant(text("look"), thinking(), A), user(result("a")), thinking=MANUAL)
    interleaved = Context(betas=frozenset({INTERLEAVED_BETA}))
    assert _rules(given, interleaved) == []
    assert _repaired(given, interleaved) is given


# The latest reply as it came


def _replied(*content: Json, **params: Any) -> tuple[Json, Context]:
    """Return a conversation that ends with a reply, and a context that remembers it."""
    seen = request(user("go"), assistant(*content), **({"model": NEW, "thinking": ADAPTIVE} | params))
    return seen, Context(memory=Seen(seen))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([A], id="left out"),
        pytest.param([thinking("hm"), A], id="redacted one left out"),
        pytest.param([REDACTED, thinking("hm"), A], id="reordered"),
        pytest.param([thinking("", signature="sig"), REDACTED, A], id="emptied"),
    ],
)
def test_changed_thinking_of_the_latest_reply_is_restored(sent: list[Json]) -> None:
    seen, context = _replied(thinking("hm"), REDACTED, A)
    given = {**seen, "messages": [user("go"), assistant(*sent), user(result("a"))]}
    assert _rules(given) == []
    assert _rules(given, context) == ["TH004"]
    repaired = _repaired(given, context)
    assert repaired["messages"][1] == assistant(thinking("hm"), REDACTED, A)
    assert repaired["messages"][1]["content"][2] is sent[-1]
    assert _repaired(repaired, context) is repaired


def test_what_was_changed_beside_the_thinking_cannot_be_restored_and_thinking_is_disabled() -> None:
    seen, context = _replied(thinking("hm"), text("I look."), A)
    given = {**seen, "messages": [user("go"), assistant(thinking("ha"), text("You look."), A), user(result("a"))]}
    repaired = _repaired(given, context)
    assert repaired["messages"][1] == assistant(text("You look."), A)
    assert repaired["thinking"] == {"type": "disabled"}


def test_a_reply_that_was_only_written_down_anew_is_still_the_same() -> None:
    seen, context = _replied(thinking("hm"), text("I look.", citations=None), {**A, "caller": {"type": "direct"}})
    written_anew: Json = {"name": "read_file", "input": {}, "id": "a", "type": "tool_use"}
    given = {**seen, "messages": [user("go"), assistant(text("I look."), written_anew), user(result("a"))]}
    assert _repaired(given, context)["messages"][1] == assistant(thinking("hm"), text("I look."), written_anew)


def test_thinking_of_a_finished_turn_may_be_left_out() -> None:
    seen, context = _replied(thinking("hm"), A)
    given = {**seen, "messages": [user("go"), assistant(A), user(result("a")), assistant("ok"), user("and?")]}
    assert _rules(given, context) == []
    assert _repaired(given, context) is given


def test_a_paused_reply_before_the_one_that_calls_keeps_its_thinking() -> None:
    seen = request(user("go"), assistant(thinking("one"), search("srvtoolu_1")), model=NEW, thinking=ADAPTIVE)
    whole = {**seen, "messages": [*seen["messages"], assistant(_found("srvtoolu_1"), thinking("two"), A)]}
    context = Context(memory=Seen({"messages": whole["messages"][2:]}))
    given = {**whole, "messages": [*whole["messages"], user(result("a"))]}
    assert _rules(given, context) == []


def test_a_remembered_reply_with_thinking_needs_none_to_be_disabled() -> None:
    seen, context = _replied(thinking("hm"), A, model="claude-sonnet-4-5", thinking=MANUAL)
    given = {**seen, "messages": [user("go"), assistant(A), user(result("a"))]}
    assert _rules(given, context) == ["TH004", "TH005"]
    repaired = _repaired(given, context)
    assert repaired["thinking"] is MANUAL
    assert repaired["messages"][1] == assistant(thinking("hm"), A)


# Where thinking does not count


def test_what_a_model_that_was_given_up_had_begun_is_left_out_and_results_of_it_become_text() -> None:
    fallback: Json = {"type": "fallback", "from": {"model": NEW}, "to": {"model": "claude-opus-4-8"}}
    begun = assistant(thinking(), text("part"), search("srvtoolu_1"), _found("srvtoolu_1"), A, fallback, text("on"), B)
    given = request(user("go"), begun, user(result("a", "early"), result("b")), model=NEW)
    assert _rules(given) == []
    repaired = _repaired(given)["messages"]
    assert repaired[1] == assistant(text("part"), search("srvtoolu_1"), _found("srvtoolu_1"), fallback, text("on"), B)
    assert repaired[2] == user(result("b"), text("[Result of tool call a]\nearly"))


@pytest.mark.parametrize(
    ("params", "dropped"),
    [
        ({"thinking": {"type": "disabled"}}, True),
        ({}, True),
        ({"model": "someone/else"}, False),
        ({"model": "claude-sonnet-4-6", "thinking": ADAPTIVE}, False),
    ],
)
def test_thinking_at_the_end_goes_where_thinking_is_surely_off(params: Json, *, dropped: bool) -> None:
    given = request(user("go"), assistant(thinking(), search("srvtoolu_1")), **params)
    assert _rules(given) == []
    content = _repaired(given)["messages"][1]["content"]
    assert content == ([] if dropped else [thinking()]) + [search("srvtoolu_1")]


# What a request says about thinking


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        ("claude-3-7-sonnet-20250219", ["adaptive"]),
        ("claude-sonnet-4-5", ["adaptive"]),
        ("claude-haiku-4-5-20251001", ["adaptive"]),
        ("claude-opus-4-6", []),
        ("claude-sonnet-4-6", []),
        ("claude-opus-4-7", ["enabled"]),
        ("us.anthropic.claude-opus-5-v1:0", ["enabled"]),
        ("claude-sonnet-5", ["enabled"]),
        ("claude-fable-5", ["enabled", "disabled"]),
        ("claude-mythos-5-1", ["enabled", "disabled"]),
        ("claude-opus-5-5", ["enabled", "disabled"]),
        ("claude-mythos-preview", []),
        ("claude-tomorrow-1", []),
        ("deepseek-chat", []),
    ],
)
def test_each_model_has_its_own_kinds_of_thinking(model: str, refused: list[str]) -> None:
    kinds: list[Json] = [MANUAL, ADAPTIVE, {"type": "disabled"}, {"type": "between_tools"}, {"type": "of_tomorrow"}]
    found = [kind["type"] for kind in kinds if _rules(request(user("go"), model=model, thinking=kind))]
    assert found == refused


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        ("claude-opus-5", {**MANUAL, "display": "summarized"}, {"type": "adaptive", "display": "summarized"}),
        (
            "claude-haiku-4-5",
            {"type": "adaptive", "display": "omitted"},
            {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
        ),
        ("claude-opus-5-5", {"type": "disabled"}, None),
        ("claude-sonnet-5-5", {"type": "disabled"}, {"type": "between_tools"}),
    ],
)
def test_the_nearest_kind_of_thinking_is_asked_for(model: str, thinking: Json, expected: Json | None) -> None:
    assert _repaired(request(user("go"), model=model, thinking=thinking)).get("thinking") == expected


def test_adaptive_thinking_that_an_old_model_has_no_tokens_for_is_left_out() -> None:
    assert "thinking" not in _repaired(request(user("go"), max_tokens=1024, thinking=ADAPTIVE))


def test_opus_5_thinks_when_it_is_to_work_hard() -> None:
    for effort, refused in (("high", False), ("xhigh", True), ("max", True)):
        given = request(user("go"), model=NEW, thinking={"type": "disabled"}, output_config={"effort": effort})
        assert bool(_rules(given)) is refused


@pytest.mark.parametrize(
    ("budget", "most", "expected"),
    [
        (1024, 1025, None),
        (1023, 4096, {"type": "enabled", "budget_tokens": 1024}),
        (4096, 4096, {"type": "enabled", "budget_tokens": 2048}),
        (9000, 1500, {"type": "enabled", "budget_tokens": 1024}),
        (1024, 1024, {"type": "disabled"}),
        (0, 500, {"type": "disabled"}),
        ("2048", 4096, {"type": "enabled", "budget_tokens": 1024}),
        (True, 4096, {"type": "enabled", "budget_tokens": 1024}),
    ],
)
def test_a_budget_leaves_room_for_an_answer(budget: Any, most: int, expected: Json | None) -> None:
    given = request(user("go"), max_tokens=most, thinking={"type": "enabled", "budget_tokens": budget})
    assert _rules(given) == ([] if expected is None else ["TH011"])
    assert _repaired(given)["thinking"] == (expected or given["thinking"])


def test_an_interleaved_budget_may_be_larger_than_a_reply() -> None:
    given = request(user("go"), max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 30_000})
    assert _rules(given, Context(betas=frozenset({INTERLEAVED_BETA}))) == []
    assert _rules(given, Context(betas=frozenset())) == ["TH011"]


@pytest.mark.parametrize(
    ("model", "thinking", "choice", "rule"),
    [
        ("claude-sonnet-4-5", MANUAL, {"type": "any"}, "TH012"),
        ("claude-sonnet-4-5", MANUAL, {"type": "auto"}, None),
        ("claude-sonnet-4-5", MANUAL, {"type": "none"}, None),
        ("claude-sonnet-4-5", {"type": "disabled"}, {"type": "any"}, None),
        ("claude-opus-5", ADAPTIVE, {"type": "tool", "name": "read_file"}, None),
        ("claude-opus-5-5", ADAPTIVE, {"type": "tool", "name": "read_file"}, "TH013"),
        ("claude-sonnet-5-5", {"type": "between_tools"}, {"type": "any"}, "TH013"),
        ("claude-mythos-preview", ADAPTIVE, {"type": "any"}, "TH013"),
        ("claude-mythos-5", ADAPTIVE, {"type": "any"}, None),
        ("claude-fable-5", ADAPTIVE, {"type": "any"}, "TH013"),
    ],
)
def test_some_models_cannot_be_forced_and_others_not_while_they_think(
    model: str, thinking: Json, choice: Json, rule: str | None
) -> None:
    given = request(user("go"), model=model, thinking=thinking, tool_choice=choice, tools=[TOOL])
    assert _rules(given) == ([rule] if rule else [])
    repaired = _repaired(given)
    if rule == "TH012":
        assert (repaired["thinking"], repaired["tool_choice"]) == ({"type": "disabled"}, choice)
    elif rule == "TH013":
        assert (repaired["thinking"], repaired["tool_choice"]) == (thinking, {"type": "auto"})


def test_a_choice_left_to_the_model_still_says_how_many_calls_it_may_make() -> None:
    choice = {"type": "tool", "name": "read_file", "disable_parallel_tool_use": True}
    repaired = _repaired(request(user("go"), model="claude-opus-5-5", tool_choice=choice, tools=[TOOL]))
    assert repaired["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_deepseek_refuses_a_forced_call_in_its_own_words() -> None:
    given = request(user("go"), model="deepseek-chat", thinking=MANUAL, tool_choice={"type": "any"}, tools=[TOOL])
    (found,) = check(given, dialect("compatible"))
    assert found.text == "Thinking mode does not support this tool_choice"


def test_old_thinking_is_cleared_only_where_there_may_be_some() -> None:
    other: Json = {"type": "clear_tool_uses_20250919"}
    edits: Json = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}, other]}
    for params, refused in (
        ({}, True),
        ({"thinking": {"type": "disabled"}}, True),
        ({"thinking": MANUAL}, False),
        ({"model": NEW}, False),
        ({"model": NEW, "thinking": {"type": "disabled"}}, True),
        ({"model": "someone/else"}, False),
    ):
        given = request(user("go"), context_management=edits, **params)
        assert _rules(given) == (["TH014"] if refused else []), params
        assert _repaired(given)["context_management"] == ({"edits": [other]} if refused else edits)


def test_a_budget_taken_away_takes_the_clearing_of_thinking_with_it() -> None:
    edits: Json = {"edits": [{"type": "clear_thinking_20251015"}]}
    given = request(user("go"), assistant(A), user(result("a")), thinking=MANUAL, context_management=edits)
    repaired = _repaired(given)
    assert repaired["thinking"] == {"type": "disabled"}
    assert "context_management" not in repaired


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, {"type": 5}, {"type": "enabled"}, {"type": ["enabled"]}])
def test_junk_about_thinking_does_no_harm(junk: Any) -> None:
    for name in DIALECTS:
        given = request(user("go"), thinking=junk, tool_choice=junk, context_management={"edits": junk})
        check(given, dialect(name))
        repair(given, dialect(name))
