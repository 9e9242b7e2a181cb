"""Tasks of Roo Code and its heirs, and of Cline: `tasks/<id>/api_conversation_history.json` and its like."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.transcripts.ai_sdk import SdkView, is_sdk
from antiphon.transcripts.aligning import align, weave
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.file_rules import INTERRUPTED_WRITE
from antiphon.transcripts.located import Located
from antiphon.transcripts.requests import cut
from antiphon.transcripts.roo_history import Shown, is_finished, shown
from antiphon.transcripts.text import Text, decode

HISTORY = "api_conversation_history.json"
OLD_HISTORY = "claude_messages.json"
_LEFT_OVER = re.compile(r"\.(api_conversation_history|claude_messages)\.json\.(bak|new)_.*\.tmp")


@dataclass(frozen=True, slots=True)
class _NativeView:
    """A history whose messages are those of the Messages API, and notes beside them."""

    stored: Sequence[Any]
    shown: Sequence[Shown]

    @property
    def messages(self) -> list[Json]:
        """What is sent."""
        return [found.message for found in self.shown]

    @property
    def indices(self) -> list[int]:
        """Where in the file the messages stand that are sent."""
        return [found.index for found in self.shown]

    def restored(self, repaired: Sequence[Json]) -> list[Any]:
        """Return the stored history with repaired messages in place."""
        origins = align(self.messages, repaired)

        def make(position: int, stored: Any) -> Any:
            origin = origins[position]
            if origin is None:
                return self._new(repaired[position], [found for found in origins[:position] if found is not None])
            return self._put(self.shown[origin], stored, repaired[position])

        return weave(self.stored, self.indices, origins, make)

    def _put(self, view: Shown, stored: Any, message: Json) -> Any:
        if message is view.message:
            return stored
        content = message.get("content")
        if view.blocks is not None and is_array(content):
            old = stored["content"]
            origins = align([old[place] for place in view.blocks], content)
            content = weave(old, view.blocks, origins, lambda position, _: message["content"][position])
        return {**(stored if is_object(stored) else {}), **message, "content": content}

    def _new(self, message: Json, before: Sequence[int]) -> Json:
        """Return a message that was not there, said when the one before it was."""
        last = self.stored[self.shown[before[-1]].index] if before else None
        return {**message, "ts": last["ts"]} if is_object(last) and "ts" in last else message


@dataclass(frozen=True, slots=True)
class TaskDocument:
    """A task, read."""

    text: Text
    located: Located
    view: "_NativeView | SdkView"
    conversations: Sequence[Stored]
    findings: Sequence[Finding]

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the file with the repaired conversation; what is not sent stays where it was."""
        value = self.located.value
        (request,) = repaired
        if request is not self.conversations[0].request:
            history = self.view.restored(request.get("messages") or [])
            value = {**value, "messages": history} if is_object(value) else history
        return self.text.encoded(self.located.rendered(value))


def _read(path: Path, data: bytes) -> TaskDocument:
    text = decode(data)
    located = Located(text.text, salvage=True)
    value = located.value
    stored: Any = value.get("messages") if is_object(value) else value
    if not is_array(stored):
        raise Unreadable("a list of messages is wanted, or an object that holds one as `messages`")
    view = SdkView(stored) if is_sdk(stored) else _NativeView(stored, shown(stored))
    lines = located.lines_of(stored, 0 if stored is value else 1)
    conversation = Stored(
        {"messages": view.messages},
        lines=[lines[index] for index in view.indices],
        finished=is_finished(view.messages),
    )
    return TaskDocument(text, located, view, [conversation], [*text.findings, *cut(located), *_interrupted(path)])


def _interrupted(path: Path) -> list[Finding]:
    left_over = _LEFT_OVER.fullmatch(path.name)
    name = f"{left_over[1]}.json" if left_over else ""
    if not name or path.with_name(name).exists():
        return []
    text = f"{name} is not there: its program was stopped while it wrote the file, and this is what it left;"
    return [INTERRUPTED_WRITE.finding(f"{text} renamed to {name} it will be found again")]


@dataclass(frozen=True, slots=True)
class RooFormat:
    """Tasks of Roo Code, Zoo Code, Kilo Code up to 5, and of Cline where they are stored alike."""

    name: str = "roo"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether a file has the name of a task's history."""
        del data
        return path.name in {HISTORY, OLD_HISTORY} or _LEFT_OVER.fullmatch(path.name) is not None

    def read(self, path: Path, data: bytes) -> Document:
        """Read a task.

        Raises:
            Unreadable: it is no JSON, or holds no list of messages.
        """
        return _read(path, data)


@dataclass(frozen=True, slots=True)
class ClineFormat:
    """Tasks of Cline, in VS Code's storage, and sessions of its SDK."""

    name: str = "cline"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether a file is named as a session is, or lies in Cline's storage."""
        if path.name.endswith(".messages.json"):
            return b'"role"' in data
        return path.name in {HISTORY, OLD_HISTORY} and "saoudrizwan.claude-dev" in path.parts

    def read(self, path: Path, data: bytes) -> Document:
        """Read a task or session.

        Raises:
            Unreadable: it is no JSON, or holds no list of messages.
        """
        return _read(path, data)
