"""The tools that a request defines: their names, their schemas, and what refers to them."""

import copy
from typing import Any

import pytest
from conversations import JUNK
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_talk import assistant, call, request, result, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Context
from antiphon.protocol.dialects import DIALECTS, dialect
from antiphon.protocol.messages import Json
from antiphon.protocol.schemas import corrected, flattened, is_schema
from antiphon.protocol.tool_definitions import derived_name, renamed

ANTHROPIC = dialect("anthropic")
SENT = Context("2023-06-01", frozenset())
SCHEMA: Json = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
SEARCH: Json = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
DEFERRED = "At least one tool must have defer_loading=false. All tools cannot be deferred."
AMBIGUOUS = "Empty list of domains is ambiguous. Provide at least one domain or null."
UNEXPECTED = "found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'"
WEB: Json = {"type": "web_search_20250305", "name": "web_search"}


def tool(name: Any = "read_file", **fields: Any) -> Json:
    return {"name": name, "input_schema": SCHEMA, **fields}


def defining(*tools: Any, **params: Any) -> Json:
    return request(user("go"), tools=list(tools), **params)


def told(given_request: Json, upstream: str = "anthropic") -> list[str]:
    return [found.text for found in check(given_request, dialect(upstream), context=SENT)]


def rules(given_request: Json, upstream: str = "anthropic") -> set[str]:
    return {found.rule for found in check(given_request, dialect(upstream), context=SENT)}


def repaired(given_request: Json, upstream: str = "anthropic") -> Json:
    before = copy.deepcopy(given_request)
    outcome = repair(given_request, dialect(upstream), context=SENT)
    assert outcome.remaining == ()
    assert repair(outcome.request, dialect(upstream), context=SENT).request is outcome.request
    assert given_request == before
    return outcome.request


def tools_of(given_request: Json, upstream: str = "anthropic") -> list[Json]:
    return repaired(given_request, upstream)["tools"]


@pytest.mark.parametrize(
    "given_request",
    [
        defining(),
        defining(tool(), tool("Write-File_2"), tool("x" * 64)),
        defining(tool(type="custom"), tool("b", type=None), tool("c", description="")),
        defining(
            WEB, SEARCH, {"type": "mcp_toolset", "mcp_server_name": "s"}, {"type": "of_tomorrow_20270101", "a": 1}
        ),
        defining({"type": "bash_20250124", "name": "bash"}, tool(defer_loading=True)),
        defining({**WEB, "allowed_domains": ["a.b"], "blocked_domains": None}),
        defining(
            tool(input_schema={"type": "object"}), tool("b", input_schema={"type": "object", "$schema": "http://x"})
        ),
        defining(tool(input_schema={**SCHEMA, "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}})),
        defining(
            tool(input_schema={**SCHEMA, "properties": {"required": True, "properties": {}, "type": {"type": "null"}}})
        ),
        defining(tool(input_schema={**SCHEMA, "nullable": True, "default": None, "additionalProperties": False})),
        defining(*(tool(f"t{n}", strict=True) for n in range(20)), tool("t20", strict=False)),
        defining(tool(), tool_choice={"type": "tool", "name": "read_file", "disable_parallel_tool_use": True}),
        defining(tool(), tool_choice={"type": "none"}),
        defining(tool(), tool_choice=None),
        defining(tool_choice={"type": "auto"}),
        defining(mcp_servers=[{"name": "s"}], tool_choice={"type": "tool", "name": "s_read"}),
        request(user("go"), tools=None),
        request(user("go"), assistant(call("a", "gone.tool")), user(result("a")), tools=[tool()]),
        request(user("go"), assistant(call("a")), user(result("a"))),
    ],
)
def test_tools_as_they_may_be_unusual_or_unknown_are_left_alone(given_request: Json) -> None:
    assert told(given_request) == []
    assert repair(given_request, ANTHROPIC, context=SENT).request is given_request


NO_TOOLS: list[tuple[Any, list[str], Any]] = [
    ({}, ["tools: Input should be a valid list"], None),
    ([7, tool()], ["tools.0: Input should be a valid dictionary or object to extract fields from"], [tool()]),
    ([tool(""), tool()], ["tools.0.custom.name: String should have at least 1 character"], [tool()]),
    ([tool(None), tool()], ["tools.0.custom.name: Input should be a valid string"], [tool()]),
    ([{"input_schema": SCHEMA}], ["tools.0.custom.name: Field required"], []),
    ([tool(type=7)], ["tools.0.type: Input should be a valid string"], [tool()]),
    ([tool(), tool()], ["tools: Tool names must be unique."], [tool()]),
    ([tool(), tool(cache_control={"type": "ephemeral"})], ["tools: Tool names must be unique."], [tool()]),
    ([WEB, {**WEB, "type": "web_search_20260209"}], ["tools: Tool names must be unique."], [WEB]),
    ([tool(defer_loading=True)], [DEFERRED], [tool()]),
    (
        [{**WEB, "allowed_domains": [], "blocked_domains": []}],
        [f"tools.0.web_search_20250305.{field}: {AMBIGUOUS}" for field in ("allowed_domains", "blocked_domains")],
        [WEB],
    ),
]


@pytest.mark.parametrize(("tools", "texts", "expected"), NO_TOOLS)
def test_what_is_no_tool_or_there_twice_goes(tools: Any, texts: list[str], expected: Any) -> None:
    given_request = request(user("go"), tools=tools)
    assert told(given_request) == texts
    assert repaired(given_request).get("tools") == expected


@pytest.mark.parametrize(
    "foreign",
    [
        {"type": "function", "function": {"name": "read_file", "parameters": SCHEMA}},
        {"function": {"name": "read_file", "parameters": SCHEMA}},
        {"type": "function", "name": "read_file", "parameters": SCHEMA},
        {"toolSpec": {"name": "read_file", "inputSchema": {"json": SCHEMA}}},
        {"name": "read_file", "inputSchema": SCHEMA},
    ],
)
def test_a_tool_of_another_api_is_written_as_this_one_wants_it(foreign: Json) -> None:
    assert rules(defining({**foreign, "cache_control": {"type": "ephemeral"}})) == {"TO002"}
    assert tools_of(defining({**foreign, "cache_control": {"type": "ephemeral"}})) == [
        tool(cache_control={"type": "ephemeral"})
    ]


def test_a_tool_that_is_renamed_is_renamed_wherever_it_is_named_and_nowhere_else() -> None:
    found = {"type": "tool_reference", "tool_name": "fs.read"}
    given_request = request(
        user("use fs.read"),
        assistant(call("a", "fs.read", path="fs.read"), call("b", "other")),
        user(result("a", [found, text("fs.read")]), result("b", "fs.read")),
        assistant("fs.read"),
        user("go on"),
        tools=[tool("other"), tool("fs.read", description="fs.read")],
        tool_choice={"type": "tool", "name": "fs.read"},
    )
    outcome = repaired(given_request)
    (name,) = renamed(given_request, outcome)
    assert renamed(given_request, outcome) == {name: "fs.read"}
    assert name == derived_name("fs.read") == "fs_read_2d46ce7c"
    assert outcome["tools"] == [tool("other"), tool(name, description="fs.read")]
    assert outcome["tools"][0] is given_request["tools"][0]
    assert outcome["tool_choice"] == {"type": "tool", "name": name}
    before, after = given_request["messages"], outcome["messages"]
    assert after[1]["content"] == [call("a", name, path="fs.read"), call("b", "other")]
    assert after[2]["content"] == [result("a", [{**found, "tool_name": name}, text("fs.read")]), result("b", "fs.read")]
    assert [new is old for new, old in zip(after, before, strict=True)] == [True, False, False, True, True]


@pytest.mark.parametrize("name", ["a b", "a.b", "ä", "a" * 129, "\ud800", ".", "💥/" * 90])
def test_whatever_a_tool_is_called_its_new_name_is_valid_everywhere(name: str) -> None:
    assert rules(defining(tool(name))) == {"TO003"}
    (new,) = (found["name"] for found in tools_of(defining(tool(name))))
    assert len(new) <= 64
    assert new[0].isalpha()
    assert told(defining(tool(new)), "bedrock") == []
    assert renamed(defining(tool(name)), defining(tool(new))) == {new: name}


def test_names_that_differ_only_in_what_is_not_allowed_stay_different() -> None:
    outcome = tools_of(defining(tool("a.b"), tool("a:b"), tool("a_b")))
    names = [found["name"] for found in outcome]
    assert len(set(names)) == 3
    assert names[2] == "a_b"


def test_a_new_name_that_the_client_uses_itself_is_not_given_twice() -> None:
    given_request = defining(tool("a.b"), tool(derived_name("a.b")))
    outcome = repaired(given_request)
    assert [found["name"] for found in outcome["tools"]] == [derived_name("a.b", 1), derived_name("a.b")]
    assert renamed(given_request, outcome) == {derived_name("a.b", 1): "a.b"}


def test_of_different_tools_with_one_name_the_first_keeps_it() -> None:
    tools = [tool(), tool(description="b"), tool(description="c"), tool(description="b")]
    given_request = request(user("go"), assistant(call("a")), user(result("a")), tools=tools)
    outcome = repaired(given_request)
    names = [found["name"] for found in outcome["tools"]]
    assert names == ["read_file", derived_name("read_file", 1), derived_name("read_file", 2)]
    assert outcome["messages"] is given_request["messages"]
    assert renamed(given_request, outcome) == dict.fromkeys(names[1:], "read_file")


def test_a_tool_of_the_server_keeps_its_name_before_one_of_the_clients_own() -> None:
    given_request = request(
        user("go"), assistant(call("a", "web_search")), user(result("a")), tools=[tool("web_search"), WEB]
    )
    outcome = repaired(given_request)
    name = derived_name("web_search", 1)
    assert outcome["tools"] == [tool(name), WEB]
    assert outcome["messages"][1]["content"] == [call("a", name)]
    assert renamed(given_request, outcome) == {name: "web_search"}


def test_a_name_of_up_to_128_characters_is_shortened_where_that_may_be_needed() -> None:
    long = defining(tool("x" * 128))
    assert told(long) == []
    assert told(long, "bedrock") == ["tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"]
    for name in ("anthropic", "bedrock", "compatible"):
        assert [len(found["name"]) for found in tools_of(long, name)] == [57]
    assert tools_of(long, "template") == long["tools"]


@pytest.mark.parametrize(
    ("schema", "rule", "expected"),
    [
        ({"properties": {}}, "TO007", {"type": "object", "properties": {}}),
        (None, "TO008", {"type": "object", "properties": {}}),
        ("object", "TO008", {"type": "object", "properties": {}}),
        ({"type": None}, "TO008", {"type": "object"}),
        ({"type": ["object", "null"]}, "TO008", {"type": "object"}),
        ({"type": "dict", "properties": {}}, "TO008", {"type": "object", "properties": {}}),
        (
            {"type": "string"},
            "TO008",
            {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]},
        ),
        ({"type": "object", "properties": None}, "TO010", {"type": "object"}),
        ({"type": "object", "anyOf": []}, "TO009", {"type": "object", "properties": {}}),
    ],
)
def test_a_schema_becomes_that_of_an_object(schema: Any, rule: str, expected: Json) -> None:
    given_request = defining(tool(input_schema=schema))
    assert rule in rules(given_request)
    assert tools_of(given_request) == [tool(input_schema=expected)]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "any", "title": "x"}, {"title": "x"}),
        ({"type": "Int"}, {"type": "integer"}),
        ({"type": ["str", "null", 7]}, {"type": ["null"]}),
        ({"items": None}, {}),
        (
            {"items": [{"type": "str"}], "additionalItems": False},
            {"prefixItems": [{"type": "string"}], "items": False},
        ),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"maximum": 1, "exclusiveMaximum": False}, {"maximum": 1}),
        ({"enum": "a", "additionalProperties": "no", "oneOf": []}, {}),
        (
            {"properties": {"a": {"type": "string", "required": True}, "b": 7, "c": {"required": False}}},
            {"properties": {"a": {"type": "string"}, "b": {}, "c": {}}, "required": ["a"]},
        ),
        ({"required": ["a", 7, None]}, {"required": ["a"]}),
        ({"$defs": {"x": {"type": "float"}}, "not": 3}, {"$defs": {"x": {"type": "number"}}}),
    ],
)
def test_what_older_drafts_and_hands_wrote_is_said_in_the_words_of_2020_12(schema: Json, expected: Json) -> None:
    whole = {"type": "object", "properties": {"x": schema}}
    assert not is_schema(whole)
    fixed = corrected(whole)
    assert fixed == {"type": "object", "properties": {"x": expected}}
    assert is_schema(fixed)


def test_a_schema_that_says_it_is_of_an_older_draft_may_use_its_words() -> None:
    pair = {"type": "array", "items": [{"type": "string"}, {"type": "integer", "minimum": 1, "exclusiveMinimum": True}]}
    older: Json = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"pair": pair}}
    assert is_schema(older)
    assert not is_schema({**older, "$schema": "https://json-schema.org/draft/2020-12/schema"})
    broken = {**older, "properties": {"pair": {**pair, "items": [{"type": "str"}]}}}
    assert not is_schema(broken)
    assert corrected(broken) == {
        "type": "object",
        "properties": {"pair": {"type": "array", "prefixItems": [{"type": "string"}]}},
    }


def test_a_choice_at_the_top_of_a_schema_becomes_one_schema_that_allows_as_much() -> None:
    schema: Json = {
        "type": "object",
        "description": "d",
        "properties": {"limit": {"type": "integer"}},
        "required": ["limit"],
        "oneOf": [
            {"properties": {"path": {"type": "string"}, "kind": {"const": "file"}}, "required": ["path", "kind"]},
            {"$ref": "#/$defs/web"},
        ],
        "allOf": [{"properties": {"deep": {"type": "boolean"}}, "required": ["deep"]}, {"if": {}, "then": False}],
        "$defs": {
            "web": {"properties": {"url": {"type": "string"}, "kind": {"const": "web"}}, "required": ["kind", "url"]}
        },
    }
    assert flattened(schema) == {
        "type": "object",
        "description": "d",
        "properties": {
            "limit": {"type": "integer"},
            "path": {"type": "string"},
            "kind": {"anyOf": [{"const": "file"}, {"const": "web"}]},
            "url": {"type": "string"},
            "deep": {"type": "boolean"},
        },
        "required": ["limit", "kind", "deep"],
        "$defs": schema["$defs"],
    }


@pytest.mark.parametrize(
    ("choice", "text", "expected"),
    [
        (
            "required",
            "tool_choice: Input should be a valid dictionary or object to extract fields from",
            {"type": "any"},
        ),
        ("auto", "tool_choice: Input should be a valid dictionary or object to extract fields from", {"type": "auto"}),
        ({}, "tool_choice: Unable to extract tag using discriminator 'type'", {"type": "auto"}),
        (
            {"type": "required", "disable_parallel_tool_use": True},
            f"tool_choice: Input tag 'required' {UNEXPECTED}",
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        (
            {"type": "function", "function": {"name": "read_file"}},
            f"tool_choice: Input tag 'function' {UNEXPECTED}",
            {"type": "tool", "name": "read_file"},
        ),
        ({"type": "tool"}, "tool_choice.tool.name: Field required", {"type": "auto"}),
        (
            {"type": "tool", "name": "gone", "disable_parallel_tool_use": True},
            "Tool 'gone' not found in provided tools",
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_a_choice_is_said_as_this_api_wants_it_or_left_to_the_model(choice: Any, text: str, expected: Json) -> None:
    assert told(defining(tool(), tool_choice=choice)) == [text]
    assert repaired(defining(tool(), tool_choice=choice))["tool_choice"] == expected


def test_without_tools_nothing_can_be_chosen() -> None:
    bare = request(user("go"), tool_choice={"type": "any"})
    requests: list[Json] = [bare, {**bare, "tools": []}]
    for given_request in requests:
        assert told(given_request) == ["tool_choice may only be specified while providing tools."]
        assert "tool_choice" not in repaired(given_request)


def test_where_messages_bring_tools_of_their_own_a_choice_may_be_one_of_them() -> None:
    added = {"type": "tool_addition", "tool": tool("later")}
    given_request = request(
        user("go"),
        {"role": "system", "content": [added]},
        model="claude-opus-5",
        tools=[tool()],
        tool_choice={"type": "tool", "name": "later"},
    )
    assert "TO013" not in rules(given_request)


def test_a_reference_to_a_tool_that_is_gone_says_so() -> None:
    gone, here = ({"type": "tool_reference", "tool_name": name} for name in ("gone", "read_file"))
    searched = {
        "type": "tool_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "tool_search_tool_search_result", "tool_references": [gone, here]},
    }
    use: Json = {"type": "server_tool_use", "id": "srvtoolu_1", "name": SEARCH["name"], "input": {}}
    given_request = request(
        user("go"),
        assistant(use, searched, call("a")),
        user(result("a", [gone, here])),
        tools=[SEARCH, tool(defer_loading=True)],
    )
    assert told(given_request) == [
        "messages.1.content.1: Tool reference 'gone' has no corresponding tool definition",
        "messages.2.content.0: Tool reference 'gone' has no corresponding tool definition",
    ]
    messages = repaired(given_request)["messages"]
    assert messages[1]["content"][1]["content"]["tool_references"] == [here]
    assert messages[2]["content"][0]["content"] == [
        text("(The tool gone was found here. It is not available any more.)"),
        here,
    ]
    stored = {"messages": given_request["messages"]}
    assert check(stored, ANTHROPIC) == []


def test_bedrock_wants_tools_where_there_are_calls_and_descriptions_that_say_something() -> None:
    history = request(user("go"), assistant(call("a")), user(result("a")))
    assert told(history, "bedrock") == ["Requests which include `tool_use` or `tool_result` blocks must define tools"]
    assert [found["name"] for found in tools_of(history, "bedrock")] == ["unavailable_tool"]
    assert check(history, dialect("bedrock")) == []
    blank = defining(tool(description=" "), tool("b"))
    assert told(blank, "bedrock") == ["tools.0.custom.description: String should have at least 1 character"]
    assert tools_of(blank, "bedrock") == [tool(), tool("b")]


def test_the_twenty_first_strict_tool_is_strict_no_more() -> None:
    given_request = defining(*(tool(f"t{n}", strict=True) for n in range(22)))
    assert told(given_request) == ["Too many strict tools (22)."]
    assert [found.get("strict") for found in tools_of(given_request)] == [True] * 20 + [None] * 2


NAMES = st.sampled_from(["read_file", "a.b", "a:b", "a_b", "", "x" * 70, "web_search", "x" * 200, "\ud800"]) | st.text()
KEYWORDS = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "$defs",
        "enum",
        "exclusiveMinimum",
        "minimum",
    ]
)
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    JUNK | st.sampled_from(["object", "string", ["object", "null"], True, SCHEMA]),
    lambda inner: st.dictionaries(KEYWORDS | NAMES, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=6,
)
TOOLS = JUNK | st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES | JUNK,
        "type": st.sampled_from(["custom", "function", "web_search_20250305", None, 3]),
        "input_schema": SCHEMAS,
        "parameters": SCHEMAS,
        "function": st.fixed_dictionaries({"name": NAMES | JUNK, "parameters": SCHEMAS}) | JUNK,
        "description": JUNK,
        "defer_loading": st.booleans(),
        "strict": st.booleans(),
        "cache_control": st.just({"type": "ephemeral"}),
        "allowed_domains": st.just([]) | JUNK,
    },
)
CHOICES = JUNK | st.fixed_dictionaries({"type": st.sampled_from(["tool", "any", "function"])}, optional={"name": NAMES})


@pytest.mark.parametrize("upstream", [name for name, found in DIALECTS.items() if found.form is None])
@settings(deadline=None, max_examples=25)
@given(tools=st.lists(TOOLS, max_size=5) | JUNK, choice=CHOICES, names=st.lists(NAMES, max_size=2))
def test_whatever_is_defined_becomes_tools_and_every_new_name_has_an_old_one(
    upstream: str, tools: Any, choice: Any, names: list[str]
) -> None:
    calls = [call(f"toolu_{n}", name or "x") for n, name in enumerate(names)]
    history = [assistant(*calls), user(*(result(block["id"]) for block in calls))] if calls else []
    given_request = request(user("go"), *history, tools=tools, tool_choice=choice)
    outcome = repair(given_request, dialect(upstream), context=SENT)
    assert outcome.remaining == ()
    assert repair(outcome.request, dialect(upstream), context=SENT).request is outcome.request
    if upstream != "template":
        defined: list[Any] = outcome.request.get("tools") or []
        after = [found["name"] for found in defined if isinstance(found.get("name"), str) and found["name"]]
        known = renamed(given_request, outcome.request)
        assert set(known) <= set(after)
        assert len(set(after)) == len(after)
        assert all(name in known or repr(name) in repr(tools) for name in after if name != "unavailable_tool")
