"""Damages conversations at random, has them repaired, and checks what a repair promises.

As a command::

    python -m antiphon.testing.damages --cases 1000000

Each case is drawn from its seed: a conversation that the API takes, one to five faults in it, and who is upstream.
"""

import copy
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import DIALECTS, in_strict_order
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.testing.second_opinion import second_opinion
from antiphon.testing.seeds import Failure, Trial

UPSTREAMS: tuple[Dialect, ...] = (
    *DIALECTS.values(),
    in_strict_order(DIALECTS["anthropic"]),
)
"""Who is upstream, in turn: all that speak the Messages API."""

Messages = list[Any]
Damage = Callable[[Random, Messages], Messages]


def conversation(chance: Random) -> Json:
    """Return a conversation that every upstream takes; a call and its result carry the same number, as in `<7>`."""
    numbers = iter(range(1000))
    messages: Messages = [_user("go")]
    for _ in range(chance.randint(0, 5)):
        calls = [next(numbers) for _ in range(chance.randint(0, 4))]
        said: list[Json] = [{"type": "text", "text": "let me look"}] if chance.random() < 0.6 or not calls else []
        messages.append({"role": "assistant", "content": said + [_call(number) for number in calls]})
        results = [_result(chance, number) for number in calls]
        more: list[Json] = [] if results and chance.random() < 0.6 else [{"type": "text", "text": "and then?"}]
        messages.append({"role": "user", "content": results + more})
    request: Json = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": messages}
    if chance.random() < 0.3:
        request["system"] = "be brief"
    return {**request, "of_tomorrow": True} if chance.random() < 0.1 else request


def _user(*content: str | Json) -> Json:
    blocks = [{"type": "text", "text": item} if isinstance(item, str) else item for item in content]
    return {"role": "user", "content": blocks}


def _call(number: int) -> Json:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "read_file", "input": {"number": f"<{number}>"}}


def _result(chance: Random, number: int) -> Json:
    said: Any = f"<{number}>"
    if chance.random() < 0.4:
        said = [{"type": "text", "text": said}]
    failed: Json = {"is_error": True} if chance.random() < 0.1 else {}
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": said, **failed}


def _lost(number: int) -> Json:
    said = "No result of this tool call was recorded. The call may or may not have been carried out."
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": said, "is_error": True}


def _index(chance: Random, items: Sequence[Any]) -> int:
    return chance.randrange(len(items))


def _in_a_message(chance: Random, messages: Messages, change: Callable[[list[Any]], list[Any]]) -> Messages:
    """Return the messages with the blocks of one of them changed."""
    indices = [index for index, message in enumerate(messages) if is_object(message) and message.get("content")]
    if not indices:
        return messages
    index = chance.choice(indices)
    content: Any = messages[index]["content"]
    blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    return [*messages[:index], {**messages[index], "content": change(blocks)}, *messages[index + 1 :]]


def _inserted(chance: Random, items: list[Any], new: Any) -> list[Any]:
    index = chance.randint(0, len(items))
    return [*items[:index], new, *items[index:]]


def _shuffled(chance: Random, items: list[Any]) -> list[Any]:
    return chance.sample(items, len(items))


def _drop_message(chance: Random, messages: Messages) -> Messages:
    index = _index(chance, messages)
    return messages[:index] + messages[index + 1 :]


def _repeat_message(chance: Random, messages: Messages) -> Messages:
    return _inserted(chance, messages, copy.deepcopy(chance.choice(messages)))


def _move_message(chance: Random, messages: Messages) -> Messages:
    moved = list(messages)
    return _inserted(chance, moved, moved.pop(_index(chance, moved)))


def _swap_messages(chance: Random, messages: Messages) -> Messages:
    swapped = list(messages)
    a, b = _index(chance, swapped), _index(chance, swapped)
    swapped[a], swapped[b] = swapped[b], swapped[a]
    return swapped


def _cut_beginning(chance: Random, messages: Messages) -> Messages:
    return messages[_index(chance, messages) :]


def _cut_end(chance: Random, messages: Messages) -> Messages:
    return messages[: _index(chance, messages) + 1]


def _insert_message(chance: Random, messages: Messages) -> Messages:
    return _inserted(chance, messages, copy.deepcopy(chance.choice(_INTERLOPERS)))


def _split_message(chance: Random, messages: Messages) -> Messages:
    index = _index(chance, messages)
    message = messages[index]
    content: Any = message.get("content") if is_object(message) else None
    if not is_array(content):
        return messages
    at = chance.randint(0, len(content))
    parts = [{**message, "content": content[:at]}, {**message, "content": content[at:]}]
    return [*messages[:index], *parts, *messages[index + 1 :]]


def _merge_messages(chance: Random, messages: Messages) -> Messages:
    index = _index(chance, messages)
    pair = messages[index : index + 2]
    if not all(is_object(message) and is_array(message.get("content")) for message in pair):
        return messages
    merged = {**pair[0], "content": [block for message in pair for block in message["content"]]}
    return [*messages[:index], merged, *messages[index + 2 :]]


def _change_role(chance: Random, messages: Messages) -> Messages:
    index = _index(chance, messages)
    if not is_object(messages[index]):
        return messages
    role = chance.choice(["user", "assistant", "system", "tool", "human", "", None, 3])
    return [*messages[:index], {**messages[index], "role": role}, *messages[index + 1 :]]


def _drop_block(chance: Random, messages: Messages) -> Messages:
    def change(blocks: list[Any]) -> list[Any]:
        blocks.pop(_index(chance, blocks))
        return blocks

    return _in_a_message(chance, messages, change)


def _repeat_block(chance: Random, messages: Messages) -> Messages:
    return _in_a_message(
        chance, messages, lambda blocks: _inserted(chance, blocks, copy.deepcopy(chance.choice(blocks)))
    )


def _shuffle_blocks(chance: Random, messages: Messages) -> Messages:
    return _in_a_message(chance, messages, lambda blocks: _shuffled(chance, blocks))


def _move_block(chance: Random, messages: Messages) -> Messages:
    moved: list[Any] = []

    def take(blocks: list[Any]) -> list[Any]:
        moved.append(blocks.pop(_index(chance, blocks)))
        return blocks

    without = _in_a_message(chance, messages, take)
    return _in_a_message(chance, without, lambda blocks: [*blocks, *moved])


def _insert_block(chance: Random, messages: Messages) -> Messages:
    new = copy.deepcopy(chance.choice(_INTRUDERS))
    return _in_a_message(chance, messages, lambda blocks: _inserted(chance, blocks, new))


def _corrupt_block(chance: Random, messages: Messages) -> Messages:
    def change(blocks: list[Any]) -> list[Any]:
        index = _index(chance, blocks)
        if isinstance(blocks[index], dict):
            fields = ["input", "text", "name", "type", "is_error", "id", "tool_use_id"]
            blocks[index] = {**blocks[index], chance.choice(fields): chance.choice(_WRONG_VALUES)}
        return blocks

    return _in_a_message(chance, messages, change)


def _change_id(chance: Random, messages: Messages) -> Messages:
    """Give an id another form wherever it stands, as backends and translations do."""
    ids = sorted({block["id"] for block in _blocks(messages, "tool_use") if isinstance(block.get("id"), str)})
    if not ids:
        return messages
    new = json.dumps(chance.choice(_OTHER_IDS))
    return json.loads(json.dumps(messages).replace(json.dumps(chance.choice(ids)), new))


def _gather_results_last(_chance: Random, messages: Messages) -> Messages:
    """Put all results into the last message, as a loop does that answers when everything is done."""
    results = list(_blocks(messages, "tool_result"))
    rest = [
        {**message, "content": [block for block in message["content"] if block not in results]}
        if is_object(message) and is_array(message.get("content"))
        else message
        for message in messages
    ]
    return [*rest, {"role": "user", "content": results}] if results else messages


_INTRUDERS: list[Any] = [
    {"type": "text", "text": "[reminder]"},
    {"type": "text", "text": ""},
    {"type": "text", "text": " "},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    {"type": "reasoning", "text": "hm"},
    {"text": "no type"},
    {"type": "of_tomorrow", "data": 1},
    _call(0),
    {**_call(0), "input": {"number": "<77>"}},
    {"type": "tool_result", "tool_use_id": "toolu_0", "content": "<77>"},
    _lost(0),
    _lost(1),
    None,
    "bare",
    7,
]
_INTERLOPERS: list[Any] = [
    _user("[reminder]"),
    {"role": "user", "content": ""},
    {"role": "user", "content": " "},
    {"role": "user", "content": []},
    {"role": "user", "content": None},
    {"role": "user"},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": [{"type": "text", "text": " "}]},
    {"role": "assistant", "content": "hm"},
    {"role": "system", "content": "be careful"},
    {"role": "tool", "tool_call_id": "toolu_0", "content": "<0>"},
    None,
    "bare",
]
_WRONG_VALUES: list[Any] = [None, "", [], {}, 7, " ", ["x", None], '{"a": 1}', True]
_OTHER_IDS: list[Any] = ["functions.read_file:0", "a|b", "", "é", "x" * 200, None, 5, ["toolu_1"], {"a": 1}, "toolu_0"]
DAMAGES: tuple[Damage, ...] = (
    _drop_message,
    _repeat_message,
    _move_message,
    _swap_messages,
    _cut_beginning,
    _cut_end,
    _insert_message,
    _split_message,
    _merge_messages,
    _change_role,
    _drop_block,
    _repeat_block,
    _shuffle_blocks,
    _move_block,
    _insert_block,
    _corrupt_block,
    _change_id,
    _gather_results_last,
)
"""What clients, crashes and gateways do to conversations."""


def damaged(chance: Random) -> Json:
    """Return a conversation with one to five faults; some cancel each other out."""
    request = conversation(chance)
    messages: Messages = request["messages"]
    for _ in range(chance.randint(1, 5)):
        if messages:
            messages = chance.choice(DAMAGES)(chance, messages)
    return {**request, "messages": messages}


def examine(request: Json, dialect: Dialect) -> list[str]:
    """Have a request repaired, and return which promises that broke."""
    before = json.dumps(request)
    outcome = repair(request, dialect)
    repaired = outcome.request
    if not repaired["messages"]:
        return [] if [found.rule for found in outcome.remaining] == ["MS001"] else ["not all that is left is nothing"]
    broken = [f"still refused: {found.text}" for found in (*outcome.remaining, *check(repaired, dialect))]
    # Templates take what the API does not, such as a system message in front.
    judged = dialect.only_rules is None
    opinion = second_opinion(repaired, dialect) if judged else []
    broken += [f"refused by the second opinion: {text}" for text in opinion]
    broken += ["a repaired request is repaired again"] * (repair(repaired, dialect).request is not repaired)
    broken += ["the same request is repaired to other bytes"] * (
        json.dumps(repair(copy.deepcopy(request), dialect).request) != json.dumps(repaired)
    )
    broken += ["the request itself was changed"] * (json.dumps(request) != before)
    valid = not check(request, dialect.cautious())
    broken += ["a valid request was changed"] * (valid and repaired is not request)
    broken += ["a field was lost"] * (request.get("of_tomorrow") != repaired.get("of_tomorrow"))
    return broken + lost_or_crossed(request, repaired)


def lost_or_crossed(request: Json, repaired: Json) -> list[str]:
    """Return which results of a request a repair lost, or gave to another call.

    Results say a number that their call holds, too. Where several calls share an id, a result may go to any of them.
    """
    said: dict[str, set[str]] = {}
    messages: Messages = request["messages"]
    # Messages of another API may be results, too.
    foreign = [each for each in messages if is_object(each) and "tool_call_id" in each]
    others = (found for each in foreign for found in _number_in(each["tool_call_id"], each))
    for block_id, number in (*_numbers(messages), *others):
        said.setdefault(number, set()).add(block_id)
    asked: dict[str, set[str]] = {}
    for block in [*_blocks(request["messages"], "tool_use"), *_blocks(request["messages"], None)]:
        asked.setdefault(json.dumps(block.get("id")), set()).add(_number_of(block))
    # Wherever it stands: what a system message said may have become part of the system prompt.
    whole = json.dumps(repaired)
    broken = [f"the result {number} is lost" for number in said if number not in whole]
    calls = {json.dumps(block["id"]): block for block in _blocks(repaired["messages"], "tool_use")}
    for block_id, number in _numbers(repaired["messages"]):
        owners = {owner for old in said.get(number, ()) for owner in asked.get(old, ())}
        if number in said and _number_of(calls[block_id]) not in {number, *owners}:
            broken.append(f"the result {number} was given to another call")
    return broken


def _blocks(messages: Messages, kind: str | None) -> Iterator[Json]:
    """Yield the blocks of a type, or those without one that could be."""
    for message in messages:
        content: Any = message.get("content") if is_object(message) else None
        for block in content if is_array(content) else ():
            own: Any = block.get("type") if is_object(block) else ""
            if is_object(block) and (own if isinstance(own, str) and own else None) == kind:
                yield block


def _numbers(messages: Messages) -> Iterator[tuple[str, str]]:
    """Yield id and number of the results that say one."""
    for block in _blocks(messages, "tool_result"):
        yield from _number_in(block.get("tool_use_id"), block)


def _number_in(block_id: Any, result: Json) -> Iterator[tuple[str, str]]:
    content = json.dumps(result.get("content"))
    if "<" in content:
        yield json.dumps(block_id), content[content.index("<") : content.index(">") + 1]


def _number_of(call: Json) -> str:
    """Return the number that a call holds; where its arguments were damaged, what stands there."""
    arguments: Any = call.get("input")
    return str(arguments.get("number")) if is_object(arguments) else str(None)


def first_failure(seeds: Sequence[int]) -> Failure | None:
    """Try the cases of some seeds, and return the first that fails, if there is one."""
    for seed in seeds:
        chance = Random(seed)  # noqa: S311  (damage is no secret)
        request = damaged(chance)
        dialect = UPSTREAMS[seed % len(UPSTREAMS)]
        try:
            broken = examine(request, dialect)
        except Exception:  # noqa: BLE001  (any of them is what is looked for)
            broken = [traceback.format_exc()]
        if broken:
            return Failure(seed, "\n".join([json.dumps(request), f"for {dialect.name}:", *broken]))
    return None


TRIAL = Trial(
    module="antiphon.testing.damages",
    what="cases",
    description="Damage conversations at random, have them repaired, and check what a repair promises.",
    usual=1_000_000,
    verdict="all repaired, no result lost or given to another call",
    first_failure=first_failure,
)

if __name__ == "__main__":
    sys.exit(TRIAL.main())
