"""Calls, requests and runs whose times are being put together: they take what happened, and are closed at the end."""

from collections.abc import Iterable

from antiphon.engine.events import Discarded, Event, Requested, Resumed
from antiphon.engine.turn import NOT_REACHED, UNKNOWN, Turn
from antiphon.sessions.records import Entry, Replied, RunEnded, TurnBegan
from antiphon.sessions.tokens import tokens_of
from antiphon.sessions.tracing.values import Call, CallOutcome, Mark, Phase, PhaseKind, Request, RequestOutcome, Run

_OVER = frozenset({"done", "failed", "denied", "cancelled"})


class Clock:
    """The session's clock. That of a machine may be set back, and then only the steps that lead on count."""

    def __init__(self) -> None:
        self.time = 0.0
        self.last: float | None = None

    def tick(self, at: float) -> None:
        """Let time pass."""
        self.time += self.skip(at)

    def skip(self, at: float) -> float:
        """Let time pass that does not count, and return how much it was."""
        passed = 0.0 if self.last is None else max(0.0, at - self.last)
        self.last = at
        return passed


class OpenCall:
    """A call whose times are being put together."""

    def __init__(self, number: int, event: Requested, at: float) -> None:
        self.number = number
        self.event = event
        self.asked = at
        self.ended: float | None = None
        self.state: CallOutcome = "waiting"
        self.phases: list[Phase] = []
        self._kind: PhaseKind | None = None
        self._since = at
        self._for: dict[int, None] = {}

    def enter(self, kind: PhaseKind | None, at: float, calls: Iterable[int] = (), *, again: bool = False) -> None:
        """Be in this phase from now on; None: in no phase any more."""
        if kind != self._kind or again:
            self._leave(at)
            self._kind, self._since, self._for = kind, at, {}
        self._for.update(dict.fromkeys(calls))

    def _leave(self, at: float) -> None:
        # What lasted no time did not happen to anybody, except that a call ran.
        if self._kind is not None and (at > self._since or self._kind == "running"):
            self.phases.append(Phase(self._kind, self._since, at, tuple(sorted(self._for))))

    def closed(self, turn: Turn, at: float, *, alive: bool) -> Call:
        """Return the call; where it is not over, it came to this moment, and goes on if its process is alive."""
        self._leave(at)
        call = self.event.call
        state = self.state
        if self.ended is None and not alive:
            state = "unknown" if state == "running" else "not run"
        return Call(
            self.number,
            call.id,
            call.name,
            call.input,
            self.asked,
            self.ended,
            state,
            tuple(self.phases),
            turn.result(call.id),
        )


class OpenRequest:
    """A request that is being put together."""

    def __init__(self, began: TurnBegan, entry: int, at: float, *, model: str, place: tuple[int, int]) -> None:
        """Begin; `place` is the turn in its run and the attempt at it."""
        self.began = began
        self.entry = entry
        self.model = model
        self.turn, self.attempt = place
        self.sent = self.ended = at
        self.answered: float | None = None
        self.followed: float | None = None
        self.reply: Replied | None = None
        self.replied: float | None = None
        self.discarded: Discarded | None = None
        self.cost: float | None = 0.0
        self.marks: list[Mark] = []
        self._turn = Turn(max(1, began.limit))
        self._calls: dict[str, OpenCall] = {}
        self._behind: dict[str, None] = {}

    @property
    def is_settled(self) -> bool:
        """Whether nothing more can come of it."""
        return self.discarded is not None or (self._turn.is_over and self.reply is not None)

    @property
    def outcome(self) -> RequestOutcome:
        """What became of it so far."""
        if self.reply is None:
            return "open" if self.discarded is None else "discarded"
        return "interrupted" if self.reply.interrupted else "replied"

    def take(self, event: Event, at: float) -> None:
        """Take an event of the engine.

        Raises:
            ValueError: it does not fit what was before it.
        """
        if self._turn.is_over:
            return  # What comes too late is refused.
        if isinstance(event, Discarded) and self.reply is None:
            self.discarded = event
        self._turn.receive(event)
        self.ended = at
        if isinstance(event, Requested):
            call = OpenCall(len(self._calls) + 1, event, at)
            self._calls[event.call.id] = call
        # A call that is behind others can come to wait for something else without a change of its state.
        for key in {**self._behind, **self._turn.changed}:
            self._follow(key, at, again=isinstance(event, Resumed) and key in self._turn.changed)

    def take_reply(self, reply: Replied, at: float, cost: float | None) -> None:
        """Take the reply, which is complete or was stopped by the user."""
        self.reply, self.replied, self.cost = reply, at, cost
        self.ended = at

    def closed(self, now: float, *, alive: bool) -> Request:
        """Return the request; what is open lasts until `now`, and goes on if its process is alive."""
        ended = self.ended if self.is_settled else now
        reply = self.reply.reply if self.reply is not None else {}
        return Request(
            number=self.began.turn,
            entry=self.entry,
            turn=self.turn,
            attempt=self.attempt,
            model=self.model,
            sent=self.sent,
            replied=self.replied,
            answered=self.answered,
            followed=self.followed,
            ended=ended,
            outcome=self.outcome,
            reason=self.discarded.reason if self.discarded is not None else "",
            stop_reason=str(reply.get("stop_reason") or ""),
            cut=self.reply is not None and self.reply.cut,
            context=self.began.context,
            limit=self.began.limit,
            tokens=tokens_of(reply),
            cost=self.cost,
            calls=tuple(call.closed(self._turn, ended, alive=alive) for call in self._calls.values()),
            marks=tuple(self.marks),
        )

    def _follow(self, key: str, at: float, *, again: bool) -> None:
        call, state = self._calls[key], self._turn.states[key]
        call.state = state
        self._behind.pop(key, None)
        if state in _OVER:
            call.enter(None, at)
            call.ended = at if call.ended is None else call.ended
            call.state = self._after_a_crash(key) or state
        elif state == "asking":
            call.enter("approval", at)
        elif state == "running":
            call.enter("running", at, again=again)
        elif before := self._turn.waits_for(key):
            call.enter("calls", at, [self._calls[id_].number for id_ in before])
            self._behind[key] = None
        else:
            call.enter("place" if self._turn.has_ended or call.event.access.early else "reply", at)

    def _after_a_crash(self, key: str) -> CallOutcome | None:
        result = self._turn.result(key)
        return "unknown" if result is UNKNOWN else "not run" if result is NOT_REACHED else None


class OpenRun:
    """A run that is being put together."""

    def __init__(self, number: int, entry: Entry, at: float) -> None:
        self.number = number
        self.entry = entry
        self.began = at
        self.prompts: list[str] = []
        self.ended: float | None = None
        self.end: RunEnded | None = None
        self.untimed = 0
        self.inherited = False
        self.last = at
        self.requests: list[OpenRequest] = []
        self.marks: list[Mark] = []

    @property
    def is_over(self) -> bool:
        """Whether what comes next belongs to another run."""
        return self.ended is not None

    @property
    def request(self) -> OpenRequest | None:
        """Its last request."""
        return self.requests[-1] if self.requests else None

    def closed(self, now: float | None) -> Run:
        """Return the run; where its end was not recorded, it goes on at `now`, or its process died (None)."""
        alive = now is not None and self.ended is None
        ended = self.ended if self.ended is not None else self.last if now is None else now
        return Run(
            number=self.number,
            entry=self.entry.number,
            prompt="\n".join(self.prompts),
            at=self.entry.at,
            began=self.began,
            ended=ended,
            stop_reason=self.end.stop_reason if self.end is not None else "",
            error=self.end.error if self.end is not None else "",
            inherited=self.inherited,
            untimed=self.untimed,
            requests=tuple(request.closed(ended, alive=alive) for request in self.requests),
            marks=tuple(self.marks),
        )
