"""What a list of sessions says about each, brought up to date record by record. Pure.

A digest follows the records of a session without keeping its conversation: it can be stored, and goes on later from
the record it had come to. It is the state of `replay.py` over records without their contents, so the two cannot
disagree about what was taken back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from antiphon.errors import SessionError
from antiphon.protocol.messages import Json, role_of, text_of
from antiphon.sessions.records import (
    NAMES,
    Answered,
    Begun,
    Compacted,
    Configured,
    Entry,
    Forked,
    Named,
    Prompted,
    Record,
    Repaired,
    Replaced,
    Replied,
    Truncated,
    TurnBegan,
)
from antiphon.sessions.replay import Prompt, State
from antiphon.sessions.storage.database import Row
from antiphon.sessions.storage.encoding import decode_record
from antiphon.sessions.tokens import Tokens, tokens_of

_LONGEST_PROMPT = 100
"""A title needs no more of a prompt."""
_NO_TOKENS = Tokens()
_SOMETHING: tuple[Json, ...] = ({"type": "text", "text": ""},)
_LETTERS = {"user": "u", "assistant": "a", "system": "s"}
_ROLES = {letter: role for role, letter in _LETTERS.items()}
_TELLING = frozenset(
    NAMES[kind]
    for kind in (
        Begun,
        Forked,
        Named,
        Configured,
        Prompted,
        TurnBegan,
        Replied,
        Answered,
        Replaced,
        Truncated,
        Repaired,
        Compacted,
    )
)
"""Kinds of records that change what a list says; the others, which are most of the bytes, are not decoded."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is to say about a session without opening it.

    Attributes:
        id: of the session.
        workspace: the directory it works in, absolute; empty where a damaged file does not tell.
        title: its name, else how its first prompt begins.
        name: what the user called it, or empty.
        created: when it began, in seconds since 1970.
        updated: when something happened in it last; a new name is nothing that happens.
        turns: how many requests were begun.
        prompts: how many prompts there are that were not taken back; a session without any is empty.
        model: which its last request named, or empty.
        tokens: what its replies used, without those that were copied from its parent.
        parent: id of the session it was forked from, or empty.
        source: the file it was imported from, or empty.
        live: a process has it open.
        damaged: what is wrong with its file, or empty; what the other fields say was read before that place.
    """

    id: str
    workspace: str = ""
    title: str = ""
    name: str = ""
    created: float = 0.0
    updated: float = 0.0
    turns: int = 0
    prompts: int = 0
    model: str = ""
    tokens: Tokens = _NO_TOKENS
    parent: str = ""
    source: str = ""
    live: bool = False
    damaged: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was said in it."""
        return self.prompts == 0


@dataclass(slots=True)
class Digest:
    """A session's figures so far.

    Attributes:
        file: number of the file that the records were read from.
        last: number of the last record that was taken; 0 before the first.
        begun: the first record.
        name: what the user called it.
        created: when it began.
        updated: when something happened in it last.
        turns: how many requests were begun.
        model: which the last request named.
        tokens: what its own replies used.
        roles: whose each message of the conversation is, a letter each.
        prompts: those that were not taken back, their text cut.
        damaged: what was wrong with records that could not be taken.
    """

    file: int = 0
    last: int = 0
    begun: Begun = field(default_factory=lambda: Begun("", ""))
    name: str = ""
    created: float = 0.0
    updated: float = 0.0
    turns: int = 0
    model: str = ""
    tokens: Tokens = _NO_TOKENS
    roles: str = ""
    prompts: list[Prompt] = field(default_factory=list[Prompt])
    damaged: str = ""

    def take(self, rows: Iterable[Row]) -> None:
        """Take the rows behind `last`. What is damaged is told by `damaged`, and costs no more than itself."""
        state = self._state()
        left = iter(rows)
        while True:
            try:
                number, at, kind, body = next(left)
                self.last = number
                if kind != "named":
                    self.updated = at
                if kind in _TELLING and (record := decode_record(kind, body)) is not None:
                    self._count(record, at)
                    state.take(Entry(number, at, _bare(record)))
            except StopIteration:
                break
            except SessionError as problem:
                self.damaged = self.damaged or str(problem)
        self.begun, self.name, self.turns, self.prompts = state.begun, state.name, state.turns, state.prompts
        self.roles = "".join(_LETTERS.get(role_of(message), "s") for message in state.messages)

    def summary(self, session_id: str, *, live: bool = False, damaged: str = "") -> Summary:
        """Return what a list says about the session."""
        return Summary(
            session_id,
            self.begun.workspace,
            self._state().title,
            self.name,
            self.created,
            self.updated,
            self.turns,
            len(self.prompts),
            self.model,
            self.tokens,
            self.begun.parent,
            self.begun.source,
            live,
            self.damaged or damaged,
        )

    def _state(self) -> State:
        messages: list[Json] = [{"role": _ROLES[letter], "content": []} for letter in self.roles]
        return State(self.begun, name=self.name, messages=messages, turns=self.turns, prompts=list(self.prompts))

    def _count(self, record: Record, at: float) -> None:
        match record:
            case Begun():
                self.created = at
            case Prompted():
                # An imported session began when it was begun elsewhere.
                self.created = min(self.created or at, at)
            case Configured(params=params):
                self.model = _text(params, "model")
            case Replied(reply=reply) | Compacted(reply=reply):
                self.tokens += tokens_of(reply)
                self.model = _text(reply, "model") or self.model
            case Forked():
                self.tokens = _NO_TOKENS
            case _:
                return


def _bare(record: Record) -> Record:
    """Return a record that changes a state as this one does, without what it is about."""
    match record:
        case Prompted(content=content) if content:
            text = " ".join(text_of({"content": list(content)}).split())
            return Prompted(({"type": "text", "text": text[:_LONGEST_PROMPT]},))
        case Replied() | Answered() if record.content:
            return type(record)(_SOMETHING)
        case Replaced(index=index, message=message):
            return Replaced(index, _bare_message(message))
        case Compacted(messages=messages) | Repaired(messages=messages):
            return type(record)(tuple(map(_bare_message, messages)))
        case _:
            return record


def _bare_message(message: Json) -> Json:
    return {"role": role_of(message), "content": []}


def _text(holder: Json, name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""
