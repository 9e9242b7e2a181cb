"""Sessions of Codex: `$CODEX_HOME/sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl`.

Each line with a `response_item` is one item of a request of the Responses API. A `compacted` line replaces what stands
before it; turns that were rolled back are not sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.line_items import LineItems
from antiphon.transcripts.lines import Lines, read_lines
from antiphon.transcripts.sniffing import first_objects

_DEPTH = 6
_COMPRESSED = b"\x28\xb5\x2f\xfd"
_NOT_SENT = frozenset({"ghost_snapshot", "other"})
_CONTEXT = ("<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<permissions instructions>")
"""How messages of the user's begin that the program wrote."""


@dataclass(slots=True)
class _History:
    """What is sent, as it grows line by line.

    Attributes:
        items: the items, in order.
        places: the index of the line that each of `items` stands in, from `inside` on.
        inside: how many items at the beginning stand together in a line that says what a compaction left.
        compacted: the index of that line, if there is one.
        stored: whether `items` at the beginning are stored, or made here for what a compaction left in words.
    """

    items: list[Json] = field(default_factory=list[Json])
    places: list[int] = field(default_factory=list[int])
    inside: int = 0
    compacted: int | None = None
    stored: bool = True

    def add(self, index: int, item: Json) -> None:
        self.items.append(item)
        self.places.append(index)

    def compact(self, index: int, payload: Json) -> None:
        kept = payload.get("replacement_history")
        self.compacted = index
        self.stored = is_array(kept)
        text = payload.get("message")
        said = [{"type": "input_text", "text": text if isinstance(text, str) else ""}]
        left = kept if is_array(kept) else [{"type": "message", "role": "user", "content": said}]
        self.items = [item for item in left if is_object(item)]
        self.places = []
        self.inside = len(self.items)

    def roll_back(self, turns: Any) -> None:
        prompts = [index for index, item in enumerate(self.items) if _is_prompt(item)]
        if isinstance(turns, int) and turns > 0 and prompts:
            end = max(prompts[max(len(prompts) - turns, 0)], self.inside)
            del self.items[end:]
            del self.places[end - self.inside :]


def _is_prompt(item: Json) -> bool:
    if kind_of(item) != "message" or role_of(item) != "user":
        return False
    content = item.get("content")
    first: Any = content[0] if is_array(content) and content else None
    text = first.get("text") if is_object(first) else None
    return not (isinstance(text, str) and text.lstrip().startswith(_CONTEXT))


@dataclass(frozen=True, slots=True)
class CodexDocument:
    """A rollout, read."""

    lines: Lines
    history: _History
    conversations: Sequence[Stored]

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong with the lines."""
        return self.lines.findings

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the rollout with repaired items in their lines."""
        (request,) = repaired
        items: Any = request.get("input")
        items = items if is_array(items) else []
        history = self.history
        inside = _inside(history, items)
        changed: dict[int, Json] = {}
        if history.compacted is not None and history.stored:
            value = self.lines.lines[history.compacted].object
            old = value["payload"]["replacement_history"]
            new = [*items[:inside], *(item for item in old if not is_object(item))]
            if not _same(old, new):
                changed[history.compacted] = {**value, "payload": {**value["payload"], "replacement_history": new}}
        view = LineItems(self.lines.lines, history.places, history.items[history.inside :])
        return self.lines.rendered(view.rendered(items[inside:], _put, _new, changed))


def _inside(history: _History, items: Sequence[Json]) -> int:
    """Return how many of repaired items belong to what a compaction left: those among it, and those behind nothing."""
    first = {id(item) for item in history.items[: history.inside]}
    if first and history.stored and not history.places:
        return len(items)
    return max((place + 1 for place, item in enumerate(items) if id(item) in first), default=0)


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))


def _put(value: Json, item: Json) -> Json:
    return {**value, "payload": item} if "payload" in value else item


def _new(value: Json, item: Json) -> Json:
    if "payload" not in value:
        return item
    time = {"timestamp": value["timestamp"]} if "timestamp" in value else {}
    return {**time, "type": "response_item", "payload": item}


@dataclass(frozen=True, slots=True)
class CodexFormat:
    """Rollouts of Codex."""

    name: str = "codex"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether the first lines are a rollout's."""
        old = path.name.startswith("rollout-")
        if old and data.startswith(_COMPRESSED):
            return True  # to say so
        head = list(first_objects(data))
        return any(_known(value) or (old and _is_item(value)) for value in head)

    def read(self, path: Path, data: bytes) -> Document:
        """Read a rollout.

        Raises:
            Unreadable: it is compressed, or no line is an item.
        """
        del path
        if data.startswith(_COMPRESSED):
            raise Unreadable("the rollout is compressed; decompress it first (zstd -d)")
        lines = read_lines(data, depth=_DEPTH)
        history = _History()
        for index, line in enumerate(lines.lines):
            _follow(history, index, line.object)
        if not history.items:
            raise Unreadable("no line of this file is an item of a conversation of Codex")
        numbers = [] if history.compacted is None else [history.compacted + 1] * history.inside
        numbers += [lines.lines[place].number for place in history.places]
        return CodexDocument(lines, history, [Stored({"input": history.items}, "openai-responses", numbers)])


def _known(value: Json) -> bool:
    return is_object(value.get("payload")) and kind_of(value) in {"session_meta", "response_item", "turn_context"}


def _is_item(value: Json) -> bool:
    kind = kind_of(value)
    return (kind == "message" and "role" in value) or ("call_id" in value and kind.endswith(("_call", "_call_output")))


def _follow(history: _History, index: int, value: Json) -> None:
    payload: Any = value.get("payload")
    kind = kind_of(value)
    if not is_object(payload):
        # Before there were payloads, a line was an item.
        if _is_item(value) or kind == "reasoning":
            history.add(index, value)
        return
    steps: dict[str, Callable[[], None]] = {
        "response_item": lambda: None if kind_of(payload) in _NOT_SENT else history.add(index, payload),
        "compacted": lambda: history.compact(index, payload),
    }
    if kind in steps:
        steps[kind]()
    elif kind == "event_msg" and kind_of(payload) == "thread_rolled_back":
        history.roll_back(payload.get("num_turns"))
