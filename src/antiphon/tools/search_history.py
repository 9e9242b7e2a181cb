"""Searching what was said and done earlier in the session, also what is no longer part of the conversation.

Reads the records of the session each time it is called. Where they come from is the caller's affair.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from anyio import to_thread
from msgspec import Meta

from antiphon.engine.events import READS_NOTHING_LOCAL, Access, Result, failure
from antiphon.errors import SessionError
from antiphon.protocol.messages import Json, blocks_of, kind_of, text_of
from antiphon.sessions.records import Answered, Entry, Prompted, Repaired, Replied, TurnBegan
from antiphon.tools.base import Arguments, BaseTool, ToolContext

Entries = Callable[[], Iterable[Entry]]
"""Reads the records of the session so far; is called in a thread of its own."""

_BEFORE, _AFTER = 150, 350
"""Characters of an excerpt on either side of where the match begins."""
_LONGEST_CALL = 300
"""Characters of a call's arguments that are shown with its result."""


class SearchHistoryArguments(Arguments, frozen=True):
    """What to look for."""

    query: Annotated[str, Meta(description="Words that must all occur, in any case; as a phrase counts for more.")] = ""
    turn: Annotated[int | None, Meta(description="Shows this turn as a whole instead.")] = None
    limit: Annotated[int, Meta(ge=1, le=50, description="Most places to show.")] = 10


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was said, asked for or found out.

    Attributes:
        turn: in which turn of the session, from 1; 0 for what it began with.
        who: `user`, `assistant`, or which call this is the result of.
        text: the whole of it.
    """

    turn: int
    who: str
    text: str


class SearchHistory(BaseTool[SearchHistoryArguments]):
    """Finds places in the records of the session."""

    name = "search_history"
    arguments = SearchHistoryArguments
    aliases: ClassVar[Mapping[str, str]] = {"pattern": "query", "text": "query", "max_results": "limit"}

    def __init__(self, entries: Entries) -> None:
        """Take what reads the records."""
        self._entries = entries

    def access(self, arguments: SearchHistoryArguments) -> Access:  # noqa: ARG002  (whatever is looked for)
        """Reads what no call changes: the past."""
        return READS_NOTHING_LOCAL

    async def run(self, arguments: SearchHistoryArguments, context: ToolContext) -> Result:  # noqa: ARG002
        """Search."""
        words = arguments.query.split()
        if not words and arguments.turn is None:
            return failure("Give a query, or the number of a turn to see it as a whole.")
        try:
            return Result(await to_thread.run_sync(self._search, words, arguments))
        except SessionError as error:
            return failure(f"The history cannot be read: {error}")

    def _search(self, words: list[str], arguments: SearchHistoryArguments) -> str:
        passages = list(passages_of(self._entries()))
        if arguments.turn is not None:
            return _whole_turn(passages, arguments.turn)
        return _found(passages, words, arguments.limit)


def passages_of(entries: Iterable[Entry]) -> Iterator[Passage]:
    """Yield what the records tell, oldest first; searches of the history itself are left out."""
    turn = 0
    asked: dict[str, str] = {}
    for entry in entries:
        record = entry.record
        match record:
            case TurnBegan():
                turn = record.turn
            case Prompted(content=content):
                yield from _passages("user", content, turn + 1, asked)
            case Replied(content=content):
                yield from _passages("assistant", content, turn, asked)
            case Answered(content=content):
                yield from _passages("user", content, turn, asked)
            case Repaired(messages=messages) if not turn:
                # What the session began with is nowhere else.
                for message in messages:
                    yield from _passages(str(message.get("role")), tuple(blocks_of(message)), 0, asked)
            case _:
                continue


def _passages(who: str, content: Iterable[Json], turn: int, asked: dict[str, str]) -> Iterator[Passage]:
    for block in content:
        kind = kind_of(block)
        if kind == "text":
            yield Passage(turn, who, str(block.get("text", "")))
        elif kind == "tool_use":
            call = f"{block.get('name')} {json.dumps(block.get('input'), ensure_ascii=False)}"
            asked[str(block.get("id"))] = call
            if block.get("name") != SearchHistory.name:
                yield Passage(turn, "call", call)
        elif kind == "tool_result":
            call = asked.get(str(block.get("tool_use_id")), "a call")
            if call.split(" ", 1)[0] != SearchHistory.name:
                failed = "failed " if block.get("is_error") else ""
                yield Passage(turn, f"{failed}result of {_cut(call, _LONGEST_CALL)}", text_of(block))


def _found(passages: list[Passage], words: list[str], limit: int) -> str:
    phrase = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    each = [re.compile(re.escape(word), re.IGNORECASE) for word in words]
    exact: list[tuple[Passage, int]] = []
    loose: list[tuple[Passage, int]] = []
    for passage in reversed(passages):
        if match := phrase.search(passage.text):
            exact.append((passage, match.start()))
        elif len(each) > 1 and all(matches := [word.search(passage.text) for word in each]):
            loose.append((passage, min(match.start() for match in matches if match)))
    hits = [*exact, *loose]
    if not hits:
        return f"Nothing in {_turns(passages)} holds {' and '.join(map(repr, words))}. Try fewer or other words."
    more = f" The newest {limit} are shown." if len(hits) > limit else ""
    places = f"{len(hits):,} place{'' if len(hits) == 1 else 's'} in {_turns(passages)}, newest first.{more}"
    return "\n\n".join([places, *(_shown(passage, at) for passage, at in hits[:limit])])


def _shown(passage: Passage, at: int) -> str:
    start, end = max(0, at - _BEFORE), at + _AFTER
    head, tail = "..." if start else "", "..." if end < len(passage.text) else ""
    return f"{_title(passage)}\n{head}{passage.text[start:end].strip()}{tail}"


def _whole_turn(passages: list[Passage], turn: int) -> str:
    shown = [f"{_title(passage)}\n{passage.text}" for passage in passages if passage.turn == turn]
    return "\n\n".join(shown) or f"There is no turn {turn}; there are {_turns(passages)}."


def _title(passage: Passage) -> str:
    size = f", {len(passage.text):,} characters" if len(passage.text) > _BEFORE + _AFTER else ""
    return f"[turn {passage.turn}, {passage.who}{size}]"


def _turns(passages: Iterable[Passage]) -> str:
    last: Any = max((passage.turn for passage in passages), default=0)
    return f"{last:,} turn{'' if last == 1 else 's'}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
