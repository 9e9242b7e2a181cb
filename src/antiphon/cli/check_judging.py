"""Judges the conversations of a file, and repairs them. Knows rules and dialects; does not know files or formats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from antiphon.cli.check_problem import Problem
from antiphon.cli.check_rules import Selection, rule_entry
from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import dialect, in_strict_order
from antiphon.protocol.messages import Json, blocks_of, is_array, role_of, tool_uses
from antiphon.protocol.rule import Rule, Violation
from antiphon.transcripts.document import Document, Stored

_GOES_ON = "(the conversation goes on)"
"""Stands for what comes after a conversation that ended on purpose, while it is judged."""


class CannotJudge(ValueError):
    """The dialect that was asked for speaks of another wire form."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What repairs made of a file's conversations: the requests, and what was repaired."""

    requests: list[Json]
    fixed: list[Problem]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges conversations.

    Attributes:
        selection: which rules are looked at.
        upstream: the dialect to judge by; None for that of each conversation.
        strict_order: whether results must stand in the order of their calls.
    """

    selection: Selection
    upstream: str | None = None
    strict_order: bool = False

    def problems(self, document: Document) -> list[Problem]:
        """Return what is wrong with a file and its conversations, in the order of its lines where it has some.

        Problems of one line, or without, are in the order in which the API would meet them.

        Raises:
            CannotJudge: the dialect does not fit.
        """
        found: list[Problem] = []
        for finding in document.findings:
            if self.selection.has(finding.rule):
                entry = replace(rule_entry(finding.rule), fix="safe" if finding.mended else "none")
                found.append(Problem(entry, finding.text, finding.line))
        for stored in document.conversations:
            violations = check(_continued(stored), self.dialect_of(stored), context=stored.context)
            found += _told(stored, [violation for violation in violations if self.selection.has(violation.rule)])
        if _has_lines(document):
            return sorted(found, key=lambda problem: problem.line or 0)
        return [replace(problem, line=None) for problem in found]

    def mended(self, document: Document, *, lossy: bool) -> Mended:
        """Repair what is selected, and what such a repair brings with it; the rest is the same objects as before.

        Raises:
            CannotJudge: the dialect does not fit.
        """
        mended = Mended([], [])
        for stored in document.conversations:
            request, violations = self._repaired(stored, lossy=lossy)
            mended.requests.append(request)
            mended.fixed.extend(_told(stored, violations))
        if not _has_lines(document):
            mended.fixed[:] = [replace(problem, line=None) for problem in mended.fixed]
        return mended

    def _repaired(self, stored: Stored, *, lossy: bool) -> tuple[Json, Sequence[Violation]]:
        upstream, request = self.dialect_of(stored), _continued(stored)
        present = {found.rule for found in check(request, upstream, context=stored.context)}
        if not any(self.selection.has(rule_id) for rule_id in present):
            return stored.request, ()

        def allowed(rule: Rule) -> bool:
            if rule.id == "TU001" and _ends_open(stored):
                return False
            return rule.id not in present or self.selection.has(rule.id)

        outcome = repair(request, _as_reported(upstream), lossy=lossy, context=stored.context, allowed=allowed)
        if outcome.request is request:
            return stored.request, ()
        repaired = outcome.request if request is stored.request else _without_end(outcome.request)
        return repaired, outcome.violations

    def dialect_of(self, stored: Stored) -> Dialect:
        """Return the dialect that a conversation is judged by.

        Raises:
            CannotJudge: the dialect does not fit.
        """
        try:
            own = dialect(stored.dialect)
        except ValueError as problem:
            raise CannotJudge(f"{problem}") from None
        wanted = own if self.upstream is None else dialect(self.upstream)
        if wanted.form is not own.form:
            raise CannotJudge(f"this is a conversation in the form of {own.name}, which {wanted.name} does not speak")
        return in_strict_order(wanted) if self.strict_order else wanted


def _told(stored: Stored, violations: Sequence[Violation]) -> Iterator[Problem]:
    length = _length(stored.request)
    # Where lines are told, they tell conversations of one line apart.
    label = "" if stored.lines and stored.label == f"line {stored.lines[0]}" else stored.label
    for found in violations:
        message = found.message
        # What is said of an end that we added, or of one that is left open on purpose, is nobody's problem.
        if stored.finished and message is not None and (message >= length or _is_open_end(stored, found)):
            continue
        yield Problem(
            rule_entry(found.rule),
            found.text,
            _line_of(stored, message),
            label,
            message,
            found.block,
            path_of(stored.request, message, found.block),
        )


def path_of(request: Json, message: int | None, block: int | None) -> str:
    """Return the place in the words of the wire form, as in `messages[3].content[1]`; empty for the whole request."""
    if message is None:
        return ""
    array = array_of(request)
    inner = "" if block is None else f".{'parts' if array == 'contents' else 'content'}[{block}]"
    return f"{array}[{message}]{inner}"


def array_of(request: Json) -> str:
    """Return the name of the field in which a request of any form has its messages."""
    return next((name for name in ("messages", "input", "contents") if is_array(request.get(name))), "messages")


def _length(request: Json) -> int:
    messages = request.get(array_of(request))
    return len(messages) if is_array(messages) else 0


def _line_of(stored: Stored, message: int | None) -> int | None:
    index = message or 0
    return stored.lines[index] if index < len(stored.lines) else None


def _has_lines(document: Document) -> bool:
    """Say whether lines tell places apart; all of a compact JSON file stands on its first."""
    lines = (line for stored in document.conversations for line in (*stored.lines[:1], *stored.lines[-1:]))
    return any(line > 1 for line in lines) or any((finding.line or 0) > 1 for finding in document.findings)


def _as_reported(upstream: Dialect) -> Dialect:
    """Return the dialect without what it may or may not enforce: a file changes only where something was reported."""
    return replace(
        upstream,
        except_rules=upstream.except_rules | upstream.doubtful_rules,
        doubtful_rules=frozenset(),
        doubtful_order=False,
    )


# A conversation that ended on purpose is judged as it will be sent: somebody has answered, and it goes on.


def _continued(stored: Stored) -> Json:
    messages = stored.request.get("messages")
    if not stored.finished or not is_array(messages) or not messages or dialect(stored.dialect).form is not None:
        return stored.request
    calls: list[Json] = []
    for message in reversed(messages):
        if role_of(message) != "assistant":
            break
        calls[:0] = tool_uses(message)
    if role_of(messages[-1]) != "assistant":
        return stored.request
    results = [{"type": "tool_result", "tool_use_id": call.get("id"), "content": _GOES_ON} for call in calls]
    end = {"role": "user", "content": [*results, {"type": "text", "text": _GOES_ON}]}
    return {**stored.request, "messages": [*messages, end]}


def _without_end(repaired: Json) -> Json:
    *messages, last = repaired["messages"]
    kept = [block for block in blocks_of(last) if _GOES_ON not in (block.get("content"), block.get("text"))]
    return {**repaired, "messages": [*messages, *([{**last, "content": kept}] if kept else [])]}


def _ends_open(stored: Stored) -> bool:
    """Say whether a conversation ended on purpose in a form for which we have no end to add."""
    return stored.finished and dialect(stored.dialect).form is not None


def _is_open_end(stored: Stored, found: Violation) -> bool:
    return _ends_open(stored) and found.rule == "TU001" and found.message == _length(stored.request) - 1
