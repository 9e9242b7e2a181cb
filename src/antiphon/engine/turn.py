"""The turn: one assistant message and the results of its calls, as a state machine.

`Turn.receive(event) -> commands` is the truth. It has no clock, no I/O and no hidden state: the same events give the
same commands, so replaying a log rebuilds the turn. Does not know what a tool is, who decides about approval, or what
the wire looks like.
"""

from antiphon.engine.events import (
    Allowed,
    Ask,
    CallState,
    Cancelled,
    Command,
    Denied,
    Discarded,
    Event,
    Finished,
    MessageEnded,
    Reply,
    Requested,
    Result,
    Resumed,
    Start,
    Stop,
    ToolCall,
    failure,
)
from antiphon.engine.reorder import ReorderBuffer
from antiphon.engine.scheduler import Scheduler

CUT = failure(
    "This call was not carried out: the reply was cut off right after it, so its arguments may be incomplete. "
    "Ask again, with shorter arguments or in several steps."
)
STOPPED = failure("Stopped by the user while it was running. It may have been carried out in part.")
NOT_STARTED = failure("Stopped by the user before it was started. Nothing was done.")

UNKNOWN = failure(
    "Outcome unknown: Antiphon was ended while this call was running. It may have been carried out in whole, in part "
    "or not at all, and a command may be running still. Look at the present state before you ask for it again."
)
NOT_REACHED = failure(
    "Not carried out: Antiphon was ended before this call was started. Nothing was done. "
    "Ask again if it is still wanted."
)

DEFAULT_LIMIT = 32
"""How many calls run at once unless told otherwise: more than any batch seen from real models needs."""


class Turn:
    """One assistant message and its calls.

    Attributes:
        calls: the calls so far, by id, in request order.
        states: where each call stands.
        changed: the calls whose state the last event changed, in request order of the change.
        is_over: a reply was given, or the turn was discarded; every further event is refused.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        """Begin a turn whose calls run at most `limit` at once."""
        if limit < 1:
            raise ValueError(f"limit is {limit}; at least one call must be able to run")
        self.calls: dict[str, ToolCall] = {}
        self.states: dict[str, CallState] = {}
        self.changed: dict[str, None] = {}
        self.is_over = False
        self._buffer: ReorderBuffer[Result] = ReorderBuffer()
        self._scheduler = Scheduler(limit)
        self._only_read: set[str] = set()
        self._ended = False

    def receive(self, event: Event) -> list[Command]:
        """Take what happened and return what to do, in order.

        An event that comes too late (a call of a turn that is over, an answer already given) is refused: it changes
        nothing and commands nothing.

        Raises:
            ValueError: for a second call with an id of this turn, or a call after the message's end.
        """
        self.changed = {}
        if self.is_over:
            return []
        match event:
            case Requested():
                commands = self._requested(event)
            case Allowed():
                commands = self._allowed(event.id)
            case Finished() | Denied():
                commands = self._answered(event)
            case MessageEnded():
                commands = self._message_ended(cut=event.cut)
            case Cancelled() | Discarded():
                return self._cancelled() if isinstance(event, Cancelled) else self._discarded()
            case Resumed():
                commands = self._resumed()
        for key in self._scheduler.start():
            self._enter(key, "running")
            commands.append(Start(key))
        if self._ended and self._buffer.is_complete:
            commands.append(self._reply())
        return commands

    def waits_for(self, key: str) -> tuple[str, ...]:
        """Return the earlier calls that keep this one waiting; empty when none does."""
        return self._scheduler.blockers(key)

    def result(self, key: str) -> Result | None:
        """Return what a call came to, if it is over."""
        return self._buffer.get(key)

    @property
    def has_ended(self) -> bool:
        """Whether the assistant message is complete."""
        return self._ended

    def open_reads(self) -> list[ToolCall]:
        """Return the unfinished calls that only read, which may run again when the turn is resumed."""
        return [self.calls[key] for key in self._buffer.open_slots() if key in self._only_read]

    def _enter(self, key: str, state: CallState) -> None:
        self.states[key] = state
        self.changed[key] = None

    def _requested(self, event: Requested) -> list[Command]:
        key = event.call.id
        if self._ended:
            raise ValueError(f"call {key!r} arrived after its message had ended")
        self._buffer.open(key)
        self.calls[key] = event.call
        if event.answer is not None:
            self._buffer.complete(key, event.answer)
            self._enter(key, "denied" if event.denied else "failed" if event.answer.is_error else "done")
            return []
        self._scheduler.add(key, event.access, asking=event.ask)
        if event.access.early:
            self._only_read.add(key)
        self._enter(key, "asking" if event.ask else "waiting")
        return [Ask(key)] if event.ask else []

    def _allowed(self, key: str) -> list[Command]:
        if self.states.get(key) == "asking":
            self._enter(key, "waiting")
            self._scheduler.allow(key)
        return []

    def _answered(self, event: Finished | Denied) -> list[Command]:
        key = event.id
        wanted = "running" if isinstance(event, Finished) else "asking"
        if self.states.get(key) == wanted:
            self._buffer.complete(key, event.result)
            self._scheduler.remove(key)
            if isinstance(event, Denied):
                self._enter(key, "denied")
            else:
                self._enter(key, "failed" if event.result.is_error else "done")
        return []

    def _message_ended(self, *, cut: bool) -> list[Command]:
        if self._ended:
            return []
        self._ended = True
        commands: list[Command] = []
        if cut and self.calls:
            commands = self._refuse_last()
        self._scheduler.message_ended()
        # What they wait for is news: until now it was the end of the message.
        self.changed.update((key, None) for key, state in self.states.items() if state == "waiting")
        return commands

    def _refuse_last(self) -> list[Command]:
        """Answer the last call of a cut reply, even if it only read and is done already."""
        key = next(reversed(self.calls))
        if self.states[key] in ("failed", "denied"):
            return []
        commands = self._stop(key)
        if self.states[key] != "done":
            self._scheduler.remove(key)
        self._buffer.revoke(key, CUT)
        self._enter(key, "failed")
        return commands

    def _stop(self, key: str) -> list[Command]:
        return [Stop(key)] if self.states[key] in ("asking", "running") else []

    def _cancelled(self) -> list[Command]:
        commands: list[Command] = []
        for key in self._buffer.open_slots():
            commands += self._stop(key)
            self._buffer.complete(key, STOPPED if self.states[key] == "running" else NOT_STARTED)
            self._enter(key, "cancelled")
        commands.append(self._reply())
        return commands

    def _discarded(self) -> list[Command]:
        self.is_over = True
        commands: list[Command] = []
        for key in self._buffer.open_slots():
            commands += self._stop(key)
            self._enter(key, "cancelled")
        return commands

    def _resumed(self) -> list[Command]:
        commands: list[Command] = []
        for key in self._buffer.open_slots():
            state = self.states[key]
            if key not in self._only_read:
                self._buffer.complete(key, UNKNOWN if state == "running" else NOT_REACHED)
                self._scheduler.remove(key)
                self._enter(key, "failed")
            elif state != "waiting":
                self.changed[key] = None
                commands.append(Ask(key) if state == "asking" else Start(key))
        return commands

    def _reply(self) -> Command:
        self.is_over = True
        return Reply(tuple((self.calls[key], result) for key, result in self._buffer.retire()))
