"""Sessions of Claude Code for tests: lines that name each other, drawn at random and damaged at random."""

import copy
import json
import random
from collections.abc import Sequence
from typing import Any, cast

from antiphon.protocol.messages import Json


def line(uuid: str, parent: str | None, kind: str, content: object = None, **fields: object) -> Json:
    """Return a line of a session; with `content` it is a message."""
    made: Json = {"parentUuid": parent, "isSidechain": False, "sessionId": "s", "version": "2.1.90", "type": kind}
    made |= {"message": {"role": kind, "content": content}} if content is not None else {}
    if kind == "assistant" and "id" in fields:
        made["message"] |= {"id": fields.pop("id"), "model": fields.pop("model", "m")}
    return {**made, **fields, "uuid": uuid, "timestamp": f"at {uuid}"}


def call(name: str) -> list[Json]:
    """Return content that is one call."""
    return [{"type": "tool_use", "id": name, "name": "x", "input": {}}]


def result(name: str) -> list[Json]:
    """Return content that is one result."""
    return [{"type": "tool_result", "tool_use_id": name, "content": f"result of {name}"}]


def text(words: str) -> list[Json]:
    """Return content that is one text."""
    return [{"type": "text", "text": words}]


def as_bytes(lines: Sequence[Json]) -> bytes:
    """Return the file of some lines."""
    return "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in lines).encode()


def random_session(chance: random.Random) -> list[Json]:
    """Return a session of a few turns, whose calls run side by side and end in any order."""
    lines: list[Json] = []

    def add(parent: str | None, kind: str, content: object = None, **fields: object) -> str:
        lines.append(line(f"u{len(lines)}", parent, kind, content, **fields))
        return str(lines[-1]["uuid"])

    last: str | None = None
    for _ in range(chance.randint(1, 5)):
        last = add(last, "user", chance.choice(["hi", text("hi")]))
        for _ in range(chance.randint(0, 3)):
            if chance.random() < 0.2:
                last = add(last, "system", subtype="informational")
            reply = f"msg_{len(lines)}"
            last = add(last, "assistant", text("ok"), id=reply) if chance.random() < 0.4 else last
            calls: list[tuple[str, str]] = []
            for _ in range(chance.randint(0, 4)):
                name = f"c{len(lines)}"
                last = add(last, "assistant", call(name), id=reply)
                calls.append((last, name))
                last = add(last, "progress") if chance.random() < 0.1 else last
            chance.shuffle(calls)
            beside = chance.random() < 0.7
            for parent, name in calls:
                answered = add(parent if beside else last, "user", result(name))
                last = answered if not beside or (parent, name) == calls[-1] else last
    return lines


def damaged(lines: Sequence[Json], chance: random.Random) -> list[Json]:
    """Return a session with up to four faults."""
    lines = copy.deepcopy(list(lines))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(lines))
        chosen, other = lines[place], chance.choice(lines)
        fault = chance.randrange(5)
        if fault == 0 and len(lines) > 1:
            _lose(lines, place, chance)
        elif fault == 1:
            lines.insert(chance.randrange(len(lines)), lines.pop(place))
        elif fault == 2:
            chosen["parentUuid"] = chance.choice([other["uuid"], "gone"])
        elif fault == 3:
            lines.append(copy.deepcopy(chosen))
        elif "message" in chosen and "message" in other:
            _mix(chosen["message"], other["message"], chance)
    return lines


def _lose(lines: list[Json], place: int, chance: random.Random) -> None:
    gone = lines.pop(place)
    for each in lines:
        if each["parentUuid"] == gone["uuid"] and chance.random() < 0.7:
            each["parentUuid"] = gone["parentUuid"]


def _mix(message: Json, other: Json, chance: random.Random) -> None:
    fault = chance.randrange(3)
    content: Any = message["content"]
    if fault == 0:
        message["content"], other["content"] = other["content"], content
    elif fault == 1 and isinstance(content, list):
        message["content"] = [*text("in between"), *content]
    elif isinstance(content, list):
        message["content"] = [_renamed(block, chance.choice(["c1", "c 2"])) for block in cast("list[Json]", content)]


def _renamed(block: Json, name: str) -> Json:
    return {key: name if key in {"id", "tool_use_id"} else value for key, value in block.items()}
