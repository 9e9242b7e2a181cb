"""What a session's file is, for SQLite: one table to whose end rows are added, and how it came to be so."""

import sqlite3
from collections.abc import Mapping

from antiphon.sessions.storage.pages import PAGE

APPLICATION_ID = 0x416E7470  # "Antp"
VERSION = 1
_MOST_VERSION = 255
"""A version above this is no version but damage."""
_SCHEMA = """
CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    checksum INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER records_are_kept BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END;
CREATE TRIGGER records_stay BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are never changed'); END;
"""
_MARKS = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
MIGRATIONS: Mapping[int, str] = {}
"""What turns the schema of a version into that of the next one. Columns keep their order: `pages.py` reads them."""


def lay_out(connection: sqlite3.Connection) -> None:
    """Make a new file a session's, whole or not at all."""
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("PRAGMA auto_vacuum = NONE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN IMMEDIATE; {_MARKS} {_SCHEMA} COMMIT;")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a file's schema, or a number below 0 if it is not a session's."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version) if application == APPLICATION_ID and 0 <= version <= _MOST_VERSION else -1


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever put into a file: what is left where a process ended while it made one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(application == 0 and things == 0)


def migrate(
    connection: sqlite3.Connection, *, migrations: Mapping[int, str] = MIGRATIONS, version: int = VERSION
) -> None:
    """Bring the schema up to date, step by step, each step whole or not at all.

    Raises:
        sqlite3.Error: a step failed; the file is as the step before it left it.
    """
    (present,) = connection.execute("PRAGMA user_version").fetchone()
    for step in range(present, version):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {migrations[step]} PRAGMA user_version = {step + 1}; COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
