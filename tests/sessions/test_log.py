"""A session's log keeps what it is given, for one writer and any number of readers, whatever happens to the writer."""

import fcntl
import math
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from antiphon.engine.events import (
    Allowed,
    Cancelled,
    Denied,
    Discarded,
    Finished,
    MessageEnded,
    Requested,
    Result,
    Resumed,
    ToolCall,
    failure,
    writing,
)
from antiphon.errors import SessionError
from antiphon.protocol.encoding import without_lone_surrogates
from antiphon.sessions.records import (
    KINDS,
    Answered,
    Begun,
    Checkpointed,
    Compacted,
    Configured,
    Forked,
    Mended,
    Named,
    Prompted,
    Record,
    Repaired,
    Replaced,
    Replied,
    RunEnded,
    Truncated,
    TurnBegan,
)
from antiphon.sessions.replay import replay
from antiphon.sessions.storage.log import FILE, SessionLog, read_entries
from antiphon.testing.damaged_logs import records

TEXT = {"type": "text", "text": "häl\0o ✓ \U0001f600 \u2028"}
MESSAGE = {"role": "user", "content": [TEXT]}
EVERYTHING: list[Record] = [
    Begun("id", "/work", "1.0", "parent", "source", "roo"),
    Forked(),
    Named("name"),
    Configured({"model": "m", "temperature": 0.1, "nested": {"deep": [None, True, 12345678901234567890123]}}),
    Prompted((TEXT,)),
    TurnBegan(3, 8, 1000),
    Requested(ToolCall("a", "edit", {"path": "x"}), writing(("file", "x")), ask=True),
    Requested(ToolCall("b", "gone", {}), answer=failure("there is no such tool"), denied=True),
    Allowed("a"),
    Denied("a", failure("no")),
    MessageEnded(cut=True),
    Finished("a", Result(({"type": "image", "source": {"type": "base64", "data": "AAAA"}}, TEXT))),
    Cancelled(),
    Discarded("the stream broke"),
    Resumed(),
    Replied((TEXT,), {"id": "msg", "usage": {"input_tokens": 3}}, cut=True, interrupted=True),
    Answered((TEXT, TEXT)),
    Replaced(1, MESSAGE, "why"),
    Truncated(2, "why"),
    Repaired((MESSAGE,), ("found",)),
    Compacted((MESSAGE,), "full", 100_000, {"usage": {}}),
    Checkpointed("abc", "before edit"),
    RunEnded("end_turn", "no error"),
    Mended(("found",), "kept"),
]


@contextmanager
def disk_full() -> Generator[None]:
    """Let no file grow any more."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def test_every_kind_of_record_comes_back_as_it_was(tmp_path: Path) -> None:
    assert {type(record) for record in EVERYTHING} == set(KINDS.values())
    log = SessionLog.create(tmp_path / "s", clock=iter(range(100, 200)).__next__)
    for record in EVERYTHING:
        log.append(record)
    log.close()
    entries = read_entries(tmp_path / "s")
    assert [entry.record for entry in entries] == EVERYTHING
    assert [entry.number for entry in entries] == list(range(1, len(EVERYTHING) + 1))
    assert [entry.at for entry in entries] == [100.0 + index for index in range(len(EVERYTHING))]


@pytest.mark.parametrize(
    "text",
    ["", "\0", "\0" * 5000, "\ud800", "a\udfffb\ud83d", "\ud83d\ude00", "\\ud800", '"', "x" * 20_000_000],
    ids=["empty", "nul", "nuls", "lone", "several lone", "a pair in halves", "escaped", "quote", "huge"],
)
def test_any_text_comes_back_as_it_is_sent_to_the_model(tmp_path: Path, text: str) -> None:
    log = SessionLog.create(tmp_path / "s")
    log.append(Prompted(({"type": "text", "text": text},)))
    log.append(Finished("a", Result(text)))
    assert log.problem == ""
    log.close()
    first, second = read_entries(tmp_path / "s")
    assert first.record == Prompted(({"type": "text", "text": without_lone_surrogates(text)},))
    assert second.record == Finished("a", Result(without_lone_surrogates(text)))


def test_deeply_nested_input_comes_back(tmp_path: Path) -> None:
    nested: dict[str, Any] = {}
    for _ in range(200):
        nested = {"in": nested}
    log = SessionLog.create(tmp_path / "s")
    log.append(Requested(ToolCall("a", "b", nested)))
    assert log.entries()[0].record == Requested(ToolCall("a", "b", nested))
    log.close()


def test_what_json_cannot_hold_is_refused_and_leaves_no_gap(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    log.append(Begun("s", "/work"))
    with pytest.raises(ValueError, match="not JSON"):
        log.append(Configured({"temperature": math.nan}))
    assert log.append(Named("after")) == 2
    assert log.problem == ""
    log.close()
    assert [entry.number for entry in read_entries(tmp_path / "s")] == [1, 2]


def test_a_kind_of_a_later_version_is_passed_over_and_kept(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    log.append(Begun("s", "/work"))
    log._database.append([(2, 1.0, "dreamt", b'{"of":"sheep"}')])
    log._last = 2
    log.append(Named("after"))
    log.close()
    assert [entry.number for entry in read_entries(tmp_path / "s")] == [1, 3]
    log, entries = SessionLog.open(tmp_path / "s")
    assert [entry.number for entry in entries] == [1, 3]
    assert list(log._database.rows())[1] == (2, 1.0, "dreamt", b'{"of":"sheep"}')
    log.close()


def test_the_state_comes_from_what_opening_returns(tmp_path: Path) -> None:
    """Opening leaves out events of turns that are over, and nothing that a state needs."""
    draw = random.Random(1)
    for number in range(30):
        log = SessionLog.create(tmp_path / str(number))
        log.append(EVERYTHING[0])
        for _ in range(draw.randrange(60)):
            log.append(draw.choice(EVERYTHING[1:]))
        log.close()
        everything = read_entries(tmp_path / str(number))
        log, needed = SessionLog.open(tmp_path / str(number))
        assert replay(needed) == replay(everything)
        assert log.entries() == everything
        assert log.append(Named("x")) == len(everything) + 1
        log.close()


def test_reading_behind_a_number_returns_what_came_later(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    for record in EVERYTHING:
        log.append(record)
    assert [entry.number for entry in read_entries(tmp_path / "s", 20)] == [21, 22, 23, 24]
    assert read_entries(tmp_path / "s", 24) == []
    log.close()


def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    directory = tmp_path / "abcdefghij"
    log = SessionLog.create(directory)
    log.append(Begun("s", "/work"))
    with pytest.raises(SessionError) as here:
        SessionLog.open(directory)
    assert str(here.value) == ("session abcdefgh is open in this process already. Close it first, or go on in a copy.")
    code = (
        "import sys, pathlib\n"
        "from antiphon.sessions.storage.log import SessionLog\n"
        "try: SessionLog.open(pathlib.Path(sys.argv[1]))\n"
        "except Exception as e: print(type(e).__name__, e)"
    )
    with python(code, str(directory)) as process:
        told, _ = process.communicate()
    assert told.strip() == (
        f"SessionError session abcdefgh is open in another Antiphon (process {os.getpid()}). Leave that one first, or "
        "go on in a copy with --fork."
    )
    log.close()
    SessionLog.open(directory)[0].close()


def test_the_lock_dies_with_its_process_and_not_with_a_program_it_started(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, subprocess\n"
        "from antiphon.sessions.storage.log import SessionLog\n"
        "from antiphon.sessions.records import Begun\n"
        "log = SessionLog.create(pathlib.Path(sys.argv[1])); log.append(Begun('s', '/work'))\n"
        "print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    try:
        log, entries = SessionLog.open(tmp_path / "s")
        assert [entry.record for entry in entries] == [Begun("s", "/work")]
        log.close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_look_at_the_lock_refuses_no_writer(tmp_path: Path) -> None:
    SessionLog.create(tmp_path / "s").close()
    log = SessionLog.create(tmp_path / "t")
    log.append(Begun("t", "/work"))
    log.close()
    looking = os.open(tmp_path / "t" / "lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    released = threading.Timer(0.008, os.close, [looking])
    released.start()
    SessionLog.open(tmp_path / "t")[0].close()
    released.join()


def _read_on(directory: Path, connection: Connection) -> None:
    """Read until the last record is there; send what was ever wrong."""
    last, looks = 0, 0
    while last < 600:
        looks += 1
        entries = read_entries(directory)
        numbers = [entry.number for entry in entries]
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < last:
            connection.send(f"saw {len(numbers)} records after {last}")
            return
        if entries and isinstance(entries[-1].record, Mended):
            connection.send(f"took it for damaged after {last}")
            return
        last = len(numbers)
    connection.send(looks)


@contextmanager
def readers(directory: Path, count: int) -> Generator[None]:
    """Read in other processes what the block writes; they must see all of it, and nothing wrong."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    started = [context.Process(target=_read_on, args=(directory, theirs)) for _, theirs in pipes]
    for reader in started:
        reader.start()
    try:
        yield
        for ours, _ in pipes:
            assert ours.poll(60)
            assert isinstance(ours.recv(), int)
    finally:
        for reader in started:
            reader.kill()
            reader.join()
            reader.close()


def test_several_processes_read_while_one_writes(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    log.append(Begun("s", "/work"))
    with readers(tmp_path / "s", 3):
        for number in range(2, 601):
            log.append(Finished(str(number), Result("x" * (number % 50) * 100)))
    log.close()


def test_nobody_takes_a_session_for_damaged_that_is_opened_and_closed_all_the_time(tmp_path: Path) -> None:
    """Waiting for the disk, a writer is nearly always between writing a record and saying that it is there."""
    log = SessionLog.create(tmp_path / "s")
    log.append(Begun("s", "/work"))
    log.close()
    with readers(tmp_path / "s", 2):
        last = 1
        while last < 600:
            log, _ = SessionLog.open(tmp_path / "s", durability="power" if last % 3 else "process")
            for _ in range(last % 19 + 1):
                last = log.append(Named("x" * 1000))
            log.close()


def test_what_was_acknowledged_is_there_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from antiphon.sessions.storage.log import SessionLog\n"
        "from antiphon.sessions.records import Begun, Named\n"
        "log = SessionLog.create(pathlib.Path(sys.argv[1])); log.append(Begun('s', '/work'))\n"
        "while True: print(log.append(Named('n' * 900)), flush=True)"
    )
    for turn, count in enumerate((1, 300, 1500)):
        directory = tmp_path / str(turn)
        with python(code, str(directory)) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(count)]
            process.kill()
            told += process.stdout.readlines()
        acknowledged = int([line for line in told if line.endswith("\n")][-1])
        log, entries = SessionLog.open(directory)
        assert len(entries) in (acknowledged, acknowledged + 1)
        assert replay(entries).mended == []
        log.close()


def test_a_full_disk_loses_nothing_while_the_process_lives(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    everything = list(records(2))
    for record in everything[:3]:
        log.append(record)
    with disk_full():
        assert [log.append(record) for record in everything[3:9]] == list(range(4, 10))
        assert log.problem == "disk I/O error"
        with pytest.raises(SessionError) as refused:
            log.require_written()
        assert str(refused.value) == (
            f"the session cannot be written to {tmp_path / 's'}: disk I/O error. Nothing is lost while Antiphon runs: "
            "make room or mend it, and go on."
        )
        assert [entry.record for entry in read_entries(tmp_path / "s")] == everything[:3]
    log.append(everything[9])
    assert log.problem == ""
    log.require_written()
    assert [entry.record for entry in log.entries()] == everything[:10]
    log.close()
    assert [entry.record for entry in read_entries(tmp_path / "s")] == everything[:10]


def test_a_database_that_may_not_grow_says_that_the_disk_is_full(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    log.append(Begun("s", "/work"))
    pages = log._database._connection.execute("PRAGMA page_count").fetchone()[0]
    log._database._connection.execute(f"PRAGMA max_page_count = {pages}")
    log.append(Named("x" * 10_000))
    assert log.problem == "No space left on device"
    log._database._connection.execute("PRAGMA max_page_count = 100000")
    log.require_written()
    log.close()
    assert [entry.number for entry in read_entries(tmp_path / "s")] == [1, 2]


def test_a_log_that_cannot_be_folded_into_its_file_at_the_end_is_whole_all_the_same(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    everything = list(records(3))
    for record in everything:
        log.append(record)
    with disk_full():
        log.close()
    assert (tmp_path / "s" / f"{FILE}-wal").stat().st_size > 0
    log, _ = SessionLog.open(tmp_path / "s")
    assert [entry.record for entry in log.entries()] == everything
    log.close()
    assert replay(read_entries(tmp_path / "s")).mended == []


def test_another_program_that_locks_the_file_delays_a_record_and_loses_none(tmp_path: Path) -> None:
    log = SessionLog.create(tmp_path / "s")
    log.append(Begun("s", "/work"))
    log._database._connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "s" / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.append(Named("one"))
    log.append(Named("two"))
    assert log.problem == "database is locked"
    other.close()
    log.append(Named("three"))
    assert log.problem == ""
    assert [entry.record for entry in log.entries()][1:] == [Named("one"), Named("two"), Named("three")]
    log.close()
