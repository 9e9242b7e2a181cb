"""What is sent of a session of opencode: messages in steps, and each tool part as a call and its result.

A result lives beside its call, so none is ever lost; a call that was left pending or running is sent as one that
failed, as opencode itself does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.transcripts.located import Located

INTERRUPTED = "[Tool execution was interrupted]"
"""What opencode answers for a call that never ended."""
_OPEN = frozenset({"pending", "running"})

Facet = Literal["text", "call", "result"]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a message."""

    id: str
    located: Located

    @property
    def data(self) -> Json:
        """What it holds."""
        value = self.located.value
        return value if is_object(value) else {}

    @property
    def state(self) -> Json:
        """The state of a tool part."""
        state = self.data.get("state")
        return state if is_object(state) else {}

    @property
    def left_open(self) -> bool:
        """Whether it is a call that has not ended."""
        return kind_of(self.data) == "tool" and str(self.state.get("status")) in _OPEN

    @property
    def settled(self) -> Json:
        """What it holds, a call that never ended as one that failed."""
        if not self.left_open:
            return self.data
        state = self.state
        time: Any = state.get("time")
        start = (time.get("start") if is_object(time) else None) or 0
        kept = {key: state[key] for key in ("input", "metadata") if key in state}
        failed = {"status": "error", "input": {}, **kept, "error": INTERRUPTED, "time": {"start": start, "end": start}}
        return {**self.data, "state": failed}


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """A message of a session, with its parts in order."""

    id: str
    data: Json
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """A message as it is sent.

    Attributes:
        message: it.
        said: the stored message it is made of.
        owners: for each block, the part it is made of, and what of it.
    """

    message: Json
    said: Said
    owners: Sequence[tuple[Part, Facet]]


@dataclass(slots=True)
class _Step:
    """Part of a reply, up to the results of its calls."""

    blocks: list[Json] = field(default_factory=list[Json])
    owners: list[tuple[Part, Facet]] = field(default_factory=list[tuple[Part, Facet]])
    results: list[Json] = field(default_factory=list[Json])
    answered: list[tuple[Part, Facet]] = field(default_factory=list[tuple[Part, Facet]])


def sent(session: Sequence[Said]) -> list[Sent]:
    """Return the messages that a session is sent as."""
    return [message for said in session[_begin(session) :] for message in _sent(said)]


def _begin(session: Sequence[Said]) -> int:
    """Return where the history begins that is sent: at the last compaction that was finished."""
    done = {
        parent
        for said in session
        if said.data.get("summary") is True and said.data.get("finish")
        for parent in [said.data.get("parentID")]
        if isinstance(parent, str)
    }
    for index in range(len(session) - 1, -1, -1):
        if session[index].id in done and any(kind_of(part.data) == "compaction" for part in session[index].parts):
            return index
    return 0


def _sent(said: Said) -> Iterator[Sent]:
    role = role_of(said.data)
    if role == "user":
        found = [(block, (part, "text")) for part in said.parts for block in _of_user(part)]
        if found:
            blocks = [block for block, _ in found]
            owners: list[tuple[Part, Facet]] = [(part, "text") for _, (part, _) in found]
            yield Sent({"role": "user", "content": blocks}, said, owners)
    elif role == "assistant" and not _is_left_out(said):
        for step in _steps(said):
            if step.blocks:
                yield Sent({"role": "assistant", "content": step.blocks}, said, step.owners)
            if step.results:
                yield Sent({"role": "user", "content": step.results}, said, step.answered)


def _is_left_out(said: Said) -> bool:
    """Say whether a reply failed and is not sent; one that was stopped is, if it says anything."""
    error: Any = said.data.get("error")
    if not error:
        return False
    aborted = is_object(error) and error.get("name") == "MessageAbortedError"
    return not (aborted and any(kind_of(part.data) not in {"step-start", "reasoning"} for part in said.parts))


def _of_user(part: Part) -> Iterator[Json]:
    data = part.data
    kind = kind_of(data)
    if kind == "text" and not data.get("ignored"):
        yield {"type": "text", "text": data.get("text")}
    elif kind == "file" and str(data.get("mime")) not in {"text/plain", "application/x-directory"}:
        yield _file(data)
    elif kind == "compaction":
        yield {"type": "text", "text": "What did we do so far?"}
    elif kind == "subtask":
        yield {"type": "text", "text": "The following tool was executed by the user"}


def _steps(said: Said) -> Iterator[_Step]:
    step = _Step()
    for part in said.parts:
        data = part.data
        kind = kind_of(data)
        if kind == "step-start" and (step.blocks or step.results):
            yield step
            step = _Step()
        elif kind == "text":
            step.blocks.append({"type": "text", "text": data.get("text")})
            step.owners.append((part, "text"))
        elif kind == "tool":
            call_id = data.get("callID")
            call = {"type": "tool_use", "id": call_id, "name": data.get("tool"), "input": part.state.get("input", {})}
            step.blocks.append(call)
            step.owners.append((part, "call"))
            step.results.append({"type": "tool_result", "tool_use_id": call_id, **_result(part.state)})
            step.answered.append((part, "result"))
    yield step


def _result(state: Json) -> Json:
    if state.get("status") == "completed":
        images = [_file(found) for found in _list(state.get("attachments")) if is_object(found)]
        output: Any = state.get("output")
        return {"content": [{"type": "text", "text": output}, *images] if images else output}
    error: Any = state.get("error") if state.get("status") == "error" else INTERRUPTED
    return {"content": error, "is_error": True}


def _file(data: Json) -> Json:
    url = data.get("url")
    head, comma, body = url.partition(",") if isinstance(url, str) else ("", "", "")
    if comma and head.startswith("data:image/") and head.endswith(";base64"):
        media_type = head.removeprefix("data:").removesuffix(";base64")
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": body}}
    name = data.get("filename")
    return {"type": "text", "text": f"[Attached {name if isinstance(name, str) and name else 'file'}]"}


def _list(value: Any) -> list[Any]:
    return value if is_array(value) else []
