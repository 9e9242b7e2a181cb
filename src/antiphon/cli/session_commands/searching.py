"""`antiphon sessions search`: which sessions say something, and where."""

import argparse
import json
from collections.abc import Iterator

from antiphon.cli.ages import age
from antiphon.cli.layout import fitted
from antiphon.cli.safe_text import safe
from antiphon.cli.screen import Piece
from antiphon.cli.session_commands.listing import NARROW, SHOWN, rows
from antiphon.cli.session_commands.place import Place, shown_path, without_secrets
from antiphon.sessions.listing.described import described, iso
from antiphon.sessions.searching.matching import Excerpt
from antiphon.sessions.searching.search import Found, Hit

_HITS = 3
_ROLE_WIDTH = 7
_WORDS = {"prompt": "you", "reply": "model"}


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Return what was found.

    Raises:
        SessionError: there is no word to look for.
    """
    most = arguments.limit or SHOWN
    found = place.sessions.search(
        " ".join(arguments.words), place.scope, sessions=most, hits=_HITS, shown=place.withheld
    )
    if arguments.json:
        return json.dumps([_described(place, session) for session in found], indent=2) + "\n"
    if not found:
        where = "in any session" if place.all else f"in the sessions of {shown_path(str(place.workspace))}"
        return f"Nothing was found {where}{'' if place.all else '; --all looks in those of other directories'}.\n"
    parts: list[str] = []
    for row, session in zip(rows(place, [each.summary for each in found]), found, strict=True):
        parts.append("".join(f"{line}\n" for line in (row, *map(place.styled, _hits(place, session)))))
    return "\n".join(parts)


def _hits(place: Place, found: Found) -> Iterator[list[Piece]]:
    for hit in found.hits:
        when = "" if 0 < place.width < NARROW else f"{age(hit.at, place.now):>11}  "
        who = f"  {_WORDS.get(hit.role, hit.role):<{_ROLE_WIDTH}} "
        line: list[Piece] = [(who + when, "quiet"), *_pieces(hit.excerpt)]
        yield fitted(line, place.width) if place.width else line
    more = found.count - len(found.hits)
    if more:
        yield [(f"  {'':<{_ROLE_WIDTH}} {more} more", "quiet")]


def _pieces(excerpt: Excerpt) -> Iterator[Piece]:
    place = 0
    for start, end in excerpt.spans:
        yield safe(excerpt.text[place:start]), ""
        yield safe(excerpt.text[start:end]), "wait"
        place = end
    yield safe(excerpt.text[place:]), ""


def _described(place: Place, found: Found) -> dict[str, object]:
    summary = without_secrets(place, found.summary)
    return {"session": described(summary), "count": found.count, "hits": [_hit(hit) for hit in found.hits]}


def _hit(hit: Hit) -> dict[str, object]:
    return {
        "record": hit.entry,
        "at": iso(hit.at),
        "role": hit.role,
        "text": hit.excerpt.text,
        "spans": [list(span) for span in hit.excerpt.spans],
    }
