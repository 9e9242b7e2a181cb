"""`antiphon sessions show`: a session to read in the terminal, or in a pager."""

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from antiphon.agent.prices import add, usage_of
from antiphon.cli.layout import Prose
from antiphon.cli.models import own_models
from antiphon.cli.safe_text import columns, cut, one_line, safe
from antiphon.cli.screen import Piece
from antiphon.cli.session_commands.place import Place, counted, for_output, shown_path
from antiphon.cli.view import RowState, summary_of
from antiphon.protocol.messages import Json
from antiphon.providers.models import using
from antiphon.sessions.export import to_json
from antiphon.sessions.export.parts import medium
from antiphon.sessions.export.story import Call, Item, Prompt, Reply, Thought, told
from antiphon.sessions.listing.described import utc
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import Compacted, Entry, Forked, Replied

_EXCERPT = 3
"""Lines of a result that are shown unless all are asked for."""
_LONGEST_NAME = 30
_INDENT = "      "


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Return a session as text: in full with all of every result, arguments as they are, and what the model thought.

    Raises:
        SessionError: there is no such session, or it cannot be read.
    """
    found = place.find(arguments.session)
    summary, entries = place.withheld((found, place.sessions.entries(found.id)))
    if arguments.json:
        return for_output(to_json(summary, entries, records=arguments.full))
    shown = _Shown(place, place.terminal.marks.states, full=arguments.full)
    with using(own_models(os.environ)):
        lines = [*shown.head(summary, entries)]
    for item in told(entries):
        lines += [[], *shown.item(item)]
    return "".join(f"{place.styled(line)}\n" for line in lines)


def cost_of(entries: Sequence[Entry]) -> float | None:
    """Return what a session's own replies cost; None where a price is not known."""
    used = None
    for entry in entries:
        match entry.record:
            case Forked():
                used = None  # What was copied was paid for in its parent.
            case Replied(reply=reply) | Compacted(reply=reply) if reply.get("usage"):
                one = usage_of(reply, str(reply.get("model", "")))
                used = one if used is None else add(used, one)
            case _:
                pass
    return None if used is None else used.cost


class _Shown:
    """How things are shown: how wide, how much."""

    def __init__(self, place: Place, marks: Mapping[RowState, str], *, full: bool) -> None:
        self._place = place
        self._marks = marks
        self._full = full

    def head(self, summary: Summary, entries: Sequence[Entry]) -> Iterator[list[Piece]]:
        yield [(one_line(summary.title, self._place.width), "strong")]
        facts = [
            summary.id,
            shown_path(summary.workspace),
            f"{_when(summary.created)} to {_when(summary.updated, summary.created)}",
            one_line(summary.model),
            counted(summary.turns, "turn"),
        ]
        tokens = summary.tokens
        if tokens.sent or tokens.output:
            share = f" ({tokens.cache_share:.0%} from the cache)" if tokens.cache_share else ""
            facts.append(f"{tokens.sent:,} tokens in{share}, {tokens.output:,} out")
        cost = cost_of(entries)
        if cost is not None:
            facts.append(f"${cost:.2f}" if cost >= 0.01 else "less than $0.01")
        for told_of, words in ((summary.parent, "forked from"), (summary.source, "imported from")):
            if told_of:
                facts.append(one_line(f"{words} {told_of}"))
        for line in self._lines(", ".join(fact for fact in facts if fact)):
            yield [(line, "quiet")]
        if summary.damaged:
            for line in self._lines(f"damaged: {one_line(summary.damaged)}"):
                yield [(line, "bad")]

    def item(self, item: Item) -> Iterator[list[Piece]]:
        match item:
            case Prompt():
                yield [("you", "active"), (f"  {_when(item.at)}", "quiet")]
                yield from self._text(item.text, mark="> ")
                yield from self._media(item.media)
            case Reply():
                yield [(one_line(item.model) or "model", "ok"), (f"  {_when(item.at)}", "quiet")]
                for part in item.parts:
                    yield from self._part(part)
                if item.interrupted:
                    yield [("  (interrupted)", "wait")]
            case _:
                yield [(f"{one_line(item.what)}  {_when(item.at)}", "wait")]
                if item.text:
                    yield from self._text(item.text, mark="  ")

    def _part(self, part: str | Thought | Call) -> Iterator[list[Piece]]:
        match part:
            case Call():
                yield from self._call(part)
            case Thought():
                if self._full:
                    yield from self._text(part.text, mark="  ", style="quiet")
            case _:
                yield from self._text(part)

    def _call(self, call: Call) -> Iterator[list[Piece]]:
        state: RowState = "cancelled" if call.result is None else "failed" if call.is_error else "done"
        style = {"done": "ok", "failed": "bad"}.get(state, "quiet")
        name, said = one_line(call.name, _LONGEST_NAME), "" if self._full else summary_of(call.input)
        room = self._place.width - columns(name) - 5
        yield [
            (f"  {self._marks[state]} ", style),
            (name, "strong"),
            (f" {cut(said, room) if self._place.width else said}", ""),
        ]
        if self._full and call.input:
            yield from self._block(json.dumps(call.input, indent=2, ensure_ascii=False).split("\n"))
        if call.result is None:
            yield [(f"{_INDENT}no result", "quiet")]
            return
        lines = call.result.strip("\n").split("\n") if call.result.strip() else []
        most = len(lines) if self._full else _EXCERPT
        yield from self._block(lines[:most])
        if len(lines) > most:
            yield [(f"{_INDENT}… {counted(len(lines) - most, 'more line')}", "quiet")]
        yield from self._media(call.media)

    def _block(self, lines: Iterable[str]) -> Iterator[list[Piece]]:
        room = self._place.width - len(_INDENT)
        for line in lines:
            shown = safe(line)
            yield [(_INDENT + (cut(shown, room) if self._place.width and not self._full else shown), "quiet")]

    def _text(self, text: str, *, mark: str = "", style: str = "") -> Iterator[list[Piece]]:
        prose = Prose()
        for line in safe(text.strip("\n")).split("\n"):
            for part in prose.lines(line, self._place.width - len(mark)) if self._place.width else [line]:
                yield [(mark, "quiet"), (part, style)]

    def _media(self, blocks: Iterable[Json]) -> Iterator[list[Piece]]:
        return ([(f"{_INDENT}({one_line(medium(block))})", "quiet")] for block in blocks)

    def _lines(self, text: str) -> list[str]:
        return Prose().lines(text, self._place.width) if self._place.width else [text]


def _when(at: float, before: float | None = None) -> str:
    """Return a time of the clock on the wall; without its day where that is told already."""
    time = utc(at).astimezone()
    same = before is not None and utc(before).astimezone().date() == time.date()
    return f"{time:%H:%M}" if same else f"{time:%Y-%m-%d %H:%M}"
