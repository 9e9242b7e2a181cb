"""Stored sessions of other agents, from the command line: damaged, in use, and mangled in every way."""

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged import Checker

FIXTURES = Path(__file__).parents[1] / "transcripts/fixtures"
SESSIONS = sorted(path for path in FIXTURES.rglob("*") if path.is_file())
DAMAGED = FIXTURES / "claude-code-interrupted.jsonl"


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


def copied(path: Path, place: Path, *, seconds_ago: float = 3600) -> Path:
    """Return a copy of a fixture, in a directory that keeps what its name and place say of it."""
    copy = place / path.relative_to(FIXTURES)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
    then = time.time() - seconds_ago
    os.utime(copy, (then, then))
    return copy


def test_sessions_of_every_agent_are_checked_in_one_go_and_repaired(check: Checker, tmp_path: Path) -> None:
    for path in SESSIONS:
        copied(path, tmp_path)
    before = check(tmp_path)
    assert before.code == 1
    assert before.err == ""
    ended = check(tmp_path, "--fix", "--lossy-fixes")
    assert "antiphon:" not in ended.err
    left = check(tmp_path, "-o", "json").out
    assert '"applicability": "safe"' not in left
    assert '"applicability": "lossy"' not in left
    again = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    check(tmp_path, "--fix", "--lossy-fixes", "--force")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == again


def test_a_session_that_may_be_going_on_is_not_written_unless_forced(check: Checker, tmp_path: Path) -> None:
    path = copied(DAMAGED, tmp_path, seconds_ago=2)
    ended = check(path, "--fix")
    assert ended.code == 2
    assert "so its session may be going on; it was not written" in ended.err
    assert ended.rules == ["TU002", "TU001"]
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (DAMAGED.read_bytes(), [path])
    assert check(path, "--diff").out != ""
    ended = check(path, "--fix", "--lossy-fixes", "--force")
    assert ended.code == 0
    assert path.with_name(f"{path.name}.antiphon-backup").read_bytes() == DAMAGED.read_bytes()


def test_a_task_whose_lock_is_held_is_not_written(check: Checker, tmp_path: Path) -> None:
    path = copied(FIXTURES / "roo/task-broken/api_conversation_history.json", tmp_path)
    path.with_name(f"{path.name}.lock").mkdir()
    ended = check(path, "--fix")
    assert ended.code == 2
    assert "its program holds the lock api_conversation_history.json.lock; it was not written" in ended.err


def test_changes_that_are_not_in_a_database_yet_are_told_and_keep_it_from_being_written(
    check: Checker, tmp_path: Path
) -> None:
    path = copied(FIXTURES / "opencode.db", tmp_path)
    path.with_name("opencode.db-wal").write_bytes(b"x" * 100)
    assert "what is in opencode.db-wal is not in the file yet, and was not looked at" in check(path).err
    ended = check(path, "--fix", "--lossy-fixes")
    assert (ended.code, path.read_bytes()) == (2, (FIXTURES / "opencode.db").read_bytes())
    assert "opencode.db-wal holds changes that are not in it yet" in ended.err


def test_a_problem_of_a_session_has_the_line_of_its_message(check: Checker, tmp_path: Path) -> None:
    path = copied(DAMAGED, tmp_path)
    assert check(path, "--select", "TU001").lines[0].startswith(f"{path}:2:messages[1]: TU001 ")


def cut(data: bytearray, dice: random.Random) -> bytearray:
    return data[: dice.randrange(len(data))]


def flip_bits(data: bytearray, dice: random.Random) -> bytearray:
    for _ in range(3):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return data


def zero(data: bytearray, dice: random.Random) -> bytearray:
    data[dice.randrange(len(data))] = 0
    return data


NONSENSE = (
    b"\xed\xa0\x80",
    rb"\ud800",
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b"1e400",
    b'"id":1,',
    b"9" * 5000,
    b"\n",
)


def insert(data: bytearray, dice: random.Random) -> bytearray:
    place = dice.randrange(len(data))
    data[place:place] = dice.choice(NONSENSE)
    return data


@pytest.mark.parametrize("mangle", [cut, flip_bits, zero, insert])
def test_a_mangled_file_is_told_or_repaired_and_never_a_bug_of_ours(
    check: Checker, tmp_path: Path, mangle: Callable[[bytearray, random.Random], bytearray]
) -> None:
    dice = random.Random(11804)
    for path in SESSIONS:
        copy = copied(path, tmp_path)
        for _ in range(5):
            copy.write_bytes(mangle(bytearray(path.read_bytes()), dice))
            ended = check(copy, "--fix", "--lossy-fixes", "--force", "--no-backup")
            assert ended.code in {0, 1, 2}
            assert "internal error" not in ended.err
            assert ended.code != 2 or copy.name in ended.err
            repaired = copy.read_bytes()
            check(copy, "--fix", "--lossy-fixes", "--force", "--no-backup")
            assert copy.read_bytes() == repaired
