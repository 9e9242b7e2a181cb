"""Judges the conversations of a file, and repairs them. Knows rules and dialects; does not know files or formats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from antiphon.cli.checking.problem import Problem
from antiphon.cli.checking.rules import Selection, rule_entry
from antiphon.protocol.characters import half_characters, made_whole
from antiphon.protocol.checking import Repaired, check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.dialects import dialect, in_strict_order
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, role_of, tool_uses
from antiphon.protocol.rule import Rule, Violation
from antiphon.protocol.rules.rq005_lone_surrogate import LONE_SURROGATE
from antiphon.protocol.rules.th007_bound_thinking import BOUND_THINKING
from antiphon.transcripts.document import Document, Stored

_GOES_ON = "(the conversation goes on)"
"""Stands for what comes after a conversation that ended on purpose, while it is judged."""


class CannotJudge(ValueError):
    """The dialect that was asked for speaks of another wire form."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What repairs made of a file's conversations: the requests, what was repaired, and why something was not."""

    requests: list[Json] = field(default_factory=list[Json])
    fixed: list[Problem] = field(default_factory=list[Problem])
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges conversations.

    Attributes:
        selection: which rules are looked at.
        upstream: the dialect to judge by; None for that of each conversation.
        strict_order: whether results must stand in the order of their calls.
        model: the model that will go on with the conversations; None for the one each names, if any.
    """

    selection: Selection
    upstream: str | None = None
    strict_order: bool = False
    model: str | None = None

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
            sent = self._as_sent(stored)
            violations = [
                *half_characters(sent, array_of(sent)),
                *check(sent, self.dialect_of(stored), context=stored.context),
            ]
            found += _told(stored, sent, [found for found in violations if self.selection.has(found.rule)])
        if _has_lines(document):
            return sorted(found, key=lambda problem: problem.line or 0)
        return [replace(problem, line=None) for problem in found]

    def mended(self, document: Document, *, lossy: bool) -> Mended:
        """Repair what is selected, and what such a repair brings with it; the rest is the same objects as before.

        Raises:
            CannotJudge: the dialect does not fit.
        """
        mended = Mended()
        for stored in document.conversations:
            sent = self._as_sent(stored)
            outcome = self._repaired(stored, sent, lossy=lossy)
            bound = [] if lossy or outcome is None else self._loose_thinking(stored, sent, outcome.request)
            if outcome is None or bound:
                mended.requests.append(stored.request)
            else:
                mended.requests.append(_as_stored(outcome.request, stored, sent))
                mended.fixed.extend(_told(stored, sent, outcome.violations))
            if bound:
                where = f"{stored.label}: " if stored.label else ""
                paths = ", ".join(path_of(stored.request, found.message, found.block) for found in bound)
                mended.notes.append(f"{where}not repaired, as that costs signed thinking ({paths}); see --lossy-fixes")
        if not _has_lines(document):
            mended.fixed[:] = [replace(problem, line=None) for problem in mended.fixed]
        return mended

    def _repaired(self, stored: Stored, sent: Json, *, lossy: bool) -> Repaired | None:
        """Repair a conversation; None where nothing is to be done."""
        upstream = self.dialect_of(stored)
        halves = list(half_characters(sent, array_of(sent))) if self.selection.has(LONE_SURROGATE.id) else []
        whole: Json = made_whole(sent) if halves else sent
        present = {found.rule for found in check(whole, upstream, context=stored.context)}

        def allowed(rule: Rule) -> bool:
            if rule.id == "TU001" and _ends_open(stored):
                return False
            return rule.id not in present or self.selection.has(rule.id)

        outcome = Repaired(whole)
        if any(self.selection.has(rule_id) for rule_id in present):
            outcome = repair(whole, _as_reported(upstream), lossy=lossy, context=stored.context, allowed=allowed)
        return None if outcome.request is sent else replace(outcome, violations=(*halves, *outcome.violations))

    def _loose_thinking(self, stored: Stored, sent: Json, repaired: Json) -> list[Violation]:
        """Return the thinking that a repair tears from what it is bound to, and that only a lossy one may take away."""
        upstream = self.dialect_of(stored)
        if upstream.form is not None or not upstream.enforces(BOUND_THINKING.id):
            return []
        return list(BOUND_THINKING.check(Conversation(repaired, upstream, context=stored.context, original=sent)))

    def _as_sent(self, stored: Stored) -> Json:
        """Return a conversation as it will be sent: to the model that goes on with it, and with what comes next.

        A session is not sent before the user has said something; of one that ended on purpose, somebody has answered
        the last calls by then.
        """
        request = stored.request
        if self.dialect_of(stored).form is not None:
            return request
        if self.model is not None:
            request = {**request, "model": self.model}
        if stored.finished or (self.model is not None and "model" not in stored.request):
            return _with_end(request, answered=stored.finished)
        return request

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


def _told(stored: Stored, sent: Json, violations: Sequence[Violation]) -> Iterator[Problem]:
    length = len(messages_of(stored.request))
    has_end = len(messages_of(sent)) > length
    # Where lines are told, they tell conversations of one line apart.
    label = "" if stored.lines and stored.label == f"line {stored.lines[0]}" else stored.label
    for found in violations:
        message = found.message
        # What is said of an end that we added, or of one that is left open on purpose, is nobody's problem.
        if message is not None and ((has_end and message == length) or _is_open_end(stored, found)):
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


def messages_of(request: Json) -> list[Any]:
    """Return the messages of a request of any form."""
    found = request.get(array_of(request)) if is_object(request) else None
    return found if is_array(found) else []


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


def _with_end(request: Json, *, answered: bool) -> Json:
    messages = messages_of(request)
    calls: list[Json] = []
    for message in reversed(messages):
        if role_of(message) != "assistant":
            break
        calls[:0] = tool_uses(message)
    if not messages or role_of(messages[-1]) != "assistant":
        return request
    called = calls if answered else ()
    results = [{"type": "tool_result", "tool_use_id": call.get("id"), "content": _GOES_ON} for call in called]
    end = {"role": "user", "content": [*results, {"type": "text", "text": _GOES_ON}]}
    return {**request, "messages": [*messages, end]}


def _as_stored(repaired: Json, stored: Stored, sent: Json) -> Json:
    """Return what repairs made of a conversation as it was to be sent, without what was added for that."""
    if sent is stored.request:
        return repaired
    request = {key: value for key, value in repaired.items() if key != "model" or "model" in stored.request}
    if "model" in stored.request:
        request["model"] = stored.request["model"]
    messages = messages_of(request)
    if not messages or len(messages_of(sent)) == len(messages_of(stored.request)):
        return request
    *others, last = messages
    kept = [block for block in blocks_of(last) if _GOES_ON not in (block.get("content"), block.get("text"))]
    return {**request, "messages": [*others, *([{**last, "content": kept}] if kept else [])]}


def _ends_open(stored: Stored) -> bool:
    """Say whether a conversation ended on purpose in a form for which we have no end to add."""
    return stored.finished and dialect(stored.dialect).form is not None


def _is_open_end(stored: Stored, found: Violation) -> bool:
    return _ends_open(stored) and found.rule == "TU001" and found.message == len(messages_of(stored.request)) - 1
