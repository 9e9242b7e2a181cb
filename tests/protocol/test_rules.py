"""What rules say exactly, and what they let pass: cases beside the examples of their pages."""

from typing import Any

import pytest
from wire_talk import (
    NEWER_MODEL,
    assistant,
    call,
    found,
    image,
    lost,
    request,
    result,
    search,
    system,
    text,
    thinking,
    user,
)

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import dialect, in_strict_order
from antiphon.protocol.messages import Json

ANTHROPIC = dialect("anthropic")
BEDROCK = dialect("bedrock")
ORDERED = in_strict_order(ANTHROPIC)
A, B, C = call("a"), call("b"), call("c")
THINK: Json = {"type": "enabled", "budget_tokens": 1024}
ADAPTIVE: Json = {"type": "adaptive"}

MISSING = "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."  # noqa: E501  one sentence of the API
ORPHAN = "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."  # noqa: E501  one sentence of the API
NOT_UNIQUE = "`tool_use` ids must be unique"
DOUBLE = "each tool_use must have a single result. Found multiple `tool_result` blocks with id: {}"
PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."
PLACES = "role 'system' must follow a user turn, and be last or be followed by an assistant turn"
TAGS = "found using 'type' does not match any of the expected tags"
WITHOUT = "was found without a corresponding"
EMPTY = "messages: text content blocks must be non-empty"
BLANK = "messages: text content blocks must contain non-whitespace text"


def _said(given: Any, upstream: Dialect = ANTHROPIC) -> list[tuple[str, str]]:
    return [(violation.rule, violation.text) for violation in check(given, upstream)]


WORDS: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "all ids without result in the run are listed, in the order of the calls, whatever the cause": (
        request(user("go"), assistant(A, B, C), user(result("c"), text("x"), result("a"))),
        [("TU002", f"messages.1: {MISSING.format('a, b')}"), ("TU001", f"messages.1: {MISSING.format('a, b')}")],
    ),
    "the index is that of the assistant message as sent": (
        request(user("go"), user("now"), assistant("hm"), assistant(A), user("stop")),
        [("TU001", f"messages.3: {MISSING.format('a')}")],
    ),
    "an id that is asked for twice is listed once": (
        request(user("go"), assistant(A, A)),
        [("TU010", f"messages.1.content.1: {NOT_UNIQUE}"), ("TU001", f"messages.1: {MISSING.format('a')}")],
    ),
    "an orphan is told with its place in the message as sent": (
        request(user("go"), assistant("hm"), user("so"), user(text("well"), result("x"))),
        [("TU004", f"messages.3.content.1: {ORPHAN.format('x')}")],
    ),
    "a misplaced result is told at its call and where it stands": (
        request(user("go"), assistant(A, B), user(result("b")), assistant("hm"), user(text("here"), result("a"))),
        [
            ("TU005", f"messages.1: {MISSING.format('a')}"),
            ("TU005", f"messages.4.content.1: {ORPHAN.format('a')}"),
        ],
    ),
    "the second of two results is the one too many": (
        request(user("go"), assistant(A), user(result("a"), text("x"), result("a"), result("a", "y"))),
        [
            ("TU008", f"messages.2.content.2: {DOUBLE.format('a')}"),
            ("TU009", f"messages.2.content.3: {DOUBLE.format('a')}"),
        ],
    ),
    "what is wrong with the shape is told before what is wrong with the meaning": (
        request(assistant(A), {"role": "user", "content": [text("x"), {"type": "text"}, None]}),
        [
            ("MS005", "messages.1.content.2: Input should be a valid dictionary or object to extract fields from"),
            ("CO009", "messages.1.content.1.text.text: Field required"),
            ("MS006", 'messages: first message must use the "user" role'),
            ("TU001", f"messages.0: {MISSING.format('a')}"),
        ],
    ),
    "an id may be missing, no string, or empty": (
        request(
            user("go"),
            assistant({"type": "tool_use", "name": "n", "input": {}}, call(5), call("")),
            user({"type": "tool_result"}, result(5), result("")),
        ),
        [
            ("TU017", "messages.1.content.0.tool_use.id: Field required"),
            ("TU017", "messages.1.content.1.tool_use.id: Input should be a valid string"),
            ("TU017", "messages.1.content.2.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"),
            ("TU017", "messages.2.content.0.tool_result.tool_use_id: Field required"),
            ("TU017", "messages.2.content.1.tool_result.tool_use_id: Input should be a valid string"),
        ],
    ),
    "an id that ends with a line break does not match": (
        request(user("go"), assistant(call("a\n")), user(result("a\n"))),
        [("TU017", "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")],
    ),
    "input may be missing": (
        request(user("go"), assistant({"type": "tool_use", "id": "a", "name": "n"}), user(result("a"))),
        [("TU018", "messages.1.content.0.tool_use.input: Field required")],
    ),
    "a name may be empty or no string": (
        request(user("go"), assistant({**A, "name": ""}, {**B, "name": 3}), user(result("a"), result("b"))),
        [
            ("TU020", "messages.1.content.0.tool_use.name: String should have at least 1 character"),
            ("TU020", "messages.1.content.1.tool_use.name: Input should be a valid string"),
        ],
    ),
    "a server result whose call stands before the client's is told by its own name": (
        request(user("go"), assistant(search("srvtoolu_1"), A, found("srvtoolu_1")), user(result("a"))),
        [
            (
                "TU012",
                f"messages.1: `web_search` tool use with id `srvtoolu_1` {WITHOUT} `web_search_tool_result` block",
            )
        ],
    ),
    "an MCP call behind a client's": (
        request(user("go"), assistant(A, {"type": "mcp_tool_use", "id": "m1", "name": "n"}), user(result("a"))),
        [
            (
                "TU012",
                "messages.1: `mcp_tool_use` with id `m1` was found without a corresponding `mcp_tool_result` block",
            )
        ],
    ),
    "a text behind a call of a message that thinks": (
        request(user("go"), assistant(thinking(), A, text("x"), B), user(result("a"), result("b")), thinking=THINK),
        [("TU013", PREFILL)],
    ),
    "messages may be missing": ({"model": "m"}, [("MS001", "messages: Field required")]),
    "messages may be no list": ({"messages": {}}, [("MS001", "messages: Input should be a valid list")]),
    "messages may be empty": (request(), [("MS001", "messages: at least one message is required")]),
    "a role may be missing": (
        {"messages": [{"content": "hi"}]},
        [("MS003", "messages.0.role: Field required")],
    ),
    "content may be missing, null or a number": (
        {"messages": [{"role": "user"}, {"role": "user", "content": None}, {"role": "user", "content": 7}]},
        [
            ("MS004", "messages.0.content: Field required"),
            ("MS004", "messages.1.content: Input should be a valid list"),
            ("MS004", "messages.2.content: Input should be a valid list"),
        ],
    ),
    "a system message may not be first": (
        request(system("x"), user("go"), model=NEWER_MODEL),
        [
            (
                "MS008",
                "messages.0: role 'system' must follow a user turn, and be last or be followed by an assistant turn",
            ),
            (
                "MS008",
                "messages.1: role 'system' must follow a user turn, and be last or be followed by an assistant turn",
            ),
        ],
    ),
    "an image, but not a change of tools, in a system message": (
        request(user("go"), system(image(), {"type": "tool_addition"}), model=NEWER_MODEL),
        [("MS009", "role 'system' supports text, tool_addition, and tool_removal blocks only")],
    ),
    "prefill with thinking on": (
        request(user("go"), assistant("so"), thinking=THINK),
        [("MS010", PREFILL)],
    ),
    "prefill with whitespace behind it in the last of several blocks": (
        request(user("go"), assistant(text("so"), text(" \n"))),
        [("MS011", "messages: final assistant content cannot end with trailing whitespace")],
    ),
    "an empty text anywhere": (
        request(user(text(""), text("go")), assistant(text(""), A), user(result("a"), text(""))),
        [("CO001", EMPTY), ("CO001", EMPTY), ("CO001", EMPTY)],
    ),
    "a message of blanks, as string or as blocks": (
        request(user("\n"), assistant(text(" "), text("\t")), user(text(" "))),
        [("CO002", BLANK), ("CO002", BLANK), ("CO002", BLANK)],
    ),
    "a user message without content, as string or as list": (
        request(user(""), user()),
        [
            ("CO003", "messages.0: user messages must have non-empty content"),
            ("CO003", "messages.1: user messages must have non-empty content"),
        ],
    ),
    "a system prompt with an empty block": (
        request(user("go"), system=[text("x"), text("")]),
        [("CO004", "system: text content blocks must be non-empty")],
    ),
    "an error result without content, in each form": (
        request(
            user("go"),
            assistant(A, B, C),
            user(
                {"type": "tool_result", "tool_use_id": "a", "is_error": True},
                {"type": "tool_result", "tool_use_id": "b", "is_error": True, "content": ""},
                {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": []},
            ),
        ),
        [
            ("CO005", f"messages.2.content.{n}.tool_result: content cannot be empty if `is_error` is true")
            for n in range(3)
        ],
    ),
    "a foreign block within a result": (
        request(user("go"), assistant(A), user(result("a", [{"type": "input_text", "text": "x"}, {"text": "y"}]))),
        [
            (
                "CO007",
                f"messages.2.content.0.tool_result.content.0: Input tag 'input_text' {TAGS}",
            ),
            ("CO007", "messages.2.content.0.tool_result.content.1.type: Field required"),
        ],
    ),
    "foreign fields of a message and of its blocks": (
        request(
            {**user(text("go", index=0)), "id": "m1"}, {**assistant({**A, "text": ""}), "usage": {}}, user(result("a"))
        ),
        [
            ("CO008", "messages.0.id: Extra inputs are not permitted"),
            ("CO008", "messages.0.content.0.text.index: Extra inputs are not permitted"),
            ("CO008", "messages.1.usage: Extra inputs are not permitted"),
            ("CO008", "messages.1.content.0.tool_use.text: Extra inputs are not permitted"),
        ],
    ),
    "fields of a result with values of the wrong type": (
        request(user("go"), assistant(A), user(result("a", ["x", {"type": "text", "text": 7}], is_error="yes"))),
        [
            ("CO009", "messages.2.content.0.tool_result.content.0: Input should be a valid dictionary or object"),
            ("CO009", "messages.2.content.0.tool_result.content.1.text.text: Input should be a valid string"),
            ("CO009", "messages.2.content.0.tool_result.is_error: Input should be a valid boolean"),
        ],
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_rule_says(name: str) -> None:
    given, expected = WORDS[name]
    assert [(rule, said.partition(": '")[0]) for rule, said in _said(given)] == expected


TAKEN: dict[str, Json] = {
    "results in any order": request(user("go"), assistant(A, B), user(result("b"), result("a"))),
    "results over two user messages": request(user("go"), assistant(A, B), user(result("b")), user(result("a"))),
    "text and images behind the results": request(user("go"), assistant(A), user(result("a"), text("x"), image())),
    "calls in two assistant messages": request(user("go"), assistant(A), assistant(B), user(result("a"), result("b"))),
    "text behind a call without thinking": request(user("go"), assistant(A, text("x")), user(result("a"))),
    "text behind a call of a message without thinking": request(
        user("go"), assistant(A, text("x")), user(result("a")), thinking=ADAPTIVE, model="claude-sonnet-4-6"
    ),
    "thinking between calls": request(
        user("go"),
        assistant(thinking(), A, thinking("2"), text("x"), B),
        user(result("a"), result("b")),
        thinking=THINK,
    ),
    "an id used again in a later turn": request(
        user("go"), assistant(A), user(result("a")), assistant(A), user(result("a", "other"))
    ),
    "an unknown kind of block behind a call": request(
        user("go"), assistant(A, {"type": "of_tomorrow"}), user(result("a"))
    ),
    "a call of a server tool that waits while the client's calls are answered": request(
        user("go"), assistant(search("srvtoolu_1"), A), user(result("a"))
    ),
    "a server result in the next assistant message": request(
        user("go"),
        assistant(search("srvtoolu_1"), A),
        user(result("a")),
        assistant(found("srvtoolu_1"), text("x")),
        user("y"),
    ),
    "a paused turn, sent back as it was": request(
        user("go"), assistant(search("srvtoolu_1"), found("srvtoolu_1"), text("so")), model=NEWER_MODEL
    ),
    "an assistant message without content in the middle": request(
        user("go"), assistant(""), user("x"), assistant(), user("y")
    ),
    "prefill on a model that goes on from it": request(user("go"), assistant("So")),
    "prefill on a model nobody has heard of": request(user("go"), assistant("So"), model="someone/else"),
    "a blank block beside text": request(user(text("go"), text(" "))),
    "a blank block before a call": request(user("go"), assistant(text("\n\n"), A), user(result("a"))),
    "a result without content, in each form": request(
        user("go"),
        assistant(A, B, C, call("d"), call("e")),
        user(
            {"type": "tool_result", "tool_use_id": "a"},
            {"type": "tool_result", "tool_use_id": "b", "content": ""},
            {"type": "tool_result", "tool_use_id": "c", "content": []},
            {"type": "tool_result", "tool_use_id": "d", "content": [text("")]},
            {"type": "tool_result", "tool_use_id": "e", "content": " "},
        ),
    ),
    "an error with several texts": request(
        user("go"), assistant(A), user(result("a", [text("exit 1"), text("boom")], is_error=True))
    ),
    "a picture in a result that is no error": request(
        user("go"), assistant(A), user(result("a", [text("look"), image()], is_error=False))
    ),
    "an empty system prompt": request(user("go"), system=""),
    "a blank block beside others in the system prompt": request(user("go"), system=[text("x"), text(" ")]),
    "system messages at the end": request(user("go"), system("x"), system("y"), model=NEWER_MODEL),
    "a system message between user and assistant": request(
        user("go"), system("x"), assistant("y"), user("z"), model=NEWER_MODEL
    ),
    "a system message behind the results": request(
        user("go"), assistant(A), user(result("a")), system("x"), model=NEWER_MODEL
    ),
    "a system message behind a server tool's result": request(
        user("go"), assistant(search("srvtoolu_1"), found("srvtoolu_1")), system("x"), model=NEWER_MODEL
    ),
    "a system message that only changes settings": request(
        user("go"), {"role": "system", "output_config": {"effort": "low"}}, model=NEWER_MODEL
    ),
    "a system message on a model of which nobody knows whether it takes one": request(
        user("go"), assistant("x"), system("y"), user("z"), model="claude-sonnet-5"
    ),
    "fields and kinds of blocks that nobody has heard of": request(
        {**user({"type": "of_tomorrow", "data": 1}, text("go", brand_new=1)), "brand_new": 2}, brand_new=3
    ),
    "what only looks like protocol": request(
        user('{"type": "tool_use", "id": "x"} <tool_result>'), assistant("ok"), user("y")
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_first_party_api_takes(name: str) -> None:
    assert _said(TAKEN[name]) == []


@pytest.mark.parametrize("name", TAKEN)
def test_and_a_repair_leaves_it_alone_unless_the_evidence_is_split(name: str) -> None:
    given = TAKEN[name]
    split = {
        "calls in two assistant messages": ["TU007"],
        "text behind a call without thinking": ["TU014"],
        "text behind a call of a message without thinking": ["TU014"],
        "an id used again in a later turn": ["TU019"],
    }
    outcome = repair(given, ANTHROPIC)
    assert [violation.rule for violation in outcome.violations] == split.get(name, [])
    assert (outcome.request is given) == (name not in split)


def test_results_of_the_run_are_told_in_both_orders_where_order_counts() -> None:
    given = request(user("go"), assistant(A, B, C), user(result("c"), result("a"), result("b"), text("x")))
    said = "Expected toolResult blocks at messages.2.content for the following Ids: a, b, c, but found: c, a, b"
    assert _said(given, ORDERED) == [("TU003", said)]
    assert _said(given) == []


def test_order_counts_over_several_user_messages_where_they_are_combined() -> None:
    given = request(user("go"), assistant(A, B, C), user(result("c"), result("a")), user(result("b"), text("x")))
    assert [rule for rule, _ in _said(given, ORDERED)] == ["TU003"]
    assert repair(given, ORDERED).request["messages"][2:] == [
        user(result("a"), result("b")),
        user(result("c"), text("x")),
    ]


def test_results_that_are_not_all_there_are_out_of_order_all_the_same() -> None:
    given = request(user("go"), assistant(A, B, C), user(result("c"), result("a")))
    assert [rule for rule, _ in _said(given, ORDERED)] == ["TU001", "TU003"]
    assert repair(given, ORDERED).request["messages"][2] == user(result("a"), lost("b"), result("c"))


def test_bedrock_counts_message_by_message() -> None:
    given = request(user("go"), assistant(A, B), user(result("a")), user(result("b")))
    assert _said(given, BEDROCK) == [
        ("TU006", f"messages.1: {MISSING.format('b')}"),
        ("TU006", f"messages.3.content.0: {ORPHAN.format('b')}"),
    ]
    given = request(user("go"), assistant(A), assistant(B), user(result("a"), result("b")))
    assert _said(given, BEDROCK) == [("TU007", f"messages.1: {MISSING.format('a')}")]
    assert _said(request(user("go"), assistant("x"), assistant("y"), user("z"), user("!")), BEDROCK) == []


def test_an_image_may_be_half_as_large_on_bedrock() -> None:
    given = request(user(image("iVBORw0KGgo" + "A" * 6_000_000)))
    assert _said(given) == []
    limit = "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 6000011 bytes > 5242880 bytes"
    assert _said(given, BEDROCK) == [("CO011", limit)]


def test_a_tool_message_becomes_a_result_with_what_it_said() -> None:
    given = request(
        user("go"), assistant(A), {"role": "tool", "tool_call_id": "a", "name": "read_file", "content": "x"}
    )
    assert repair(given, ANTHROPIC).request["messages"][2] == user(result("a", "x"))


def test_a_later_system_message_becomes_the_users_behind_the_results() -> None:
    given = request(system("brief"), user("go"), assistant(A), system("careful"), user(result("a")), system="You help.")
    assert repair(given, ANTHROPIC).request == request(
        user("go"), assistant(A), user(result("a"), text("careful")), system=[text("You help."), text("brief")]
    )


def test_a_system_message_without_a_place_near_is_said_by_the_user() -> None:
    given = request(user("go"), assistant("x"), system("brief"), model=NEWER_MODEL)
    assert repair(given, ANTHROPIC).request["messages"][2] == user(text("brief"))


def test_no_claude_takes_a_system_message_first_whatever_else_is_not_known_of_it() -> None:
    given = request(system("brief"), user("go"), assistant("x"), system("later"), user("y"), model="claude-sonnet-5")
    assert [violation.message for violation in check(given, ANTHROPIC)] == [0]
    assert repair(given, ANTHROPIC).request == request(
        user("go"), assistant("x"), system("later"), user("y"), model="claude-sonnet-5", system=[text("brief")]
    )
    only = request(system("brief"), model="claude-sonnet-5")
    assert repair(only, ANTHROPIC).request["messages"] == [user(text("brief"))]
    assert check(request(system("brief"), user("go"), model="someone/else"), ANTHROPIC) == []


def test_an_empty_assistant_message_at_the_end_goes() -> None:
    assert repair(request(user("go"), assistant(""), model=NEWER_MODEL), ANTHROPIC).request["messages"] == [user("go")]


def test_an_empty_user_message_at_the_beginning_stays_as_one() -> None:
    given = request(user(""), assistant("hi"), user("go"))
    assert repair(given, ANTHROPIC).request["messages"][0] == user("(empty message)")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}, image()),
        (
            {"type": "input_image", "image_url": "https://example.com/a.png"},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:x"}},
            text('{"type":"image_url","image_url":{"url":"data:x"}}'),
        ),
        ({"type": "refusal", "refusal": "No."}, text("No.")),
        ({"type": "toolUse", "name": "n"}, text('{"type":"toolUse","name":"n"}')),
        ({"text": "x"}, text("x")),
        ({"source": 1}, text('{"source":1}')),
        ({"type": 7, "text": "x"}, text("x")),
    ],
)
def test_a_foreign_block_is_translated(block: Json, expected: Json) -> None:
    assert repair(request(user("go", block)), ANTHROPIC).request["messages"][0]["content"][1] == expected


def test_blocks_without_type_get_the_one_their_fields_show() -> None:
    bare_call = {key: value for key, value in A.items() if key != "type"}
    bare_result = {key: value for key, value in result("a").items() if key != "type"}
    given = request(user("go"), assistant(bare_call), user(bare_result))
    assert repair(given, ANTHROPIC).request["messages"] == [user("go"), assistant(A), user(result("a"))]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ('{"a": NaN}', {"INVALID_JSON": '{"a": NaN}'}),
        ("", {}),
        (None, {}),
        (7, {"INVALID_JSON": "7"}),
    ],
)
def test_input_that_is_no_object_becomes_one_that_keeps_what_it_said(sent: Any, expected: Json) -> None:
    given = request(user("go"), assistant({**A, "input": sent}), user(result("a")))
    assert repair(given, ANTHROPIC).request["messages"][1]["content"][0]["input"] == expected


def test_a_result_becomes_text_with_all_it_held_and_its_cache_marker() -> None:
    marker = {"cache_control": {"type": "ephemeral"}}
    orphan = result("x", [text("look"), image(), {"type": "tool_reference", "tool_name": "n"}], is_error=True, **marker)
    assert repair(request(user(orphan)), ANTHROPIC).request["messages"] == [
        user(
            text("[Result of tool call x, an error]"),
            text("look"),
            image(),
            text('{"type":"tool_reference","tool_name":"n"}', **marker),
        )
    ]


def test_a_picture_alone_in_an_error_leaves_a_word_behind() -> None:
    given = request(user("go"), assistant(A), user(result("a", [image()], is_error=True)))
    assert repair(given, ANTHROPIC).request["messages"][2] == user(
        result("a", "(What the tool returned stands behind the results.)", is_error=True), image()
    )
