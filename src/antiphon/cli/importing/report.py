"""What `antiphon import` prints: what there is, what became of each conversation, and what came of all together.

Whatever comes from a file is made safe before it is shown.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from antiphon.cli.importing.outcome import Outcome, Status
from antiphon.cli.importing.overview import Group
from antiphon.cli.paint import Paint
from antiphon.cli.safe_text import one_line

_SHORT = 8
"""How much of a session's id tells it from others."""
_WORKSPACES_SHOWN = 3


def lines_of(outcome: Outcome, paint: Paint, *, brief: bool) -> Iterator[str]:
    """Yield what is to be told of a conversation: all of it, or one line; nothing of what was left out."""
    source = one_line(outcome.source) + (f" ({one_line(outcome.conversation)})" if outcome.conversation else "")
    session = outcome.session[:_SHORT]
    if outcome.status == "failed":
        yield f"{paint('failed', 'bad')}: {source}: {one_line(outcome.error)}"
    elif outcome.status == "known":
        yield paint(f"imported before, and unchanged: {source} is session {session}", "quiet")
    elif outcome.status != "left-out":
        head = f"{paint(f'{outcome.program}:', 'ok')} {paint(one_line(outcome.title), 'strong')}"
        if brief:
            mended = ", repaired" if outcome.damage or outcome.repaired else ""
            yield f"{head} ({_messages(outcome.messages)}{_span(outcome)}{mended}) {paint(session, 'active')}".rstrip()
            return
        yield head
        yield f"  {_messages(outcome.messages)}{_span(outcome)}, in {one_line(outcome.workspace)}"
        yield f"  from {source}"
        told = (("damaged", outcome.damage), ("repaired", outcome.repaired), ("note", outcome.notes))
        yield from (f"  {word}: {one_line(sentence)}" for word, sentences in told for sentence in sentences)
        if session:
            yield f"  go on with: {paint(f'antiphon --resume {session}', 'active')}"


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return what came of all conversations, in a sentence, and how to go on."""
    counted = Counter(outcome.status for outcome in outcomes)
    words: dict[Status, str] = {
        "imported": "{} imported",
        "would-import": "{} would be imported",
        "known": "{} imported before",
        "left-out": "{} of subagents left out",
        "failed": "{} failed",
    }
    parts = [text.format(counted[status]) for status, text in words.items() if counted[status]]
    if not parts:
        return "There is no conversation to import."
    hint = " Go on with one: antiphon --resume ID." if counted["imported"] else ""
    return f"Conversations: {', '.join(parts)}.{hint}"


def outcomes_json(outcomes: Sequence[Outcome]) -> str:
    """Return what became of each conversation, as a JSON array; ASCII only, so that it is safe everywhere."""
    return _written(
        [
            {
                "status": outcome.status,
                "source": outcome.source,
                "conversation": outcome.conversation or None,
                "program": outcome.program or None,
                "format": outcome.format or None,
                "session": outcome.session or None,
                "title": outcome.title or None,
                "workspace": outcome.workspace or None,
                "messages": outcome.messages,
                "began": _iso(outcome.began),
                "ended": _iso(outcome.ended),
                "damage": list(outcome.damage),
                "repaired": list(outcome.repaired),
                "notes": list(outcome.notes),
                "error": outcome.error or None,
            }
            for outcome in outcomes
        ]
    )


def groups_json(groups: Sequence[Group]) -> str:
    """Return what there is, as a JSON array."""
    return _written(
        [
            {
                "program": group.program.key,
                "place": str(group.place),
                "conversations": group.count,
                "newest": _iso(group.newest),
                "workspaces": dict(group.workspaces),
            }
            for group in groups
        ]
    )


def overview_lines(groups: Sequence[Group], paint: Paint) -> Iterator[str]:
    """Yield what there is, a program and place at a time."""
    width = max(len(group.program.title) for group in groups)
    digits = max(len(f"{group.count:,}") for group in groups)
    yield "Conversations of other programs on this machine:"
    for group in groups:
        head = f"  {group.program.title:<{width}}  {group.count:>{digits},}  newest {_local(group.newest)}"
        yield f"{head}  {paint(one_line(str(group.place)), 'quiet')}"
        common = group.workspaces.most_common()
        for workspace, number in common[:_WORKSPACES_SHOWN]:
            yield f"  {'':<{width}}  {number:>{digits},}  in {one_line(workspace)}"
        if len(common) > _WORKSPACES_SHOWN:
            yield f"  {'':<{width}}  {'':>{digits}}  and in {len(common) - _WORKSPACES_SHOWN:,} other directories"


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}"


def _span(outcome: Outcome) -> str:
    if outcome.began is None or outcome.ended is None:
        return ""
    began, ended = _local(outcome.began), _local(outcome.ended)
    return f", {began}" if began == ended else f", {began} to {ended}"


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M}"


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def _written(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
