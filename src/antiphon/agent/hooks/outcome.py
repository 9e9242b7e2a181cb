"""What hooks say: how one program's answer is read, and what several come to together. Pure.

The form is the widespread one: exit code 0 with JSON on standard output, 2 for "block" with the reason on standard
error; every other code is a warning to the user and decides nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Struct

from antiphon.policy.hooks import HookEvent
from antiphon.tools.bounding import safe

LONGEST_TEXT = 10_000
"""Characters of what hooks of one event say to the model, or to the user."""
_LONGEST_COMPLAINT = 300

BLOCKING_CODE = 2

Verdict = Literal["", "allow", "ask", "deny"]
_RANK: dict[Verdict, int] = {"deny": 0, "ask": 1, "allow": 2, "": 3}
_VERDICTS: dict[str, Verdict] = {"approve": "allow", "allow": "allow", "ask": "ask", "block": "deny", "deny": "deny"}

_SAY_MORE_BY_TEXT = "UserPromptSubmit", "SessionStart"
"""At these events plain text on standard output is context; elsewhere it is for the program's own log."""

INPUT_CHANGED = "A hook wants to run this call with other arguments, which is not supported. Ask for it in that form"


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """What the hooks of one event came to.

    Attributes:
        verdict: whether what is about to happen may; `deny` blocks it. Empty where they have no opinion.
        reason: why, where they said so.
        context: what the model is to be told.
        stop: the run is to stop, for this reason; None where it is not.
        messages: what the user is to be told.
        trouble: what went wrong with a hook itself, as a sentence that begins behind its name.
    """

    verdict: Verdict = ""
    reason: str = ""
    context: str = ""
    stop: str | None = None
    messages: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def blocks(self) -> bool:
        """Whether what is about to happen may not."""
        return self.verdict == "deny"


class _Specific(Struct, rename="camel"):
    permission_decision: str | None = None
    permission_decision_reason: str | None = None
    additional_context: str | None = None
    updated_input: Any = None


class _Answer(Struct, rename="camel"):
    """What is read of the JSON; whatever else there is means nothing to us."""

    go_on: bool | None = msgspec.field(default=None, name="continue")
    stop_reason: str | None = None
    decision: str | None = None
    reason: str | None = None
    additional_context: str | None = None
    system_message: str | None = None
    hook_specific_output: _Specific | None = None


def read_outcome(event: HookEvent, code: int, output: bytes, errors: bytes) -> HookOutcome:
    """Return what a hook said by its exit code, its standard output and its standard error."""
    if code == BLOCKING_CODE:
        return _blocked(event, _text(errors))
    if code != 0:
        # The last line tells most: of a traceback, what was raised.
        said = _text(errors).rpartition("\n")[2][:_LONGEST_COMPLAINT]
        return HookOutcome(trouble=f"ended with exit code {code}{f' ({said})' if said else ''}")
    text = _text(output)
    if not text.startswith("{"):
        return HookOutcome(context=text) if event in _SAY_MORE_BY_TEXT else HookOutcome()
    try:
        answer = msgspec.json.decode(text.encode(), type=_Answer)
    except (msgspec.DecodeError, RecursionError) as problem:
        return HookOutcome(trouble=f"answered with JSON that cannot be used: {problem}")
    return _said(event, answer)


def combined(outcomes: Sequence[HookOutcome]) -> HookOutcome:
    """Return what hooks (one or more) come to, in the order they are configured: deny beats ask, ask beats allow."""
    verdicts: list[Verdict] = [one.verdict for one in outcomes]
    verdict = min(verdicts, key=_RANK.__getitem__)
    stops = [one.stop for one in outcomes if one.stop is not None]
    return HookOutcome(
        verdict,
        _joined(one.reason for one in outcomes if one.verdict == verdict),
        _joined(one.context for one in outcomes),
        _joined(stops) if stops else None,
        tuple(message for one in outcomes for message in one.messages),
        _joined(one.trouble for one in outcomes),
    )


def _blocked(event: HookEvent, reason: str) -> HookOutcome:
    if event == "SessionStart":
        return HookOutcome(messages=(reason,) if reason else ())  # there is nothing that could be blocked
    return HookOutcome("deny", reason)


def _said(event: HookEvent, answer: _Answer) -> HookOutcome:
    specific = answer.hook_specific_output or _Specific()
    decision, reason = answer.decision, answer.reason
    if event == "PreToolUse" and specific.permission_decision is not None:
        decision, reason = specific.permission_decision, specific.permission_decision_reason
    verdict = _VERDICTS.get(decision or "", "")
    trouble = f"decided {decision!r}, which is no decision" if decision and decision != "defer" and not verdict else ""
    if event == "PreToolUse" and specific.updated_input is not None and verdict != "deny":
        verdict, reason = "deny", INPUT_CHANGED
    if event != "PreToolUse" and verdict != "deny":
        verdict = ""  # only calls are allowed or asked about
    stop = _short(answer.stop_reason) if answer.go_on is False else None
    context = _joined((_short(specific.additional_context), _short(answer.additional_context)))
    message = _short(answer.system_message)
    said = HookOutcome(
        verdict, _short(reason) if verdict else "", context, stop, (message,) if message else (), trouble
    )
    return said if event != "SessionStart" else HookOutcome("", "", context, stop, said.messages, trouble)


def _joined(texts: Iterable[str]) -> str:
    return _short("\n".join(text for text in texts if text))


def _text(data: bytes) -> str:
    # One character takes four bytes at most; the rest would be cut anyway, but for JSON, which must be whole.
    return safe(data.decode("utf-8", "replace")).strip()


def _short(text: str | None) -> str:
    text = safe(text or "").strip()
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]} [... {len(text):,} characters in all]"
