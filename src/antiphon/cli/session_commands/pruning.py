"""`antiphon sessions prune`: removes old sessions, and what belongs to no session any more."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from antiphon.cli.session_commands.listing import rows
from antiphon.cli.session_commands.place import Place, confirmed, counted, shown_path, size_text
from antiphon.errors import SessionError, SettingsError
from antiphon.sessions.places import data_directory
from antiphon.sessions.pruning import Wish, doomed, leftovers, size_of
from antiphon.sessions.summary import Summary
from antiphon.sessions.texts import strings_in


def prune_sessions(place: Place, wish: Wish, *, dry: bool, yes: bool, as_json: bool) -> str:
    """Show what would go, ask, remove it, and return what to tell.

    Raises:
        SettingsError: it was not said which sessions, or there is nobody to ask.
        SessionError: something cannot be removed; what was removed before is gone.
    """
    if wish == Wish():
        raise SettingsError("say which sessions: --older-than 30d, --keep 50 or --empty.")
    going = doomed(place.sessions.list(place.scope, empty=True), wish)
    rest = _leftovers(place, going)
    sizes = [size_of(place.sessions.directory / summary.id) for summary in going]
    total = sum(sizes) + sum(map(size_of, rest))
    if not as_json:
        _show(place, going, rest, total)
    if not going and not rest:
        deleted = False
    else:
        deleted = not dry and confirmed("Delete all of this? This cannot be undone.", yes=yes)
    if deleted:
        for summary in going:
            place.sessions.delete(summary.id)
        for path in _leftovers(place, []):
            _remove(path)
    if as_json:
        told = {
            "sessions": [summary.id for summary in going],
            "leftovers": [str(path) for path in rest],
            "bytes": total,
            "deleted": deleted,
        }
        return json.dumps(told, indent=2) + "\n"
    if deleted:
        return f"Deleted; {size_text(total)} are free again.\n"
    return "Nothing was deleted.\n" if going or rest else ""


def _show(place: Place, going: Sequence[Summary], rest: Sequence[Path], total: int) -> None:
    lines = [*map(place.terminal.styled, rows(place, going)), *map(_leftover, rest)]
    lines.append(f"{counted(len(going), 'session')}, {size_text(total)}" if lines else "There is nothing to delete.")
    place.terminal.write("".join(f"{line.rstrip()}\n" for line in lines))


def _leftover(path: Path) -> str:
    return f"{shown_path(str(path))}  belongs to no session"


def _leftovers(place: Place, going: Sequence[Summary]) -> list[Path]:
    """Return what belongs to no session of any workspace once these are gone."""
    gone = {summary.id for summary in going}
    staying = [summary for summary in place.sessions.list(empty=True) if summary.id not in gone]
    return leftovers(data_directory(os.environ), staying, lambda session_id: _texts(place, session_id), now=place.now)


def _texts(place: Place, session_id: str) -> Iterator[str]:
    for entry in place.sessions.entries(session_id):
        yield from strings_in(msgspec.to_builtins(entry.record))


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as problem:
        raise SessionError(f"{path} cannot be removed: {problem.strerror}.") from problem
