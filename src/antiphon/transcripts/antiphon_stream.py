"""What `antiphon --output-format stream-json` prints, and Claude Code in the same words: a message a line.

The prompt is not among the lines; a text stands for it, so that the conversation begins as it did.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.line_items import LineItems
from antiphon.transcripts.lines import Lines, read_lines
from antiphon.transcripts.sniffing import first_objects

_DEPTH = 5
_NAMES = uuid.UUID("0f6b6c1e-46b5-5c2e-8f0e-6a9d3f1b7a52")
PROMPT: Json = {"role": "user", "content": "(The prompt is not part of this record.)"}
"""Stands for the prompt, which is not printed. It is never written."""


@dataclass(frozen=True, slots=True)
class StreamDocument:
    """The lines of one or more runs, read."""

    lines: Lines
    runs: Sequence[LineItems]
    conversations: Sequence[Stored]

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong with the lines."""
        return self.lines.findings

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the lines with repaired messages in place."""
        raw: dict[int, list[bytes]] = {}
        for run, stored, request in zip(self.runs, self.conversations, repaired, strict=True):
            if request is not stored.request:
                messages = request.get("messages")
                kept = [message for message in messages if message is not PROMPT] if is_array(messages) else []
                # The lines of other runs stand outside: each run is written over its own stretch of the file.
                first, last = run.lines[0].number, run.lines[-1].number
                raw[first] = run.rendered(kept, _put, _new)
                raw.update({number: [] for number in range(first + 1, last + 1)})
        every = [raw.get(line.number, [line.rendered(line.value)]) for line in self.lines.lines]
        return self.lines.rendered(part for parts in every for part in parts)


def _put(value: Json, message: Json) -> Json:
    said = value["message"]
    return {**value, "type": message["role"], "message": {**said, **message}}


def _new(value: Json, message: Json) -> Json:
    name = str(uuid.uuid5(_NAMES, f"behind {value.get('uuid')}"))
    fresh: Json = {"type": message["role"], "message": message, "parent_tool_use_id": None}
    return {**fresh, **{key: value[key] for key in ("session_id",) if key in value}, "uuid": name}


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """The lines a run prints."""

    name: str = "antiphon"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether the first lines are those of a run."""
        del path
        return any(_is_init(value) or _is_message(value) for value in first_objects(data))

    def read(self, path: Path, data: bytes) -> Document:
        """Read runs.

        Raises:
            Unreadable: no line holds a message.
        """
        del path
        lines = read_lines(data, depth=_DEPTH)
        runs: list[LineItems] = []
        starts = [index for index, line in enumerate(lines.lines) if _is_init(line.object)]
        for start, end in zip([0, *starts], [*starts, len(lines.lines)], strict=True):
            part = lines.lines[start:end]
            places = [index for index, line in enumerate(part) if _is_message(line.object)]
            if places:
                runs.append(LineItems(part, places, [_bare(part[place].object["message"]) for place in places]))
        if not runs:
            raise Unreadable("no line of this file is a message of a run")
        many = len(runs) > 1
        stored = [_stored(run, f"run {number}" if many else "") for number, run in enumerate(runs, 1)]
        return StreamDocument(lines, runs, stored)


def _is_init(value: Json) -> bool:
    return value.get("type") == "system" and value.get("subtype") == "init" and "session_id" in value


def _is_message(value: Json) -> bool:
    message: Any = value.get("message")
    own = "parent_tool_use_id" in value and value["parent_tool_use_id"] is None and "parentUuid" not in value
    return own and kind_of(value) in {"user", "assistant"} and is_object(message)


def _bare(message: Json) -> Json:
    return {key: message[key] for key in ("role", "content") if key in message}


def _stored(run: LineItems, label: str) -> Stored:
    numbers = [run.lines[place].number for place in run.places]
    messages = list(run.messages)
    if role_of(messages[0]) != "user":
        messages.insert(0, PROMPT)
        numbers.insert(0, numbers[0])
    return Stored({"messages": messages}, lines=numbers, label=label)
