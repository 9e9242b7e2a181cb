"""Says in one sentence what went wrong and what to do about it, and which exit code that is."""

import os
from dataclasses import dataclass
from typing import cast

from antiphon.agent.events import RunResult, StopReason
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.safe_text import one_line, safe
from antiphon.errors import AntiphonError, Overloaded, Rejected, SettingsError, StreamBroken, Unreachable
from antiphon.redaction import Redactor, redacted_traceback

_CODES: dict[StopReason, ExitCode] = {
    "end_turn": ExitCode.OK,
    "max_turns": ExitCode.MAX_TURNS,
    "max_budget": ExitCode.MAX_BUDGET,
    "max_calls": ExitCode.MAX_CALLS,
    "repetition": ExitCode.REPETITION,
    "cancelled": ExitCode.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What to tell (nothing, if empty), safe to print, and the exit code."""

    text: str
    code: ExitCode


def explained(error: BaseException) -> Failure:
    """Return what to tell about an exception that ended the process."""
    error = _root(error)
    if isinstance(error, BrokenPipeError):
        return Failure("", ExitCode.BROKEN_PIPE)
    if isinstance(error, KeyboardInterrupt):
        return Failure("", ExitCode.INTERRUPTED)
    if isinstance(error, SettingsError):
        return Failure(_told(str(error)), ExitCode.USAGE)
    if isinstance(error, AntiphonError):
        return Failure(_with_advice(str(error), error), ExitCode.ERROR)
    name = type(error).__name__
    text = f"internal error: {name}: {error}. With --verbose it says where; please report it."
    return Failure(_told(text), ExitCode.ERROR)


def traced(error: BaseException) -> str:
    """Return where an exception comes from, as it may be printed and go into a report: no secrets, nothing to obey."""
    return safe(redacted_traceback(error, os.environ))


def exit_code(result: RunResult) -> ExitCode:
    """Return the exit code of a run that ended like this."""
    return _CODES.get(result.stop_reason, ExitCode.ERROR)


def why_stopped(result: RunResult) -> str:
    """Return why a run ended, and what to do, or an empty text for one that came to its end."""
    return _with_advice(result.error, result.cause) if result.error else ""


def _root(error: BaseException) -> BaseException:
    """Return the one exception inside groups of one, as task groups raise it."""
    found = error
    while isinstance(found, BaseExceptionGroup):
        inside = cast("tuple[BaseException, ...]", found.exceptions)
        if len(inside) != 1:
            return error
        found = inside[0]
    return found


def _with_advice(text: str, cause: BaseException | None) -> str:
    advice = _advice(cause)
    line = _told(text)
    return f"{line.rstrip('.')}. {advice}" if advice else line


def _told(text: str) -> str:
    """Return a message on one line. It may quote what it is about: a header, an address with a password in it."""
    return one_line(Redactor.of(os.environ).redact(text))


def _advice(cause: BaseException | None) -> str:
    match cause:
        case Overloaded():
            return "Try again later, or with another --model."
        case Rejected(status=401 | 403):
            return "Check the key in ANTHROPIC_API_KEY; `antiphon demo` needs none."
        case Rejected(status=404):
            return "Check the name given by --model or ANTHROPIC_MODEL, and ANTHROPIC_BASE_URL."
        case Unreachable():
            return "Check the network and ANTHROPIC_BASE_URL; `antiphon demo` needs no network."
        case StreamBroken():
            return "Nothing of the broken reply was used; try again."
        case _:
            return ""
