"""The file of a session: who may read it, what it survives, which files are refused, and how its schema moves on."""

import multiprocessing
import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import cast

import pytest

from antiphon.errors import SessionError
from antiphon.sessions.records import Begun, Entry, Named, Record
from antiphon.sessions.storage import schema
from antiphon.sessions.storage.database import Damaged, Database, Durability, NeverBegun
from antiphon.sessions.storage.log import FILE, SessionLog, read_entries
from antiphon.sessions.storage.pages import checksum
from antiphon.sessions.storage.schema import migrate
from antiphon.testing.damaged_logs import files
from antiphon.testing.system_calls import FileChanges, announce_file_changes, why_not

NOBODY = 65534
ROWS = [(1, 1.0, "begun", b'{"session":"s","workspace":"/w"}'), (2, 2.5, "named", b'{"name":"n"}')]
# What a first version might have been: without the rules that nothing is changed.
SCHEMA_0 = """
CREATE TABLE records (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, checksum INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
"""
TO_1 = "CREATE TRIGGER records_are_kept BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'never'); END;"


@pytest.fixture
def place() -> Generator[Path]:
    """A directory that somebody without rights can come to."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    for path in directory.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(directory)


@contextmanager
def without_rights() -> Generator[None]:
    """Be somebody who may write only where everybody may; who is not root is that anyway."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def written(directory: Path, *records: Record, close: bool = True) -> list[Entry]:
    """Make a session; not closed, it is as a killed process leaves it."""
    log = SessionLog.create(directory if close else directory.with_name("living"))
    for record in (Begun("s", "/w"), *records):
        log.append(record)
    if not close:
        shutil.copytree(directory.with_name("living"), directory)
        (directory / f"{FILE}-shm").unlink()
    log.close()
    return read_entries(directory)


def make_readable_only(directory: Path) -> None:
    for path in directory.iterdir():
        path.chmod(0o444)
    directory.chmod(0o555)


def test_only_its_owner_may_read_a_session(tmp_path: Path) -> None:
    written(tmp_path / "s")
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "s").iterdir()} == {0o600}


def test_what_is_recorded_cannot_be_changed_or_deleted(tmp_path: Path) -> None:
    written(tmp_path / "s")
    with closing(sqlite3.connect(tmp_path / "s" / FILE)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="records are never deleted"):
            connection.execute("DELETE FROM records")
        with pytest.raises(sqlite3.IntegrityError, match="records are never changed"):
            connection.execute("UPDATE records SET body = '{}'")


def test_several_rows_are_added_whole_or_not_at_all(tmp_path: Path) -> None:
    database = Database.create(tmp_path / FILE, "process")
    with pytest.raises(sqlite3.IntegrityError):
        database.append([*ROWS, (2, 3.0, "named", b"{}")])
    assert list(database.rows()) == []
    database.append(ROWS)
    assert list(database.rows()) == ROWS
    database.close()


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "left by a kill"])
def test_a_session_is_read_where_nothing_can_be_written(place: Path, closed: bool) -> None:  # noqa: FBT001
    entries = written(place / "s", Named("n"), close=closed)
    for path in (place / "s").glob("*-shm"):
        path.unlink()
    make_readable_only(place / "s")
    before = sorted(path.name for path in (place / "s").iterdir())
    with without_rights():
        assert read_entries(place / "s") == entries
        assert read_entries(place / "s", 1) == entries[1:]
        with pytest.raises(SessionError, match="cannot be written: Permission denied"):
            SessionLog.open(place / "s")
    assert sorted(path.name for path in (place / "s").iterdir()) == before


def test_a_home_that_cannot_be_written_is_named(place: Path) -> None:
    place.chmod(0o555)
    with without_rights(), pytest.raises(SessionError) as refused:
        SessionLog.create(place / "data" / "sessions" / "s")
    assert str(refused.value) == f"the session cannot be kept in {place}/data/sessions/s: Permission denied."
    assert list(place.iterdir()) == []


def test_a_session_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(SessionError, match=r"the session cannot be written to .*: disk I/O error\."):
            SessionLog.create(tmp_path / "s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_there_is_one_session_of_a_name(tmp_path: Path) -> None:
    entries = written(tmp_path / "s")
    with pytest.raises(SessionError, match="File exists"):
        SessionLog.create(tmp_path / "s")
    assert read_entries(tmp_path / "s") == entries


@pytest.mark.parametrize("content", [b"", files(checkpointed=0).database], ids=["no bytes", "no table"])
def test_a_session_whose_process_died_at_once_is_empty_and_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / FILE).write_bytes(content)
    assert read_entries(tmp_path / "s") == []
    with pytest.raises(NeverBegun) as told:
        SessionLog.open(tmp_path / "s")
    assert str(told.value) == (
        f"nothing is in {tmp_path / 's' / FILE}: the process that made it ended before it recorded anything. It can "
        "be deleted."
    )


def test_a_session_without_a_record_is_empty_too(tmp_path: Path) -> None:
    SessionLog.create(tmp_path / "s").close()
    assert read_entries(tmp_path / "s") == []
    with pytest.raises(NeverBegun):
        SessionLog.open(tmp_path / "s")


def test_there_is_no_session_where_there_is_no_file(tmp_path: Path) -> None:
    for look in (read_entries, SessionLog.open):
        with pytest.raises(SessionError, match="there is no session in"):
            look(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_a_session_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path / "s")
    with closing(sqlite3.connect(tmp_path / "s" / FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = (tmp_path / "s" / FILE).read_bytes()
    for look in (read_entries, SessionLog.open):
        with pytest.raises(SessionError) as told:
            look(tmp_path / "s")
        assert str(told.value) == (
            f"{tmp_path / 's' / FILE} was written by a newer Antiphon (schema 2, this one knows 1). Update Antiphon to "
            "go on with it."
        )
    assert (tmp_path / "s" / FILE).read_bytes() == before


@pytest.mark.parametrize("kind", ["another program's", "no database"])
def test_a_file_that_is_no_session_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s" / FILE
    path.parent.mkdir()
    if kind == "no database":
        path.write_text("my diary " * 1000)
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE diary (day, text);")
    before = path.read_bytes()
    for look in (read_entries, SessionLog.open):
        with pytest.raises(SessionError) as told:
            look(path.parent)
        assert str(told.value) == (
            f"nothing that is a record of a session can be read in {path}: it does not begin like a session of "
            f"Antiphon. It was left as it is. If you have a copy of {path.parent}, put it there; else delete the "
            "session."
        )
    assert path.read_bytes() == before


# Durability.


def _append_to(directory: Path, durability: Durability, connection: Connection) -> None:
    log = SessionLog.create(directory / "a" / "b", durability=durability)
    log.append(Begun("s", "/w"))
    descriptor = announce_file_changes()
    send_handle(connection, descriptor, os.getppid())
    os.close(descriptor)
    for number in range(100):
        log.append(Named(f"name {number}"))
    os._exit(0)


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "they can be watched")
@pytest.mark.parametrize(("durability", "least", "most"), [("process", 0, 0), ("power", 100, 101)])
def test_a_record_reaches_the_disk_at_once_where_it_is_to_survive_a_power_cut(
    tmp_path: Path, durability: Durability, least: int, most: int
) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_append_to, args=(tmp_path, durability, theirs))
    process.start()
    calls: Counter[str] = Counter()
    with FileChanges(recv_handle(cast("Connection", ours)), below=tmp_path) as changes:
        for call in changes:
            calls[call.name] += 1
    process.join()
    process.close()
    assert least <= calls["fsync"] + calls["fdatasync"] <= most
    assert calls["pwrite64"] >= 100
    assert len(read_entries(tmp_path / "a" / "b")) == 101


# The schema moves on.


def old(path: Path, version: int = 0) -> None:
    """Make a session of an older schema."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"PRAGMA application_id = {schema.APPLICATION_ID}; PRAGMA user_version = {version}; {SCHEMA_0}"
        )
        for number, at, kind, body in ROWS:
            check = schema_check(number, at, kind, body)
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, CAST(? AS TEXT))", (number, at, check, kind, body)
            )


def schema_check(number: int, at: float, kind: str, body: bytes) -> int:

    return checksum(number, at, kind.encode(), body)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_an_older_schema_is_brought_up_to_date_when_the_session_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[int, str]", schema.MIGRATIONS), 0, TO_1)
    (tmp_path / "s").mkdir()
    old(tmp_path / "s" / FILE)
    assert len(read_entries(tmp_path / "s")) == 2
    assert version(tmp_path / "s" / FILE) == 0, "who only reads changes nothing"
    log, entries = SessionLog.open(tmp_path / "s")
    assert [entry.record for entry in entries] == [Begun("s", "/w"), Named("n")]
    assert log.append(Named("m")) == 3
    log.close()
    assert version(tmp_path / "s" / FILE) == 1
    assert len(read_entries(tmp_path / "s")) == 3


def test_each_step_to_a_newer_schema_is_whole_or_not_made(tmp_path: Path) -> None:
    steps = {0: "CREATE TABLE one (a); INSERT INTO one VALUES (1);", 1: "CREATE TABLE two (a); SELECT no_such();"}
    old(tmp_path / FILE)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no_such"):
            migrate(connection, migrations=steps, version=3)
        assert version(tmp_path / FILE) == 1
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        assert tables == [("one",), ("records",)]
        migrate(connection, migrations={1: "CREATE TABLE two (a);", 2: "DROP TABLE one;"}, version=3)
        assert version(tmp_path / FILE) == 3
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        assert tables == [("records",), ("two",)]


def test_a_kill_in_the_middle_of_a_step_leaves_the_schema_before_it(tmp_path: Path) -> None:
    old(tmp_path / FILE)
    code = (
        "import os, signal, sqlite3, sys\n"
        "from antiphon.sessions.storage.schema import migrate\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.create_function('die', 0, lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "steps = {0: 'CREATE TABLE one (a);', 1: 'DROP TABLE one; DELETE FROM records; SELECT die();'}\n"
        "migrate(connection, migrations=steps, version=2)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / FILE)], check=False)
    assert done.returncode == -9
    assert version(tmp_path / FILE) == 1
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM one").fetchone() == (0,)


def test_a_file_cannot_be_trusted_when_its_marks_are_gone(tmp_path: Path) -> None:
    written(tmp_path / "s")
    with closing(sqlite3.connect(tmp_path / "s" / FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA application_id = 7")
    with pytest.raises(Damaged, match="does not begin like a session"):
        Database.read(tmp_path / "s" / FILE)
