"""What a run tells its surfaces, live. Surfaces hold no conversation state of their own.

Calls are told in the order things happen to them (completion order); `ResultsSent` and the messages are in request
order. Times are seconds of the monotonic clock of the run.
"""

from dataclasses import dataclass, field
from typing import Literal

from antiphon.engine.events import CallState, Result, ToolCall
from antiphon.errors import AntiphonError
from antiphon.protocol.messages import Json


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, or summed over several, as the API counts them; and what they cost.

    Attributes:
        input_tokens: input after the last cache marker, paid in full.
        output_tokens: tokens of replies.
        cache_read_input_tokens: input read from the cache.
        cache_creation_input_tokens: input written to the cache.
        cost: US dollars by the price table, or None when the model's price is unknown.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cost: float | None = 0.0


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A prompt was taken."""

    session_id: str
    model: str
    tools: tuple[str, ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A request goes out. `turn` counts from 1 within the run."""

    turn: int
    at: float


@dataclass(frozen=True, slots=True)
class TextAdded:
    """The model writes text."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingAdded:
    """The model thinks, where the API shows it."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStreaming:
    """A tool call's block began: its row can be drawn. `index` counts the calls of the turn from 0, in request order.

    The id is the model's; when the block closes, `CallChanged` carries the id that is used from then on, with the
    same index.
    """

    index: int
    id: str
    name: str
    at: float


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A call entered a state.

    Attributes:
        index: which call of the turn, from 0, in request order.
        call: the call.
        state: where it stands now.
        at: when.
        waits_for: why it waits, where `state` is `waiting`: ids of earlier calls it conflicts with;
            empty when it waits for the end of the message or a free place.
        result: what it came to, where it is over.
    """

    index: int
    call: ToolCall
    state: CallState
    at: float
    waits_for: tuple[str, ...] = ()
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class CallOutput:
    """A running call printed something."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    """The assistant message is complete and part of the conversation.

    Attributes:
        message: role and content, as it goes back in history.
        stop_reason: the API's; `cancelled` for a reply that was stopped midway, of which this is what was said.
        usage: of this reply.
        reply: the API's whole message object; empty for a reply that was stopped.
    """

    message: Json
    stop_reason: str
    usage: Usage
    reply: Json
    at: float


@dataclass(frozen=True, slots=True)
class ResultsReady:
    """All calls of the turn are answered: this user message goes out next, results in request order."""

    message: Json
    at: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """The request failed and will be sent again.

    Attributes:
        attempt: the attempt that failed, from 1.
        attempts: how many there will be at most.
        wait: seconds until the next one.
        reason: what happened, for the user.
    """

    attempt: int
    attempts: int
    wait: float
    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something went wrong beside the run, which goes on; a sentence for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class CallHeld:
    """Hooks are being asked whether a call may run (`held`), or have answered; a person is asked only after them."""

    id: str
    held: bool


@dataclass(frozen=True, slots=True)
class HookRan:
    """A hook has something to tell the user. What it says to the model is no part of this.

    Attributes:
        event: when it ran: PreToolUse, PostToolUse, UserPromptSubmit, Stop or SessionStart.
        command: the hook's command.
        seconds: how long it took.
        outcome: what it says.
    """

    event: str
    command: str
    seconds: float
    outcome: str


@dataclass(frozen=True, slots=True)
class TurnDiscarded:
    """A reply broke off or was refused and left nothing behind; rows of its calls can go."""

    reason: str


@dataclass(frozen=True, slots=True)
class ContextMeasured:
    """How full the context is behind a reply.

    Attributes:
        used: tokens that the next request is expected to hold.
        window: tokens that a request and its reply may have together, or None where that is not known.
    """

    used: int
    window: int | None


@dataclass(frozen=True, slots=True)
class CompactionStarted:
    """The conversation is being summed up to make room; `reason` says why, for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class ContextCompacted:
    """The conversation goes on from a summary; all that was before it stays in the session's log.

    Attributes:
        before: tokens of the context before, about.
        after: tokens of the context now, about.
        summary: what the model wrote, or what stands in for that.
        usage: of what was asked to get the summary.
        seconds: how long it took.
    """

    before: int
    after: int
    summary: str
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class CompactionSkipped:
    """The conversation could not be summed up and is as it was; `reason` says why, for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class ResultsCleared:
    """Old results were cleared in place, which cost no cache; `tokens` is about how many that saves per request."""

    results: int
    tokens: int


StopReason = Literal[
    "end_turn",
    "max_turns",
    "max_budget",
    "max_calls",
    "max_tokens",
    "repetition",
    "hook",
    "refusal",
    "context_window",
    "cancelled",
    "error",
]
"""Why a run stopped.

end_turn: the model was done. max_turns, max_budget, max_calls: a limit of the user's. max_tokens: a reply was cut.
repetition: the model did the same, or failed, again and again. hook: a hook of the user's said so. refusal: the model
refused. context_window: there was no room left. cancelled: the user stopped it. error: the model's side failed.
"""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        text: the text of the last assistant message.
        stop_reason: `end_turn` when the model was done; else why the run stopped.
        turns: number of requests that got a reply.
        usage: summed over the run.
        seconds: wall time.
        error: a sentence for the user where `stop_reason` is not `end_turn`.
        cause: the exception behind stop reason `error`.
    """

    text: str
    stop_reason: StopReason
    turns: int
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    error: str | None = None
    cause: AntiphonError | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over; the conversation is valid and the next prompt may follow."""

    result: RunResult


AgentEvent = (
    RunStarted
    | TurnStarted
    | TextAdded
    | ThinkingAdded
    | CallStreaming
    | CallChanged
    | CallOutput
    | ReplyReceived
    | ResultsReady
    | Retrying
    | Warned
    | CallHeld
    | HookRan
    | TurnDiscarded
    | ContextMeasured
    | CompactionStarted
    | ContextCompacted
    | CompactionSkipped
    | ResultsCleared
    | RunEnded
)
