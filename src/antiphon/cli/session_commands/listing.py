"""`antiphon sessions list`: which sessions there are, newest first."""

import json
from collections.abc import Iterator, Sequence

from antiphon.cli.layout import fitted
from antiphon.cli.safe_text import columns, cut, one_line
from antiphon.cli.screen import Piece
from antiphon.cli.session_commands.place import Place, age, counted, shown_path
from antiphon.sessions.export.json import described
from antiphon.sessions.finding import short_ids
from antiphon.sessions.summary import Summary

SHOWN = 20
"""How many sessions are listed unless more are asked for."""
_NARROW = 64
_LONGEST_PATH = 32


def list_sessions(place: Place, *, limit: int | None, as_json: bool) -> str:
    """Return the list.

    Args:
        place: whose sessions.
        limit: most that are listed; 0 is all of them, None the usual number.
        as_json: as JSON, which has all of them unless a number is given.
    """
    found = place.sessions.list(place.scope)
    most = len(found) if limit == 0 or (limit is None and as_json) else SHOWN if limit is None else limit
    shown = found[:most]
    if as_json:
        return json.dumps([described(summary) for summary in shown], indent=2) + "\n"
    lines = [*_none(place)] if not found else [place.terminal.styled(row) for row in rows(place, shown)]
    if len(found) > most:
        lines.append(place.terminal.styled([(f"{len(found) - most} more; --limit 0 lists all.", "quiet")]))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def rows(place: Place, summaries: Sequence[Summary]) -> Iterator[list[Piece]]:
    """Yield a line for each session: id, when something happened last, size, title; where there is room for it."""
    ids = short_ids(summaries)
    widest = max(map(len, ids.values()), default=0)
    narrow = 0 < place.width < _NARROW
    paths = (
        {summary.id: cut(shown_path(summary.workspace), _LONGEST_PATH) for summary in summaries} if place.all else {}
    )
    path_width = max(map(columns, paths.values()), default=0)
    for summary in summaries:
        pieces: list[Piece] = [
            (f"{ids[summary.id]:<{widest}}  ", "active"),
            (f"{age(summary.updated, place.now):>11}  ", "quiet"),
        ]
        if not narrow:
            pieces.append((f"{counted(summary.turns, 'turn'):>9}  ", "quiet"))
        if place.all and not narrow:
            path = paths[summary.id]
            pieces.append((f"{path}{' ' * (path_width - columns(path))}  ", "quiet"))
        mark = "damaged" if summary.damaged else "open" if summary.live else ""
        if mark:
            pieces.append((f"{mark}  ", "bad" if summary.damaged else "wait"))
        pieces.append((one_line(summary.title), "strong" if summary.name else ""))
        yield fitted(pieces, place.width) if place.width else pieces


def _none(place: Place) -> Iterator[str]:
    if place.all:
        yield "There are no sessions yet."
        return
    yield f"There are no sessions of {shown_path(str(place.workspace))} yet."
    others = len(place.sessions.list())
    if others:
        yield f"{others} of other directories: antiphon sessions --all"
