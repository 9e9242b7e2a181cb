"""What stored conversations say about themselves beside what was said: title, workspace, times, whose they are.

Looks into the files that Roo Code, its heirs and Cline keep beside a task, and opens nothing else. All of it is a help:
what is not there, or is not what it should be, is left out, and nothing here fails.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of
from antiphon.transcripts.claude_code import ClaudeCodeDocument
from antiphon.transcripts.codex import CodexDocument
from antiphon.transcripts.document import Document, Stored, Unreadable
from antiphon.transcripts.opencode import OpencodeDocument
from antiphon.transcripts.opencode_database import MAGIC, session_facts
from antiphon.transcripts.program_texts import is_note, unwrapped, workspace_in
from antiphon.transcripts.roo import TaskDocument
from antiphon.transcripts.sniffing import first_objects

_EARLIEST = 946_684_800.0
"""2000-01-01: times before it are counters, or nobody's clock."""
_LATEST = 32_503_680_000.0
_LONGEST_SIDECAR = 64 << 20
_GLANCE = 1 << 16
_WORKSPACES = ("workspace", "cwdOnTaskInitialization", "cwd", "workspace_root", "workspaceRoot")
_TITLES = ("title", "task", "prompt")


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a conversation.

    Attributes:
        title: what its program calls it, or empty.
        workspace: the directory it worked in, as it was written down, or empty.
        times: by index of its messages (or items), when each was said, in seconds since 1970; None where nobody knows.
        subagent: it is the work of a subagent, whose result stands in another conversation.
    """

    title: str = ""
    workspace: str = ""
    times: Sequence[float | None] = ()
    subagent: bool = False


def about(path: Path, document: Document) -> list[About]:
    """Return what is known of each conversation of a file."""
    if isinstance(document, TaskDocument):
        return [_of_task(path, document)]
    if isinstance(document, ClaudeCodeDocument):
        return _of_claude(document)
    if isinstance(document, CodexDocument):
        return [_of_rollout(document)]
    if isinstance(document, OpencodeDocument):
        return _of_database(document)
    return [About(workspace=_named_workspace(stored)) for stored in document.conversations]


def workspaces_at_a_glance(path: Path) -> list[str]:
    """Return the workspace of each conversation in a file, as its beginning or the files beside it say; else empty.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_GLANCE)
        if head.startswith(MAGIC):
            try:
                facts = session_facts(head + file.read()).values()
            except Unreadable:
                return [""]  # Whoever reads it will be told.
            return [_text(fact.get("directory")) for fact in facts if not fact.get("parent_id")]
    for value in first_objects(head):
        for holder in (value, value.get("payload")):
            if is_object(holder) and isinstance(holder.get("cwd"), str):
                return [holder["cwd"]]
    found = (_workspace(item) for item, _ in _beside(path))
    named = next((workspace for workspace in found if workspace), "")
    return [named or workspace_in(head.decode(errors="replace"))]


def _of_task(path: Path, document: TaskDocument) -> About:
    times = [_milliseconds(_get(document.view.stored[index], "ts")) for index in document.view.indices]
    workspaces: list[str] = []
    titles: list[str] = []
    for item, title in _beside(path):
        workspaces.append(_workspace(item))
        titles.append(title)
    workspace = next((name for name in workspaces if name), "") or _named_workspace(document.conversations[0])
    return About(next((name for name in titles if name), ""), workspace, times)


def _workspace(item: Json) -> str:
    return next((item[key] for key in _WORKSPACES if isinstance(item.get(key), str) and item[key]), "")


def _beside(path: Path) -> Iterator[tuple[Json, str]]:
    """Yield what the files beside a task say of it, what is best known first; and the title in each."""
    task = path.parent
    items = [_json(task / "history_item.json")]
    if path.name.endswith(".messages.json"):
        items.append(_json(path.with_name(path.name.replace(".messages.json", ".json"))))
    items += (_entry(_json(task.parent / "_index.json"), task.name), _entry(_history(task), task.name))
    for item in items:
        if is_object(item):
            inner: Any = item.get("metadata")
            titles = [holder.get(key) for holder in (inner, item) if is_object(holder) for key in _TITLES]
            yield item, _title(next((title for title in titles if isinstance(title, str) and title.strip()), ""))
    shown = _json(task / "ui_messages.json")
    first = next((message for message in shown if is_object(message)), None) if is_array(shown) else None
    if first and isinstance(first.get("text"), str):
        yield {}, _title(first["text"])


def _history(task: Path) -> Any:
    # Cline keeps one list of all tasks in its storage.
    return _json(task.parent.parent / "state/taskHistory.json") if task.parent.name == "tasks" else None


def _entry(history: Any, name: str) -> Any:
    entries: Any = history.get("entries") if is_object(history) else history
    found = (entry for entry in (entries if is_array(entries) else ()) if is_object(entry))
    return next((entry for entry in found if entry.get("id") == name), None)


def _of_claude(document: ClaudeCodeDocument) -> list[About]:
    found: list[About] = []
    lines = [line.object for line in document.lines.lines]
    names = {line.get("uuid") for line in lines}
    titles = [
        *(line.get("customTitle") for line in reversed(lines) if kind_of(line) == "custom-title"),
        *(line.get("aiTitle") for line in reversed(lines) if kind_of(line) == "ai-title"),
        # A summary of another session can stand at the head of this one: it names a line that is not here.
        *(line.get("summary") for line in lines if kind_of(line) == "summary" and line.get("leafUuid") in names),
    ]
    title = next((title for title in titles if isinstance(title, str) and title.strip()), "")
    for thread, stored in zip(document.threads, document.conversations, strict=True):
        heads = [message.entries[0].line for message in thread.messages]
        values = [line.object if line else {} for line in heads]
        cwd = next((value["cwd"] for value in values if isinstance(value.get("cwd"), str)), "")
        times = [_iso(value.get("timestamp")) for value in values]
        found.append(About("" if stored.label else _title(title), cwd, times, subagent=bool(stored.label)))
    return found


def _of_rollout(document: CodexDocument) -> About:
    history, lines = document.history, document.lines.lines
    inside = [history.compacted] * history.inside if history.compacted is not None else []
    times = [_iso(lines[place].object.get("timestamp")) for place in (*inside, *history.places)]
    metas = (line.object.get("payload") for line in lines if kind_of(line.object) in {"session_meta", "turn_context"})
    cwd = next((meta["cwd"] for meta in metas if is_object(meta) and isinstance(meta.get("cwd"), str)), "")
    return About("", cwd or _named_workspace(document.conversations[0]), times)


def _of_database(document: OpencodeDocument) -> list[About]:
    facts: dict[str, Json] = {}
    with suppress(Unreadable):
        facts = session_facts(document.data)
    found: list[About] = []
    for session, stored in zip(document.sessions, document.conversations, strict=True):
        fact = facts.get(stored.label, {})
        times = [_milliseconds(_get(sent.said.data.get("time"), "created")) for sent in session]
        found.append(
            About(_title(_text(fact.get("title"))), _text(fact.get("directory")), times, bool(fact.get("parent_id")))
        )
    return found


def _named_workspace(stored: Stored) -> str:
    """Return the workspace that the notes of the first messages name."""
    messages: Any = stored.request.get("messages") or stored.request.get("input")
    for message in messages[:5] if is_array(messages) else ():
        for block in blocks_of(message) if is_object(message) else ():
            text = block.get("text")
            if isinstance(text, str) and is_note(text):
                found = workspace_in(text)
                if found:
                    return found
    return ""


def _title(text: str) -> str:
    return " ".join(unwrapped(text).split())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _get(value: Any, key: str) -> Any:
    return value.get(key) if is_object(value) else None


def _milliseconds(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value / 1000 if _EARLIEST * 1000 <= value <= _LATEST * 1000 else None


def _iso(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
        found = moment.timestamp() if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found is not None and _EARLIEST <= found <= _LATEST else None


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _LONGEST_SIDECAR:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
