"""Works out from a session's records what happened when: the engine's events, replayed with times.

Pure. Nothing is stored for it: a turn that receives the recorded events says at each moment where every call stands
and what it waits for. Takes any records, also those of a session that was killed, is at work, or lost some.
"""

from collections.abc import Callable, Iterable

from antiphon.engine.events import Discarded, Event, Resumed
from antiphon.protocol.messages import Json, text_of
from antiphon.sessions.records import (
    Answered,
    Begun,
    Checkpointed,
    Compacted,
    Configured,
    Entry,
    Forked,
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
from antiphon.sessions.replay import replay
from antiphon.sessions.tokens import NO_TOKENS, Tokens, tokens_of
from antiphon.sessions.tracing.parts import Clock, OpenRequest, OpenRun
from antiphon.sessions.tracing.values import Mark, MarkKind, Trace

Price = Callable[[Json, str], float | None]
"""What a reply cost in US dollars: the API's message object and the model that was asked; None where nobody knows."""


def trace(entries: Iterable[Entry], *, price: Price | None = None, now: float | None = None) -> Trace:
    """Return a session in time.

    Args:
        entries: its records, in order.
        price: what a reply cost; without it no cost is known.
        now: the time in seconds since 1970, where a process is at work on the session: what is open goes on until then.
    """
    known = list(entries)
    tracer = _Tracer(price or _no_price)
    for entry in known:
        tracer.take(entry)
    if now is not None:
        tracer.clock.tick(now)
    last = len(tracer.runs)
    runs = tuple(
        run.closed(tracer.clock.time if now is not None and run.number == last else None) for run in tracer.runs
    )
    state = replay(known)
    return Trace(
        session=state.begun.session,
        title=state.title,
        workspace=state.begun.workspace,
        # What was taken over from elsewhere is older than the session.
        at=min((entry.at for entry in known if isinstance(entry.record, Begun | Prompted)), default=0.0),
        live=now is not None,
        runs=runs,
        marks=tuple(tracer.marks),
        problems=tuple(tracer.problems),
    )


def _no_price(_reply: Json, _model: str) -> None:
    return None


_BESIDE = (Named, Forked, Mended)
"""What happens to a session at any time, also long after its process died in the middle of a run."""


class _Tracer:
    """Takes records and keeps what they come to."""

    def __init__(self, price: Price) -> None:
        self.clock = Clock()
        self.runs: list[OpenRun] = []
        self.marks: list[Mark] = []
        self.problems: list[str] = []
        self._price = price
        self._model = ""

    def take(self, entry: Entry) -> None:
        """Take the next record."""
        record = entry.record
        if isinstance(record, Prompted):
            self._prompted(entry, record)
            return
        if isinstance(record, Resumed) or (isinstance(record, TurnBegan) and self._is_left):
            # Nobody was there to work: what is open did not take that long.
            self._mark(entry, "resumed", seconds=self.clock.skip(entry.at))
        else:
            self.clock.tick(entry.at)
        run = self._run
        self._about_run(entry, record)
        self._about_marks(entry, record)
        if run is not None and not isinstance(record, _BESIDE):
            run.last = self.clock.time

    @property
    def _is_left(self) -> bool:
        """Whether a process left a request in the middle: a living one would have said what became of it."""
        request = self._run.request if self._run is not None else None
        return request is not None and request.reply is None and request.discarded is None

    @property
    def _run(self) -> OpenRun | None:
        """The run that is open."""
        return self.runs[-1] if self.runs and not self.runs[-1].is_over else None

    def _prompted(self, entry: Entry, prompted: Prompted) -> None:
        run = self._run
        if run is not None and (run.requests or run.untimed):
            # Its end was never written. What came later is another run, so the time until then is nobody's.
            run.ended = run.last
            run = None
        self.clock.tick(entry.at)
        run = run or self._new_run(entry)
        run.prompts.append(text_of({"content": list(prompted.content)}))

    def _new_run(self, entry: Entry) -> OpenRun:
        run = OpenRun(len(self.runs) + 1, entry, self.clock.time)
        self.runs.append(run)
        return run

    def _about_run(self, entry: Entry, record: Record) -> None:
        at, run = self.clock.time, self._run
        match record:
            case TurnBegan():
                self._requested(entry, record)
            case Replied():
                self._replied(entry, record)
            case Answered() if run is not None and run.request is not None:
                run.request.answered = run.request.ended = at
            case RunEnded() if run is not None:
                run.ended, run.end = at, record
            case Forked():
                for each in self.runs:
                    each.inherited = True
            case _ if isinstance(record, Event):
                self._happened(entry, record)
            case _:
                return

    def _requested(self, entry: Entry, began: TurnBegan) -> None:
        at, run = self.clock.time, self._run or self._new_run(entry)
        last = run.request
        place = 1, 1
        if last is not None:
            again = last.reply is None
            place = (last.turn, last.attempt + 1) if again else (last.turn + 1, 1)
            last.followed = at if last.answered is not None else None
            if again and last.discarded is None:
                last.discarded = Discarded("")  # It had no end of its own, but it is over.
        run.requests.append(OpenRequest(began, entry.number, at, model=self._model, place=place))

    def _replied(self, entry: Entry, replied: Replied) -> None:
        run = self._run or self._new_run(entry)
        request = run.request
        if request is None or request.reply is not None:
            run.untimed += 1
            return
        model = request.model or str(replied.reply.get("model") or "")
        request.model = model
        # A reply that was stopped midway has no usage, so what it cost is not known.
        cost = self._price(replied.reply, model) if replied.reply else None
        request.take_reply(replied, self.clock.time, cost)

    def _happened(self, entry: Entry, event: Event) -> None:
        run = self._run
        if run is None or run.request is None:
            self.problems.append(f"Record {entry.number} belongs to no request.")
            return
        try:
            run.request.take(event, self.clock.time)
        except ValueError as problem:
            self.problems.append(f"Record {entry.number} does not fit: {problem}.")

    def _about_marks(self, entry: Entry, record: Record) -> None:
        match record:
            case Configured(params=params):
                model = str(params.get("model") or "")
                if self._model and model != self._model:
                    self._mark(entry, "model", model)
                self._model = model
            case Checkpointed(label=label):
                self._mark(entry, "checkpoint", label)
            case Compacted():
                self._compacted(entry, record)
            case Replaced(reason=reason):
                self._mark(entry, "replaced", reason)
            case Truncated(reason=reason):
                self._mark(entry, "truncated", reason)
            case Repaired(found=found) | Mended(found=found):
                self._mark(entry, "repaired" if isinstance(record, Repaired) else "mended", " ".join(found))
            case Forked():
                self._mark(entry, "forked")
            case _:
                return

    def _compacted(self, entry: Entry, compacted: Compacted) -> None:
        reply = compacted.reply
        model = str(reply.get("model") or self._model)
        cost = self._price(reply, model) if reply else 0.0
        self._mark(entry, "compaction", compacted.reason, tokens=tokens_of(reply), cost=cost)

    def _mark(
        self,
        entry: Entry,
        kind: MarkKind,
        text: str = "",
        *,
        seconds: float = 0.0,
        tokens: Tokens = NO_TOKENS,
        cost: float | None = 0.0,
    ) -> None:
        mark = Mark(entry.number, self.clock.time, kind, text, seconds, tokens, cost)
        run = self._run
        request = run.request if run is not None else None
        if run is None or isinstance(entry.record, _BESIDE):
            self.marks.append(mark)
        elif request is not None and not request.is_settled:
            request.marks.append(mark)
        else:
            run.marks.append(mark)
