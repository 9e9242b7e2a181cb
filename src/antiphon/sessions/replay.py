"""What a session's records come to: the conversation, the open turn, the name, and where to go back to. Pure.

The same records give the same state, byte for byte: that is resume, crash recovery, export and the debugger at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from antiphon.engine.events import Discarded, Event
from antiphon.protocol.messages import Json, blocks_of, text_of
from antiphon.sessions.records import (
    Answered,
    Begun,
    Checkpointed,
    Compacted,
    Configured,
    Entry,
    Mended,
    Named,
    Prompted,
    Record,
    Repaired,
    Replaced,
    Replied,
    RunEnded,
    Truncated,
    TurnBegan,
)

_LONGEST_TITLE = 80


@dataclass(slots=True)
class OpenTurn:
    """A turn that is not answered yet.

    Attributes:
        limit: how many of its calls run at once.
        events: what the engine was told, in order.
        replied: the reply is complete and in the conversation; None while it streams.
    """

    limit: int
    events: list[Event] = field(default_factory=list[Event])
    replied: Replied | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A place to go back to: what the user said, and what was before it.

    Attributes:
        number: of the prompt in the session, from 1.
        entry: number of its record.
        at: when it was said, in seconds since 1970.
        text: what was said.
        before: how many messages there were before it; 0 where an earlier stretch was summed up.
        checkpoint: the files before what it led to were changed, where something was.
    """

    number: int
    entry: int
    at: float
    text: str
    before: int = 0
    checkpoint: str = ""


@dataclass(slots=True)
class State:
    """A session as its records tell it.

    Attributes:
        begun: its first record.
        name: what the user called it, or empty.
        params: the parameters of its last request, or None before the first.
        messages: the conversation. Not to be edited.
        turn: the turn that is not answered yet, or None.
        turns: how many requests were begun.
        prompts: what the user said and was not taken back, in order.
        ended: how the last run ended, or None while one is open.
        mended: what was repaired in its file.
        updated: when its last record was written, in seconds since 1970.
    """

    begun: Begun
    name: str = ""
    params: Json | None = None
    messages: list[Json] = field(default_factory=list[Json])
    turn: OpenTurn | None = None
    turns: int = 0
    prompts: list[Prompt] = field(default_factory=list[Prompt])
    ended: RunEnded | None = None
    mended: list[Mended] = field(default_factory=list[Mended])
    updated: float = 0.0

    @property
    def title(self) -> str:
        """What to call the session: its name, else how its first prompt begins."""
        if self.name or not self.prompts:
            return self.name or "(nothing was said yet)"
        line = " ".join(self.prompts[0].text.split()) or "(no text)"
        return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1].rstrip()}…"

    def take(self, entry: Entry) -> None:
        """Take the next record."""
        self.updated = entry.at
        record = entry.record
        self._about_session(record)
        self._about_turn(record)
        if isinstance(record, Prompted):
            text, before = text_of({"content": list(record.content)}), len(self.messages)
            self.prompts.append(Prompt(len(self.prompts) + 1, entry.number, entry.at, text, before))
        self._about_conversation(record)

    def _about_session(self, record: Record) -> None:
        match record:
            case Begun():
                self.begun = record
            case Named(name=name):
                self.name = name
            case Configured(params=params):
                self.params = params
            case Checkpointed(checkpoint=checkpoint):
                self._checkpointed(checkpoint)
            case Mended():
                self.mended.append(record)
            case _:
                return

    def _about_turn(self, record: Record) -> None:
        match record:
            case TurnBegan():
                self.turn = OpenTurn(record.limit)
                self.turns = record.turn
            case Replied() if self.turn is not None:
                self.turn.replied = record
            case Discarded() if self.turn is not None:
                # What was asked for so far is void; another model, or another attempt, may go on.
                self.turn = OpenTurn(self.turn.limit)
            case Prompted() | Answered() | Truncated() | RunEnded():
                self.ended = record if isinstance(record, RunEnded) else None
                self.turn = None
            case _ if self.turn is not None and isinstance(record, Event):
                self.turn.events.append(record)
            case _:
                return

    def _about_conversation(self, record: Record) -> None:
        match record:
            case Prompted(content=content) | Answered(content=content):
                self._say("user", content)
            case Replied(content=content):
                self._say("assistant", content)
            case Replaced(index=index, message=message):
                self.messages[index : index + 1] = [message]
            case Truncated(count=count):
                del self.messages[count:]
                self.prompts[:] = [prompt for prompt in self.prompts if prompt.before < count]
            case Compacted(messages=messages) | Repaired(messages=messages):
                self.messages[:] = messages
                self.prompts[:] = [replace(prompt, before=0) for prompt in self.prompts]
            case _:
                return

    def _checkpointed(self, checkpoint: str) -> None:
        if self.prompts and not self.prompts[-1].checkpoint:
            self.prompts[-1] = replace(self.prompts[-1], checkpoint=checkpoint)

    def _say(self, role: str, content: tuple[Json, ...]) -> None:
        """Add blocks: to the last message where it is of this side, else as a message of their own."""
        if not content:
            return
        if self.messages and self.messages[-1].get("role") == role:
            last = self.messages[-1]
            self.messages[-1] = {**last, "content": [*blocks_of(last), *content]}
        else:
            self.messages.append({"role": role, "content": list(content)})


def checkpoint_before(prompts: Sequence[Prompt], number: int) -> str:
    """Return the checkpoint that holds the files as they were before a prompt; empty where nothing changed since.

    Where a prompt led to no change of files, they were still as the next change found them.
    """
    return next((prompt.checkpoint for prompt in prompts[number - 1 :] if prompt.checkpoint), "")


def replay(entries: Iterable[Entry]) -> State:
    """Return what these records come to."""
    state = State(Begun("", ""))
    for entry in entries:
        state.take(entry)
    return state
