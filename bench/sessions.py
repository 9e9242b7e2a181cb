"""What a session costs: a record, opening one with 10,000 of them, reading it, and mending it when it is damaged.

The goals: a record is in the file within 0.1 ms (p50), and a session of 10,000 records is open within
150 ms, its conversation rebuilt. Where the files are decides about `power`, which waits for the disk.

    python dev.py bench sessions
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from antiphon.engine.events import Finished, MessageEnded, Requested, Result, ToolCall, reading
from antiphon.sessions.records import Answered, Begun, Configured, Prompted, Record, Replied, RunEnded, TurnBegan
from antiphon.sessions.replay import replay
from antiphon.sessions.storage.database import Durability
from antiphon.sessions.storage.log import FILE, SessionLog, read_entries
from measuring import Table

RECORDS = 10_000
RESULT = "a line of a file that was read, of usual length\n" * 8


def records(count: int) -> Iterator[Record]:
    """Yield so many records of a session like those of real work: four calls a turn, results of 400 characters."""
    yield Begun("bench", "/work")
    yield Configured({"model": "m", "max_tokens": 32_000, "system": "be good " * 500})
    left, turn = count - 2, 0
    while left > 0:
        turn += 1
        for record in _turn(turn):
            yield record
            left -= 1
            if not left:
                return


def _turn(turn: int) -> Iterator[Record]:
    calls = [ToolCall(f"toolu_{turn:020}{place}", "read_file", {"path": f"src/a{place}.py"}) for place in range(4)]
    yield Prompted(({"type": "text", "text": "Now the next one, please. " * 4},))
    yield TurnBegan(turn, 32)
    yield from (Requested(call, reading(("file", call.input["path"]))) for call in calls)
    uses = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls]
    yield Replied(({"type": "text", "text": "I read. " * 10}, *uses), {"id": "msg", "usage": {"output_tokens": 9}})
    yield MessageEnded()
    yield from (Finished(call.id, Result(RESULT)) for call in calls)
    yield Answered(tuple({"type": "tool_result", "tool_use_id": call.id, "content": RESULT} for call in calls))
    yield RunEnded("end_turn")


def fill(directory: Path, durability: Durability, count: int) -> tuple[SessionLog, list[float]]:
    """Write a session; return it, still open, and what each record took."""
    log = SessionLog.create(directory, durability=durability)
    seconds: list[float] = []
    for record in records(count):
        started = time.perf_counter()
        log.append(record)
        seconds.append(time.perf_counter() - started)
    return log, seconds


def median_ms(work: Callable[[], object], times: int = 9) -> tuple[str, str]:
    """Return what work takes in the middle of several times, and how much of it on the processor."""
    spent: list[tuple[float, float]] = []
    for _ in range(times):
        started = time.perf_counter(), time.process_time()
        work()
        spent.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    wall, busy = (statistics.median(column) for column in zip(*spent, strict=True))
    return f"{wall * 1e3:.1f}", f"{busy * 1e3:.1f}"


def open_it(directory: Path) -> None:
    """Open a session as an agent does, and close it."""
    log, entries = SessionLog.open(directory)
    replay(entries)
    log.close()


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as place:
        table = Table("a record, durability", "p50 ms", "p99 ms", "most ms")
        modes: list[tuple[Durability, int]] = [("process", RECORDS), ("power", 500)]
        for durability, count in modes:
            log, seconds = fill(Path(place, durability), durability, count)
            seconds.sort()
            shown = (seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100], seconds[-1])
            table.row(durability, *(f"{value * 1e3:.3f}" for value in shown))
            log.close()
        table.print()
        print()
        directory = Path(place, "process")
        size = (directory / FILE).stat().st_size / 1e6
        table = Table(f"{RECORDS:,} records, {size:.1f} MB", "ms", "CPU ms")
        table.row("open and rebuild the conversation", *median_ms(lambda: open_it(directory)))
        table.row("read every record", *median_ms(lambda: read_entries(directory)))
        table.row("rebuild it of every record", *median_ms(lambda: replay(read_entries(directory))))
        table.row("open it after a kill", *_after_a_kill(Path(place, "killed")))
        table.row("mend it, one page lost", *_mended(directory))
        table.print()


def _after_a_kill(directory: Path) -> tuple[str, str]:
    log, _ = fill(directory.with_name("living"), "process", RECORDS)
    shutil.copytree(directory.with_name("living"), directory)
    log.close()
    return median_ms(lambda: open_it(directory), times=1)


def _mended(directory: Path) -> tuple[str, str]:
    content = (directory / FILE).read_bytes()
    middle = len(content) // 2 // 4096 * 4096
    (directory / FILE).write_bytes(content[:middle] + bytes(4096) + content[middle + 4096 :])
    return median_ms(lambda: open_it(directory), times=1)


if __name__ == "__main__":
    main()
