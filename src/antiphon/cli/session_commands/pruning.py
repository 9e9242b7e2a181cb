"""`antiphon sessions prune`: removes old sessions, and what belongs to no session any more."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from antiphon.cli.session_commands.checkpoint_pruning import prune_checkpoints
from antiphon.cli.session_commands.listing import rows
from antiphon.cli.session_commands.place import Place, confirmed, counted, seconds_of, shown_path, size_text
from antiphon.errors import SessionError, SettingsError
from antiphon.sessions.listing.pruning import Wish, doomed, leftovers, size_of
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.places import data_directory
from antiphon.sessions.searching.texts import strings_in


def run(place: Place, arguments: argparse.Namespace) -> str:
    """Show what would go, ask, remove it, and return what to tell.

    Raises:
        SettingsError: it was not said which sessions, or there is nobody to ask.
        SessionError: something cannot be removed; what was removed before is gone.
    """
    wish = _wish(place, arguments)
    going = _doomed(place, wish)
    rest = _leftovers(place, going)
    total = sum(size_of(place.sessions.directory / summary.id) for summary in going) + sum(map(size_of, rest))
    if not arguments.json:
        _show(place, going, rest, total)
    some = bool(going or rest)
    wanted = some and not arguments.dry_run
    deleted = wanted and confirmed("Delete all of this? This cannot be undone.", yes=arguments.yes)
    if deleted:
        _delete(place, wish, going)
        total += prune_checkpoints(place)
    if arguments.json:
        told = {
            "sessions": [summary.id for summary in going],
            "leftovers": [str(path) for path in rest],
            "bytes": total,
            "deleted": deleted,
        }
        return json.dumps(told, indent=2) + "\n"
    if deleted:
        return f"Deleted; {size_text(total)} are free again.\n"
    return "Nothing was deleted.\n" if some else ""


def _wish(place: Place, arguments: argparse.Namespace) -> Wish:
    if arguments.keep is not None and arguments.keep < 0:
        raise SettingsError("--keep is a number from 0 on.")
    before = None if arguments.older_than is None else place.now - seconds_of(arguments.older_than)
    wish = Wish(before, arguments.keep, arguments.empty)
    if wish == Wish():
        raise SettingsError("say which sessions: --older-than 30d, --keep 50 or --empty.")
    return wish


def _doomed(place: Place, wish: Wish) -> list[Summary]:
    return doomed(place.sessions.list(place.scope, empty=True), wish)


def _delete(place: Place, wish: Wish, shown: Sequence[Summary]) -> None:
    # While the question stood on the screen somebody may have gone on with one of them.
    still = {summary.id for summary in _doomed(place, wish)}
    for summary in shown:
        if summary.id in still:
            place.sessions.delete(summary.id)
    for path in _leftovers(place, []):
        _remove(path)


def _show(place: Place, going: Sequence[Summary], rest: Sequence[Path], total: int) -> None:
    lines = [*rows(place, going), *map(_leftover, rest)]
    lines.append(f"{counted(len(going), 'session')}, {size_text(total)}" if lines else "There is nothing to delete.")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


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
