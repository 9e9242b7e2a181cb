"""Strategies: conversations that the API takes, what damages them, and JSON that was never a conversation."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from wire_talk import assistant, call, found, image, lost, request, result, search, text, thinking, user

from antiphon.protocol.messages import Json, is_array, is_object

Damage = Callable[[list[Any]], list[Any]]

WORDS = st.sampled_from(["go", "look at a.py", " spaces around ", "yes", "näher \U0001f600", '{"type":"tool_use"}'])


@st.composite
def valid_conversations(draw: st.DrawFn, *, max_turns: int = 5) -> Json:
    """A conversation that every dialect takes; each call and its result carry the same number."""
    numbers = iter(range(1000))
    messages: list[Json] = [user(draw(WORDS))]
    for _ in range(draw(st.integers(0, max_turns))):
        messages += draw(_turns(numbers))
    if draw(st.booleans()):
        messages.append(assistant(text("done")))
        messages.append(user(text("thanks"), image()))
    params: Json = draw(
        st.sampled_from(
            [
                {},
                {"system": "be brief"},
                {"thinking": {"type": "adaptive"}, "model": "claude-sonnet-4-6"},
                {"thinking": {"type": "enabled", "budget_tokens": 1024}},
                {"brand_new": {"a": 1}},
            ]
        )
    )
    if params.get("thinking", {}).get("type") == "enabled":
        messages = [_with_thinking_first(message) for message in messages]
    return request(*messages, **params)


def _with_thinking_first(message: Json) -> Json:
    """Return a message as a model in manual mode writes it."""
    if message["role"] != "assistant" or message["content"][0]["type"] == "thinking":
        return message
    return {**message, "content": [thinking(), *message["content"]]}


@st.composite
def _turns(draw: st.DrawFn, numbers: Any) -> list[Json]:
    blocks: list[Json] = []
    results: list[Json] = []
    if draw(st.booleans()):
        blocks.append(thinking())
    if draw(st.booleans()):
        blocks.append(text(draw(WORDS), **draw(_FIELDS)))
    if draw(st.integers(0, 5)) == 0:
        number = next(numbers)
        blocks += [search(f"srvtoolu_{number}"), found(f"srvtoolu_{number}")]
    for _ in range(draw(st.integers(0, 4))):
        number = next(numbers)
        blocks.append({**call(f"toolu_{number}", number=number), **draw(_FIELDS)})
        results.append({**draw(_results(number)), **draw(_FIELDS)})
        if draw(st.integers(0, 6)) == 0:
            blocks.append(thinking(f"between {number}"))
    if not results:
        return [assistant(*blocks or [text("well")]), user(draw(WORDS))]
    if blocks[-1]["type"] == "thinking":
        blocks.pop()
    # Ids that backends reuse in each reply belong to the damage, not to this.
    return [
        {**assistant(*blocks), **draw(_FIELDS)},
        user(*results, *draw(st.sampled_from([[], [text("and?")], [image()]]))),
    ]


_FIELDS: st.SearchStrategy[Json] = st.sampled_from(
    [{}, {}, {}, {"brand_new": True}, {"of_tomorrow": {"type": "ephemeral"}}]
)


def _results(number: int) -> st.SearchStrategy[Json]:
    i = f"toolu_{number}"
    said = f"<{number}>"
    return st.sampled_from(
        [
            result(i, said),
            result(i, [text(said)]),
            result(i, [text(said), image()]),
            result(i, said, is_error=True),
            result(i, [image(), text(said)], is_error=False),
        ]
    )


@st.composite
def damaged_conversations(draw: st.DrawFn, whole: st.SearchStrategy[Json] | None = None) -> Json:
    """A conversation with one to six faults of the kinds that clients, crashes and gateways make."""
    given = copy.deepcopy(draw(valid_conversations() if whole is None else whole))
    messages: list[Any] = given["messages"]
    for _ in range(draw(st.integers(1, 6))):
        if not messages:
            break
        damage = draw(st.sampled_from(_DAMAGES))
        messages = damage(draw, messages)
    return {**given, "messages": messages}


def _index(draw: st.DrawFn, items: list[Any]) -> int:
    return draw(st.integers(0, len(items) - 1))


def _with_blocks(draw: st.DrawFn, messages: list[Any], change: Callable[[list[Any]], list[Any]]) -> list[Any]:
    indices = [n for n, message in enumerate(messages) if is_object(message) and message.get("content")]
    if not indices:
        return messages
    index = draw(st.sampled_from(indices))
    content: Any = messages[index]["content"]
    blocks: Any = [text(content)] if isinstance(content, str) else content
    if not is_array(blocks):
        return messages
    return [*messages[:index], {**messages[index], "content": change(list(blocks))}, *messages[index + 1 :]]


def _drop_message(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index = _index(draw, messages)
    return messages[:index] + messages[index + 1 :]


def _repeat_message(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index, to = _index(draw, messages), _index(draw, messages)
    return [*messages[:to], copy.deepcopy(messages[index]), *messages[to:]]


def _swap_messages(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    a, b = _index(draw, messages), _index(draw, messages)
    swapped = list(messages)
    swapped[a], swapped[b] = messages[b], messages[a]
    return swapped


def _cut(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index = _index(draw, messages)
    return messages[index:] if draw(st.booleans()) else messages[: index + 1]


def _drop_block(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    def change(blocks: list[Any]) -> list[Any]:
        index = _index(draw, blocks)
        return blocks[:index] + blocks[index + 1 :]

    return _with_blocks(draw, messages, change)


def _repeat_block(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    return _with_blocks(draw, messages, lambda blocks: [*blocks, copy.deepcopy(blocks[_index(draw, blocks)])])


def _shuffle_blocks(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    return _with_blocks(draw, messages, lambda blocks: draw(st.permutations(blocks)))


def _move_block(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    moved: list[Any] = []

    def take(blocks: list[Any]) -> list[Any]:
        moved.append(blocks.pop(_index(draw, blocks)))
        return blocks

    return _with_blocks(draw, _with_blocks(draw, messages, take), lambda blocks: [*blocks, *moved[:1]])


def _insert_block(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    block = copy.deepcopy(draw(st.sampled_from(_INTRUDERS)))

    def change(blocks: list[Any]) -> list[Any]:
        index = _index(draw, blocks)
        return [*blocks[:index], block, *blocks[index:]]

    return _with_blocks(draw, messages, change)


def _split_message(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index = _index(draw, messages)
    message = messages[index]
    content: Any = message.get("content") if is_object(message) else None
    if not is_array(content):
        return messages
    at = draw(st.integers(0, len(content)))
    parts = [{**message, "content": content[:at]}, {**message, "content": content[at:]}]
    return [*messages[:index], *parts, *messages[index + 1 :]]


def _insert_message(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index = _index(draw, messages)
    return [*messages[:index], copy.deepcopy(draw(st.sampled_from(_INTERLOPERS))), *messages[index:]]


def _change_role(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index = _index(draw, messages)
    role = draw(st.sampled_from(["user", "assistant", "system", "tool", "human", "", None, 3]))
    if not isinstance(messages[index], dict):
        return messages
    return [*messages[:index], {**messages[index], "role": role}, *messages[index + 1 :]]


_BAD_IDS: list[Any] = [
    "functions.read_file:0",
    "a|b",
    "a.b",
    "",
    "é",
    "x" * 200,
    None,
    5,
    ["toolu_1"],
    {"a": 1},
    "toolu_0",
    "toolu_1",
]


def _change_id(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    """Give one id another form, in one place or wherever it stands."""
    new = draw(st.sampled_from(_BAD_IDS))
    everywhere = draw(st.booleans())
    old: list[Any] = []

    def change(blocks: list[Any]) -> list[Any]:
        index = _index(draw, blocks)
        block = blocks[index]
        field = next((name for name in ("id", "tool_use_id") if isinstance(block, dict) and name in block), None)
        if field is not None:
            old.append(block[field])
            blocks[index] = {**block, field: new}
        return blocks

    changed = _with_blocks(draw, messages, change)
    if not everywhere or not old or not isinstance(old[0], str):
        return changed
    return json.loads(json.dumps(changed).replace(json.dumps(old[0]), json.dumps(new)))


def _corrupt_block(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    def change(blocks: list[Any]) -> list[Any]:
        index = _index(draw, blocks)
        if isinstance(blocks[index], dict):
            field = draw(st.sampled_from(["input", "content", "text", "name", "type", "is_error", "id", "tool_use_id"]))
            blocks[index] = {**blocks[index], field: draw(st.sampled_from(_WRONG_VALUES))}
        return blocks

    return _with_blocks(draw, messages, change)


_WRONG_VALUES: list[Any] = [None, "", [], {}, 7, " ", ["x", None], '{"a": 1}', True]


def _replace_by_junk(draw: st.DrawFn, messages: list[Any]) -> list[Any]:
    index = _index(draw, messages)
    return [*messages[:index], draw(JUNK), *messages[index + 1 :]]


_INTRUDERS: list[Any] = [
    text("[reminder]"),
    text(""),
    text(" "),
    image(),
    None,
    "bare text",
    7,
    {"type": "reasoning", "text": "hm"},
    {"text": "no type"},
    {"type": "of_tomorrow", "data": 1},
    call("toolu_0", number=0),
    call("toolu_0", number=77),
    result("toolu_0", "<77>"),
    lost("toolu_0"),
    lost("toolu_1"),
    search("srvtoolu_9"),
    thinking("late"),
]
_INTERLOPERS: list[Any] = [
    user("[reminder]"),
    user(""),
    user(" "),
    user(),
    assistant(""),
    assistant(text(" ")),
    assistant("hm"),
    {"role": "system", "content": "be careful"},
    {"role": "tool", "tool_call_id": "toolu_0", "content": "<0>"},
    {"role": "user", "content": None},
    {"role": "user"},
    {"role": "user", "content": {"type": "text", "text": "lone"}},
    None,
    "bare",
]
_DAMAGES: list[Callable[[st.DrawFn, list[Any]], list[Any]]] = [
    _drop_message,
    _repeat_message,
    _swap_messages,
    _cut,
    _drop_block,
    _repeat_block,
    _shuffle_blocks,
    _move_block,
    _insert_block,
    _split_message,
    _insert_message,
    _change_role,
    _change_id,
    _corrupt_block,
    _replace_by_junk,
]

_KEYS = st.sampled_from(
    [
        "role",
        "content",
        "type",
        "id",
        "tool_use_id",
        "input",
        "name",
        "text",
        "is_error",
        "messages",
        "system",
        "source",
    ]
)
_VALUES = st.sampled_from(
    [
        "user",
        "assistant",
        "system",
        "text",
        "tool_use",
        "tool_result",
        "image",
        "thinking",
        "toolu_1",
        "",
        " ",
        "base64",
    ]
)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | _VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)
"""JSON that looks a little like a conversation."""

_JUNK_BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "type": _VALUES | JUNK,
        "id": JUNK,
        "tool_use_id": JUNK,
        "text": JUNK,
        "input": JUNK,
        "name": JUNK,
        "content": JUNK,
        "is_error": JUNK,
        "source": JUNK,
    },
)
JUNK_REQUESTS: st.SearchStrategy[Any] = JUNK | st.fixed_dictionaries(
    {
        "messages": JUNK
        | st.lists(
            JUNK
            | st.fixed_dictionaries(
                {"role": _VALUES | JUNK, "content": JUNK | st.lists(JUNK | _JUNK_BLOCKS, max_size=4)},
            ),
            max_size=6,
        )
    },
    optional={
        "system": JUNK,
        "model": st.sampled_from(["claude-opus-5", "claude-haiku-4-5", "other", 3]),
        "thinking": JUNK,
    },
)
