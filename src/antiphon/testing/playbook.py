"""Tests of a turn, written as the conversation they are about: what happens, and what must follow from it.

::

    play(
        requested("a", writing(MAIN_PY)),
        requested("b", writing(MAIN_PY)),
        MessageEnded(),         Start("a"),
        finished("a", "ok"),    Start("b"),
        finished("b", "ok"),    replied(a="ok", b="ok"),
    )

Knows the engine's events and commands. Does not know tasks or time: a turn is plain values.
"""

from dataclasses import dataclass
from typing import Any

from antiphon.engine.events import (
    INDEPENDENT,
    Access,
    Allowed,
    Ask,
    Cancelled,
    Command,
    Denied,
    Discarded,
    Event,
    Finished,
    MessageEnded,
    Reply,
    Requested,
    Resource,
    Result,
    Resumed,
    Start,
    Stop,
    ToolCall,
    failure,
)
from antiphon.engine.turn import DEFAULT_LIMIT, Turn

_EVENTS = (Requested, Allowed, Denied, MessageEnded, Finished, Cancelled, Discarded, Resumed)

_SHOWN = 30
"""How many characters of a result a picture shows."""


@dataclass(frozen=True, slots=True)
class Replied:
    """The reply, by ids: what `Reply` is without spelling out each call."""

    results: tuple[tuple[str, Result], ...]


def requested(
    id: str,  # noqa: A002  (the word of `ToolCall`)
    access: Access = INDEPENDENT,
    *,
    ask: bool = False,
    answer: str | Result | None = None,
    denied: bool = False,
    name: str = "tool",
    input: dict[str, Any] | None = None,  # noqa: A002  (the word of `ToolCall`)
) -> Requested:
    """Return the event that a call's block closed; a text as `answer` says why the call can never run."""
    if isinstance(answer, str):
        answer = failure(answer)
    return Requested(ToolCall(id, name, input or {}), access, ask=ask, answer=answer, denied=denied)


def finished(id: str, result: str | Result = "ok") -> Finished:  # noqa: A002  (the word of `Finished`)
    """Return the event that a call is done."""
    return Finished(id, _result(result))


def failed(id: str, text: str = "failed") -> Finished:  # noqa: A002  (the word of `Finished`)
    """Return the event that a call ended without success."""
    return Finished(id, failure(text))


def denied(id: str, text: str = "denied") -> Denied:  # noqa: A002  (the word of `Denied`)
    """Return the event that a call was not allowed."""
    return Denied(id, failure(text))


def replied(*pairs: tuple[str, str | Result], **results: str | Result) -> Replied:
    """Return the reply that must follow: ids and results in request order, as pairs or as keyword arguments."""
    return Replied(tuple((key, _result(value)) for key, value in (*pairs, *results.items())))


def play(*steps: Event | Command | Replied, limit: int = DEFAULT_LIMIT) -> Turn:
    """Feed the events of a playbook to a new turn; the commands after each must come of it, all of them, in order.

    Args:
        *steps: events, each followed by the commands that must come of it (none, if none stand there).
        limit: how many calls may run at once.

    Returns:
        The turn, for further questions.

    Raises:
        AssertionError: with the playbook and an arrow at the first step that went otherwise.
    """
    __tracebackhide__ = True
    turn = Turn(limit)
    came: list[Command] = []
    for number, step in enumerate(steps):
        if not isinstance(step, _EVENTS):
            if not came:
                raise AssertionError(_picture(steps, number, "nothing more came of it"))
            if not _is(came[0], step):
                raise AssertionError(_picture(steps, number, f"instead came {_text(came[0])}"))
            del came[0]
            continue
        if came:
            raise AssertionError(_picture(steps, number, _unexpected(came)))
        try:
            came = turn.receive(step)
        except Exception as error:
            error.add_note(_picture(steps, number, "this was refused"))
            raise
    if came:
        raise AssertionError(_picture(steps, len(steps), _unexpected(came)))
    return turn


def _result(value: str | Result) -> Result:
    return Result(value) if isinstance(value, str) else value


def _is(command: Command, wanted: Command | Replied) -> bool:
    if isinstance(wanted, Replied) and isinstance(command, Reply):
        return tuple((call.id, result) for call, result in command.results) == wanted.results
    return command == wanted


def _unexpected(came: list[Command]) -> str:
    return f"before this came {', '.join(_text(command) for command in came)}"


def _picture(steps: tuple[Event | Command | Replied, ...], at: int, found: str) -> str:
    """Draw the playbook with an arrow at step `at` (its length for the end) and what was found there."""
    lines = ["the turn does not follow the playbook", ""]
    for number, step in enumerate(steps):
        line = _text(step) if isinstance(step, _EVENTS) else f"    {_text(step)}"
        lines.append(f" ──▶ {line}" if number == at else f"     {line}")
        if number == at:
            lines.append(f"     ╰── {found}")
    if at == len(steps):
        lines += [" ──▶ (the end)", f"     ╰── {found}"]
    return "\n".join(lines)


def _text(step: Event | Command | Replied) -> str:
    match step:
        case Requested(call, access, ask, answer, denied):
            parts = [repr(call.id), *_touched("reads", access.reads), *_touched("writes", access.writes)]
            parts += ["early"] * access.early + ["ask"] * ask
            if answer is not None:
                parts.append("denied: " * denied + _shown(answer))
            text = f"requested({', '.join(parts)})"
        case Finished(key, result) | Denied(key, result):
            text = f"{type(step).__name__.lower()}({key!r}, {_shown(result)})"
        case Reply(results):
            text = _reply(tuple((call.id, result) for call, result in results))
        case Replied(results):
            text = _reply(results)
        case Allowed(key) | Ask(key) | Start(key) | Stop(key):
            text = f"{type(step).__name__}({key!r})"
        case MessageEnded(cut):
            text = "MessageEnded(cut=True)" if cut else "MessageEnded()"
        case Cancelled() | Discarded() | Resumed():
            text = repr(step)
    return text


def _touched(verb: str, resources: tuple[Resource, ...]) -> list[str]:
    return [f"{verb} {'/'.join(resource) or 'everything'}" for resource in resources]


def _shown(result: Result) -> str:
    text = result.content if isinstance(result.content, str) else f"{len(result.content)} blocks"
    return f"{'error ' if result.is_error else ''}{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'!r}"


def _reply(results: tuple[tuple[str, Result], ...]) -> str:
    return f"replied({', '.join(f'{key}: {_shown(result)}' for key, result in results)})"
