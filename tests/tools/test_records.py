"""Reading the output of helper programs."""

import os
import sys
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.tools.records import Ended, quiet_environment, read_records


def python(source: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", source, *arguments]


async def test_records_are_handed_on_one_by_one(tmp_path: Path) -> None:
    records: list[bytes] = []

    def take(record: bytes) -> bool:
        records.append(record)
        return True

    ended = await read_records(python("import sys; print('a\\n\\nb', end=''); sys.exit(3)"), cwd=tmp_path, take=take)
    assert (records, ended) == ([b"a", b"", b"b"], Ended(3, ""))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"")), max_size=6), st.booleans())
async def test_what_was_written_is_what_was_read(records: list[bytes], ends: bool) -> None:  # noqa: FBT001
    written = b"\n".join(records) + (b"\n" if ends and records else b"")
    read: list[bytes] = []

    def take(record: bytes) -> bool:
        read.append(record)
        return True

    source = "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))"
    await read_records(python(source, written.hex()), cwd=Path("/"), take=take)
    expected = written.split(b"\n")
    assert read == (expected[:-1] if expected[-1] == b"" else expected)


async def test_a_program_is_ended_as_soon_as_enough_was_read(tmp_path: Path) -> None:
    read: list[bytes] = []

    def take(record: bytes) -> bool:
        read.append(record)
        return len(read) < 3

    with anyio.fail_after(20):
        ended = await read_records(python("while True: print('more')"), cwd=tmp_path, take=take)
    assert (len(read), ended.code < 0) == (3, True)


async def test_a_record_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    read: list[bytes] = []

    def take(record: bytes) -> bool:
        read.append(record)
        return True

    source = "import sys\nfor _ in range(100): sys.stdout.write('x' * 100000)\nprint(); print('next')"
    await read_records(python(source), cwd=tmp_path, take=take, longest=1000)
    assert [len(record) for record in read] == [1000, 4]


async def test_errors_are_read_to_the_end_and_their_start_is_kept(tmp_path: Path) -> None:
    source = "import sys; sys.stderr.write('bad ' * 100_000); print('done')"
    ended = await read_records(python(source), cwd=tmp_path, take=lambda _record: True)
    assert ended.code == 0
    assert ended.errors == ("bad " * 1024).strip()


async def test_a_cancelled_program_is_gone(tmp_path: Path) -> None:
    pids: list[int] = []
    started = anyio.Event()

    def take(record: bytes) -> bool:
        pids.append(int(record))
        started.set()
        return True

    source = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: read_records(python(source), cwd=tmp_path, take=take))
            await started.wait()
            tasks.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


async def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        await read_records(["/nowhere/program"], cwd=tmp_path, take=lambda _record: True)


def test_the_environment_of_helpers_names_no_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("KEPT", "yes")
    env = quiet_environment()
    assert ("GIT_DIR" in env, env["KEPT"], env["GIT_OPTIONAL_LOCKS"]) == (False, "yes", "0")
