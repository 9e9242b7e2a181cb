"""What a terminal shows of a run, as values: one row per call, in request order, and lines that stay.

Events in, rows and lines out. Knows no terminal, no colours and no clock: the time comes along with every question.
A row keeps its place from the moment its call's block begins, whatever finishes first. Texts are made safe here, so
that drawing cannot forget it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from antiphon.agent.events import (
    AgentEvent,
    CallChanged,
    CallHeld,
    CallOutput,
    CallStreaming,
    CompactionSkipped,
    CompactionStarted,
    ContextCompacted,
    ContextMeasured,
    HookRan,
    ReplyReceived,
    ResultsCleared,
    ResultsReady,
    Retrying,
    RunEnded,
    RunStarted,
    TextAdded,
    ThinkingAdded,
    TurnDiscarded,
    TurnStarted,
    Warned,
)
from antiphon.cli.safe_text import one_line, safe
from antiphon.engine.events import CallState, Result, ToolCall
from antiphon.protocol.messages import Json, is_array, is_object

RowState = Literal["streaming"] | CallState
OVER: frozenset[RowState] = frozenset({"done", "failed", "denied", "cancelled"})

LineKind = Literal["text", "thinking", "call", "summary", "note"]

# What tells most about a call, in this order; where one of these is there, other arguments are not shown.
_TELLING = ("command", "pattern", "query", "url", "question", "prompt")
_PATHS = ("path", "file_path")
# An argument can hold a whole file; no line is that long.
_LONGEST = 400

_WAITS_FOR = {
    "": "waiting for the model",
    "thinking": "the model thinks",
    "summing up": "summing up the conversation",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One call as it is shown.

    Attributes:
        number: its place in the turn, from 1.
        name: the tool's name.
        summary: its arguments, on one line.
        state: where it stands.
        seconds: how long it has run, or ran; None where it has not started.
        note: why it waits, what it printed last, or what it came to.
    """

    number: int
    name: str
    summary: str
    state: RowState
    seconds: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line that stays on the screen; `row` holds what a line of kind `call` shows."""

    kind: LineKind
    text: str
    row: Row | None = None


@dataclass(slots=True)
class _Call:
    """What is known of one call of the current turn."""

    number: int
    id: str
    name: str
    state: RowState = "streaming"
    input: Json = field(default_factory=dict[str, Any])
    waits_for: tuple[str, ...] = ()
    started: float | None = None
    ended: float | None = None
    output: str = ""
    result: Result | None = None
    held: bool = False

    def update(self, event: CallChanged) -> None:
        self.id, self.name, self.input = event.call.id, event.call.name, event.call.input
        self.state, self.waits_for, self.result = event.state, event.waits_for, event.result
        if event.state == "running":
            self.started = event.at
        elif event.state in OVER:
            self.ended = event.at

    def seconds(self, now: float) -> float | None:
        if self.started is None:
            return None
        return max(0.0, (now if self.ended is None else self.ended) - self.started)


class RunView:
    """Follows one run. `receive` returns what is now certain and stays; `rows` and `status` what may still change."""

    def __init__(self, *, thinking: bool = False) -> None:
        """Show a run; with `thinking` also what the model thinks, where the API tells."""
        self._thinking = thinking
        self._calls: dict[int, _Call] = {}
        self._reply_complete = False
        self._in_turn = False
        self._since = 0.0
        # What the model has done in this reply so far: nothing, thought, or said something.
        self._doing: Literal["", "thinking", "said", "summing up"] = ""
        self._text = ""
        self._text_kind: LineKind = "text"
        self._retry: tuple[Retrying, float] | None = None

    @property
    def partial(self) -> str:
        """The text of the line the model is writing."""
        return safe(self._text)

    @property
    def partial_kind(self) -> LineKind:
        """Whether that line is text or thinking."""
        return self._text_kind

    @property
    def running(self) -> bool:
        """Whether something changes with time: a call runs, a retry counts down, the model is waited for."""
        return self._in_turn or self._retry is not None

    def receive(self, event: AgentEvent, now: float) -> list[Line]:
        """Take an event and return the lines it makes certain, in order."""
        if not isinstance(event, Retrying):
            self._retry = None
        return list(self._receive(event, now))

    def _receive(self, event: AgentEvent, now: float) -> Iterator[Line]:  # noqa: C901, PLR0912  (one case per event)
        match event:
            case RunStarted():
                self._in_turn = False
            case TurnStarted(at=at):
                yield from self._finish_turn(now)
                self._in_turn, self._since, self._doing = True, at, ""
            case TextAdded(text=text):
                self._doing = "said"
                yield from self._write("text", text)
            case ThinkingAdded(text=text):
                self._doing = "thinking"
                if self._thinking:
                    yield from self._write("thinking", text)
            case CallStreaming():
                yield from self._flush()
                self._doing = "said"
                self._calls[event.index] = _Call(event.index + 1, event.id, event.name)
            case CallChanged():
                call = self._calls.setdefault(event.index, _Call(event.index + 1, event.call.id, event.call.name))
                call.update(event)
            case CallOutput(id=id_, text=text):
                for call in self._with_id(id_):
                    call.output = (call.output + text)[-2000:]
            case CallHeld(id=id_, held=held):
                for call in self._with_id(id_):
                    call.held = held
            case ReplyReceived():
                self._reply_complete, self._in_turn = True, bool(self._calls)
                yield from self._flush()
            case ResultsReady():
                yield from self._finish_turn(now)
            case Retrying():
                self._retry = event, now
                yield Line("note", one_line(_retry_line(event)))
            case Warned(text=text):
                yield Line("note", one_line(text))
            case HookRan(event=when, outcome=text):
                yield Line("note", one_line(f"{when} hook: {text}"))
            case CompactionStarted() | ContextCompacted() | CompactionSkipped() | ResultsCleared():
                self._doing = "summing up" if isinstance(event, CompactionStarted) else ""
                yield Line("note", one_line(_context_line(event)))
            case TurnDiscarded(reason=reason):
                yield from self._flush()
                if self._doing:
                    yield Line("note", one_line(f"The reply was dropped, nothing of it counts: {reason}"))
                self._calls.clear()
                self._reply_complete, self._doing = False, ""
            case ContextMeasured():
                return
            case RunEnded():
                yield from self._finish_turn(now)

    def _with_id(self, id_: str) -> list[_Call]:
        return [call for call in self._calls.values() if call.id == id_]

    def rows(self, now: float) -> list[Row]:
        """Return the rows of the current turn's calls, in request order."""
        return [self._row(call, now) for _, call in sorted(self._calls.items())]

    def status(self, now: float) -> str:
        """Return what the run waits for where no row tells it, or an empty text."""
        if self._retry is not None:
            event, since = self._retry
            return f"asking again in {max(0.0, event.wait - (now - since)):.0f} s"
        if self._in_turn and not self._calls and self._doing != "said":
            what = _WAITS_FOR[self._doing]
            return f"{what}, {max(0.0, now - self._since):.0f} s"
        return ""

    def _row(self, call: _Call, now: float) -> Row:
        return Row(
            call.number,
            one_line(call.name),
            summary_of(call.input),
            call.state,
            call.seconds(now),
            self._note(call),
        )

    def _note(self, call: _Call) -> str:
        if call.state == "asking":
            return "waits for a hook" if call.held else "waits for you"
        if call.state == "waiting":
            return self._reason(call)
        if call.state == "running":
            return _last_line(call.output)
        return outcome_of(call.result) if call.result else ""

    def _reason(self, call: _Call) -> str:
        before = [other for other in self._calls.values() if other.id in call.waits_for and other.state not in OVER]
        if before:
            numbers = ", ".join(f"#{other.number}" for other in sorted(before, key=lambda other: other.number))
            same = all(_same_file(call.input, other.input) for other in before)
            return f"waits for {numbers}" + (": same file" if same else "")
        return "waits for a free place" if self._reply_complete else "waits for the end of the reply"

    def _write(self, kind: LineKind, text: str) -> Iterator[Line]:
        if kind != self._text_kind:
            yield from self._flush()
        self._text_kind = kind
        *whole, self._text = (self._text + text).split("\n")
        for line in whole:
            yield Line(kind, safe(line))

    def _flush(self) -> Iterator[Line]:
        if self._text:
            yield Line(self._text_kind, safe(self._text))
        self._text = ""

    def _finish_turn(self, now: float) -> Iterator[Line]:
        yield from self._flush()
        rows = self.rows(now)
        for row in rows:
            yield Line("call", "", row)
        summary = self._summary()
        if summary:
            yield Line("summary", summary)
        self._calls.clear()
        self._reply_complete = self._in_turn = False

    def _summary(self) -> str:
        """Say how long the turn's calls took, and how long they would have taken one after another."""
        spans = [(c.started, c.ended) for c in self._calls.values() if c.started is not None and c.ended is not None]
        if len(self._calls) < 2 or not spans:
            return ""
        wall = max(ended for _, ended in spans) - min(started for started, _ in spans)
        total = sum(ended - started for started, ended in spans)
        text = f"{len(self._calls)} calls, {seconds_text(wall)}"
        return f"{text}; one after another {seconds_text(total)}" if total > wall * 1.05 + 0.05 else text


def summary_of(arguments: Mapping[str, Any]) -> str:
    """Return a call's arguments on one line: the one that tells most, or all of them."""
    main = next((str(arguments[key]) for key in _TELLING if arguments.get(key)), "")
    path = _path(arguments)
    if main or path:
        return one_line(f"{main} in {path}" if main and path else main or path, _LONGEST)
    if is_array(arguments.get("todos")):
        return one_line(_todos(arguments["todos"]), _LONGEST)
    return one_line(", ".join(f"{key}={value}"[:_LONGEST] for key, value in arguments.items()), _LONGEST)


def _todos(todos: list[Any]) -> str:
    """Return how far a todo list is, and what is being done."""
    known = [todo for todo in todos if is_object(todo)]
    done = sum(todo.get("status") in ("done", "completed") for todo in known)
    now = [str(todo.get("text", todo.get("content", ""))) for todo in known if todo.get("status") == "in_progress"]
    return f"{done} of {len(todos)} done{': ' if now else ''}{', '.join(now)}"


def outcome_of(result: Result) -> str:
    """Return what a call came to, on one line: why it failed, its only line, or how many lines it has."""
    if not isinstance(result.content, str):
        kinds = [str(block.get("type")) for block in result.content]
        return one_line(", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)))
    lines = [line for line in result.content.splitlines() if line.strip()]
    if result.is_error or len(lines) == 1:
        return one_line(lines[0], _LONGEST) if lines else ""
    return f"{len(lines)} lines" if lines else "no output"


def call_line(call: ToolCall) -> str:
    """Return a call on one line, safe to print."""
    return f"{one_line(call.name)} {summary_of(call.input)}".rstrip()


def seconds_text(seconds: float) -> str:
    """Return a duration as people read it: tenths, then whole seconds, then minutes."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _context_line(event: CompactionStarted | ContextCompacted | CompactionSkipped | ResultsCleared) -> str:
    match event:
        case CompactionStarted(reason=reason):
            return f"The conversation is summed up: {reason}."
        case ContextCompacted(before=before, after=after):
            return f"About {before:,} tokens of context became {after:,}."
        case CompactionSkipped(reason=reason):
            return reason
        case ResultsCleared(results=results, tokens=tokens):
            return f"{results} old results were cleared, about {tokens:,} tokens of context."


def _retry_line(event: Retrying) -> str:
    reason = event.reason.rstrip(". ")
    return f"{reason}; asking again in {seconds_text(event.wait)} (attempt {event.attempt} of {event.attempts} failed)"


def _path(arguments: Mapping[str, Any]) -> str:
    return next((str(arguments[key]) for key in _PATHS if arguments.get(key)), "")


def _same_file(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(_path(one)) and _path(one) == _path(other)


def _last_line(output: str) -> str:
    lines = output.split("\n")
    return next((one_line(line, _LONGEST) for line in reversed(lines) if line.strip()), "")
