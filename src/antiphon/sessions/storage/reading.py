"""Reading a session's log: without the right to write to it, and before going on with it."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

from antiphon.engine.events import Event
from antiphon.errors import SessionError
from antiphon.sessions.records import NAMES, Answered, Entry, Prompted, RunEnded, Truncated, TurnBegan
from antiphon.sessions.storage.database import Damaged, Database, Durability, NeverBegun, Row
from antiphon.sessions.storage.encoding import decode_record
from antiphon.sessions.storage.lock import is_held
from antiphon.sessions.storage.salvage import file_of, salvage

_PAUSE = 0.02
_LOG_IS_DAMAGED = "its write-ahead log is not as it was written"
_OF_A_TURN = frozenset(NAMES[kind] for kind in get_args(Event))
_ENDS_A_TURN = frozenset(NAMES[kind] for kind in (TurnBegan, Prompted, Answered, Truncated, RunEnded))
"""Kinds of records behind which the engine's events before them change nothing in a session's state."""


def read_entries(directory: Path, after: int = 0) -> list[Entry]:
    """Return what is in a session's log behind a number, also while another process writes it.

    A damaged file stays as it is. What can be read of it is returned, and a `Mended` at the end says what cannot.

    Raises:
        SessionError: there is none, or it cannot be read.
    """
    path = file_of(directory)
    if not path.exists():
        raise SessionError(f"there is no session in {directory}.")
    try:
        return decoded(_rows(path, after, ours=False), path)
    except Damaged as problem:
        salvaged = salvage(path, problem.what)
        rows = [*salvaged.rows, salvaged.told("")]
        return decoded((row for row in rows if row[0] > after), path)


def open_sound(path: Path, durability: Durability) -> tuple[Database, int, list[Entry]]:
    """Open a file for writing; return it with the number of its last record and the entries its state comes from.

    Raises:
        Damaged: it is not as it was written, and was not touched.
        SessionError: it cannot be opened, or nothing is in it.
    """
    # Who only reads cannot do harm. SQLite, when it may write, deletes a log in which it finds nothing.
    rows = _rows(path, ours=True)
    if not rows:
        raise NeverBegun(path)
    entries = decoded(_needed(rows), path)
    return Database.write(path, durability), rows[-1][0], entries


def _rows(path: Path, after: int = 0, *, ours: bool) -> list[Row]:
    """Read a file.

    Args:
        path: the file.
        after: the number behind which to begin.
        ours: the lock is; else somebody may be writing.

    Raises:
        Damaged: it is not as it was written.
        SessionError: it cannot be read.
    """
    database = Database.read(path)
    try:
        rows = list(database.rows(after))
        overlooked = database.overlooked()
        if overlooked is None or not (ours or _stays(database, overlooked)):
            return rows
    finally:
        database.close()
    if sum(row[0] > after for row in salvage(path, _LOG_IS_DAMAGED).rows) > len(rows):
        raise Damaged(path, _LOG_IS_DAMAGED)
    return rows


def _stays(database: Database, overlooked: tuple[int, int]) -> bool:
    """Whether a part of the log is overlooked for good, and not just between a writer's write and its saying so."""
    if is_held(database.path.parent):
        return False  # who has it open has looked
    time.sleep(_PAUSE)
    return database.overlooked() == overlooked and not is_held(database.path.parent)


def _needed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that a state comes from: all but the events of turns that are over, and the last in any case."""
    over = next((index for index in range(len(rows) - 1, -1, -1) if rows[index][2] in _ENDS_A_TURN), 0)
    return [row for index, row in enumerate(rows) if index > over or row[2] not in _OF_A_TURN]


def decoded(rows: Iterable[Row], path: Path) -> list[Entry]:
    """Return rows as entries, without those of kinds that this version does not know.

    Raises:
        Damaged: one is not what a record of its kind is.
    """
    entries: list[Entry] = []
    for number, at, kind, body in rows:
        try:
            record = decode_record(kind, body)
        except SessionError as problem:
            raise Damaged(path, str(problem)) from problem
        if record is not None:
            entries.append(Entry(number, at, record))
    return entries
