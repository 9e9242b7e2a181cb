"""`antiphon sessions list`: which sessions there are, newest first."""

import argparse
import json
from collections.abc import Iterator, Sequence

from antiphon.cli.ages import age
from antiphon.cli.safe_text import columns, cut, one_line
from antiphon.cli.session_commands.place import Place, counted, shown_path, without_secrets
from antiphon.sessions.listing.described import described
from antiphon.sessions.listing.finding import short_ids
from antiphon.sessions.listing.summary import Summary

SHOWN = 20
"""How many sessions are listed unless more are asked for."""
NARROW = 64
"""Columns from which on there is room for more than what and when."""
_LONGEST_PATH = 32


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Return the list. As JSON it has all sessions unless a number is given."""
    found = place.sessions.list(place.scope)
    limit = arguments.limit
    usual = len(found) if arguments.json else SHOWN
    most = usual if limit is None else limit or len(found)
    if arguments.json:
        return json.dumps([described(without_secrets(place, summary)) for summary in found[:most]], indent=2) + "\n"
    lines = [*rows(place, found[:most])] if found else [*_none(place)]
    if len(found) > most:
        lines.append(place.paint(f"{len(found) - most} more; --limit 0 lists all.", "quiet"))
    return "".join(f"{line}\n" for line in lines)


def rows(place: Place, summaries: Sequence[Summary]) -> Iterator[str]:
    """Yield a line for each session: id, when something happened last, turns, title; what there is room for."""
    ids = short_ids(summaries)
    widest = max(map(len, ids.values()), default=0)
    narrow = 0 < place.width < NARROW
    paths = {summary.workspace: _path(summary.workspace) for summary in summaries} if place.all and not narrow else {}
    path_width = max(map(columns, paths.values()), default=0)
    for summary in (without_secrets(place, each) for each in summaries):
        pieces = [
            (f"{ids[summary.id]:<{widest}}  ", "active"),
            (f"{age(summary.updated, place.now):>11}  ", "quiet"),
        ]
        if not narrow:
            pieces.append((f"{counted(summary.turns, 'turn'):>9}  ", "quiet"))
        if paths:
            path = paths[summary.workspace]
            pieces.append((f"{path}{' ' * (path_width - columns(path))}  ", "quiet"))
        mark = "damaged" if summary.damaged else "open" if summary.live else ""
        if mark:
            pieces.append((f"{mark}  ", "bad" if summary.damaged else "wait"))
        # Of a file of which nothing can be read the reason is all there is to say.
        title = one_line(summary.damaged if summary.damaged and summary.empty else summary.title)
        room = place.width - sum(columns(text) for text, _ in pieces)
        pieces.append((cut(title, room) if place.width else title, "strong" if summary.name else ""))
        yield place.styled(pieces)


def _path(path: str) -> str:
    """Return a path, or its end where it is long."""
    shown = shown_path(path) or "?"
    while columns(shown) > _LONGEST_PATH:
        shown = "…" + shown.lstrip("…")[1:]
    return shown


def _none(place: Place) -> Iterator[str]:
    if place.all:
        yield "There are no sessions yet."
        return
    yield f"There are no sessions of {shown_path(str(place.workspace))} yet."
    others = len(place.sessions.list())
    if others:
        yield f"{others} of other directories: antiphon sessions --all"
