"""A second opinion: the measured behaviour of the API about pairs, roles and empty content, written down once more.

Shares no code with the rules, and is as dumb as it can be, so that both are wrong in the same way only by accident. It
follows the probes (leading run of results, all answered, no orphans, no doubles), not the causes that rules tell apart.
"""

import re
from typing import Any

from antiphon.protocol.context import Dialect
from antiphon.protocol.messages import Json, is_array

_NO_TURN: tuple[str, list[Json]] = ("", [])


def second_opinion(request: Json, dialect: Dialect) -> list[str]:
    """Return what an upstream of this dialect would complain about; see `refuses`."""
    templates = dialect.name == "template"
    return refuses(request, merge=dialect.merges_turns, ordered=dialect.strict_order, system_first=templates)


def refuses(request: Json, *, merge: bool = True, ordered: bool = False, system_first: bool = False) -> list[str]:
    """Return what the API would complain about, as short words; empty for a request that it takes.

    Args:
        request: what is sent.
        merge: neighbouring messages of one role are one turn.
        ordered: results stand in the order of their calls.
        system_first: a system message may come first, as chat templates take it.
    """
    messages: list[Json] = request["messages"]
    said: list[str] = []
    if not messages:
        return ["no messages"]
    if messages[0]["role"] not in ({"user", "system"} if system_first else {"user"}):
        said.append("first")
    turns: list[tuple[str, list[Json]]] = []
    for message in messages:
        content: Any = message["content"]
        blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) and content else []
        blocks = content if is_array(content) else blocks
        said += _about_message(message["role"], blocks)
        if merge and turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], list(blocks)))
    for number, (role, blocks) in enumerate(turns):
        after = turns[number + 1] if number + 1 < len(turns) else _NO_TURN
        before = turns[number - 1] if number else _NO_TURN
        if role == "assistant":
            said += _about_calls(blocks, after[1] if after[0] == "user" else [], ordered=ordered)
        elif role == "user":
            calls = [block.get("id") for block in before[1] if before[0] == "assistant" and block["type"] == "tool_use"]
            answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            said += [f"orphan {i}" for i in answered if i not in calls]
            said += ["double result"] * (len(answered) != len(set(answered)))
    return said


def _about_message(role: str, blocks: list[Json]) -> list[str]:
    said: list[str] = []
    if role == "user" and not blocks:
        said.append("empty user message")
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    said += ["empty text"] * ("" in texts)
    said += ["blank"] * (bool(blocks) and len(texts) == len(blocks) and not any(text.strip() for text in texts))
    for block in blocks:
        if block["type"] == "tool_use":
            said += ["call outside assistant"] * (role != "assistant")
            said += ["id"] * (not re.fullmatch("[a-zA-Z0-9_-]+", str(block.get("id"))))
            said += ["input"] * (not isinstance(block.get("input"), dict))
        if block["type"] == "tool_result":
            said += ["result outside user"] * (role != "user")
            said += ["empty error"] * (block.get("is_error") is True and not block.get("content"))
    return said


def _about_calls(blocks: list[Json], answer: list[Json], *, ordered: bool) -> list[str]:
    calls = [block.get("id") for block in blocks if block["type"] == "tool_use"]
    run: list[Any] = []
    for block in answer:
        if block["type"] != "tool_result":
            break
        run.append(block["tool_use_id"])
    said = [f"missing {i}" for i in calls if i not in run]
    said += ["double call"] * (len(calls) != len(set(calls)))
    return said + ["order"] * (ordered and not said and [i for i in run if i in calls] != calls)
