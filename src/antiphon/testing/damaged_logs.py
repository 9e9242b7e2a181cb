"""Damages the files of a session in every way that disks and people do, opens it, and sees what is left.

::

    python3 -m antiphon.testing.damaged_logs --damages 100000

The first seeds cut the files off at every byte, one after the other; the seeds behind these draw a damage. Whatever was
done: no record that was not written comes back; each that is whole in what is left of the files does; and the session
goes on, or says that nothing in it can be read.
"""

import random
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from antiphon.engine.events import Finished, MessageEnded, Requested, Result, ToolCall, reading
from antiphon.errors import SessionError
from antiphon.sessions.records import (
    Answered,
    Begun,
    Configured,
    Entry,
    Mended,
    Named,
    Prompted,
    Record,
    Replied,
    RunEnded,
    TurnBegan,
)
from antiphon.sessions.storage.encoding import encode_record
from antiphon.sessions.storage.log import FILE, SessionLog, read_entries
from antiphon.sessions.storage.pages import checksum
from antiphon.testing.seeds import Failure, Trial

WAL = f"{FILE}-wal"
_INDEX = f"{FILE}-shm"
_PAGE = 4096
_WAL_HEADER, _FRAME = 32, 24 + _PAGE
_LONG = 9_000
"""Characters of a record that fills several pages."""


@dataclass(frozen=True, slots=True)
class Files:
    """What stands on the disk.

    Attributes:
        database: the file.
        wal: its write-ahead log.
        records: those that are in them.
        complete: how many bytes of the log are transactions that were completed; all unless given.
    """

    database: bytes
    wal: bytes
    records: tuple[Record, ...]
    complete: int | None = None

    @property
    def cuts(self) -> int:
        """How many ways there are to cut one of them off."""
        return len(self.database) + len(self.wal)

    def put(self, directory: Path) -> None:
        """Write them where a session is kept."""
        directory.mkdir(parents=True)
        (directory / FILE).write_bytes(self.database)
        if self.wal:
            (directory / WAL).write_bytes(self.wal)

    def whole(self) -> set[int]:
        """Return the numbers of the records that certainly can be read: all bytes of the row are there."""
        return {
            number
            for number, row in enumerate(map(_row, self.records, range(1, len(self.records) + 1)), 1)
            if len(row) < _PAGE - 100 and (row in self.database or row in self.wal[: self.complete])
        }


def _at(number: int) -> float:
    """Return when a record was written: so that there are whole and broken numbers, which SQLite keeps differently."""
    return 1_000.0 + number / 2


def _row(record: Record, number: int) -> bytes:
    """Return a row as SQLite writes it: key, header, values."""
    kind, body = encode_record(record)
    at, name = _at(number), kind.encode()
    check, check_type = _integer(checksum(number, at, name, body))
    when, at_type = _integer(int(at)) if at.is_integer() else (struct.pack(">d", at), 7)
    types = b"\0" + bytes((at_type, check_type, 13 + 2 * len(name))) + _varint(13 + 2 * len(body))
    return _varint(number) + bytes((1 + len(types),)) + types + when + check + name + body


def _integer(value: int) -> tuple[bytes, int]:
    for kind, width in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6)):
        if value < 1 << 8 * width - 1:
            return value.to_bytes(width), kind
    raise ValueError(value)


def _varint(value: int) -> bytes:
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


Damage = Callable[[random.Random, bytes], bytes]


def records(turns: int, *, seed: int = 0) -> Iterator[Record]:
    """Yield the records of a session of so many turns, no two alike, one of them long."""
    draw = random.Random(seed)  # noqa: S311  (nothing is kept secret with it)
    yield Begun("aaaaaaaa", "/work/place", "1.0")
    yield Configured({"model": "m", "max_tokens": 1000, "system": f"be good {draw.random()}"})
    for turn in range(1, turns + 1):
        yield Prompted(({"type": "text", "text": f"prompt {turn} {draw.random()} ✓"},))
        yield TurnBegan(turn, 8)
        calls = [ToolCall(f"toolu_{turn}_{place}", "read_file", {"path": f"{draw.random()}.py"}) for place in range(3)]
        for call in calls:
            yield Requested(call, reading(("file", call.id)))
        uses = tuple({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls)
        yield Replied(uses, {"id": f"msg_{turn}", "usage": {"output_tokens": turn}})
        yield MessageEnded(cut=bool(turn % 2))
        texts = [f"{turn} {place} {draw.random()} " * draw.choice((1, 10, 30)) for place in range(3)]
        texts[0] += "x" * _LONG if turn == turns // 2 else ""
        for call, text in zip(calls, texts, strict=True):
            yield Finished(call.id, Result(text))
        yield Answered(
            tuple(
                {"type": "tool_result", "tool_use_id": call.id, "content": text}
                for call, text in zip(calls, texts, strict=True)
            )
        )
        yield RunEnded("end_turn", f"turn {turn}")


@cache
def files(turns: int = 4, checkpointed: int = 2) -> Files:
    """Return what a killed process left of a session.

    Args:
        turns: how many there were.
        checkpointed: how many of them are in the database already; the others are in the write-ahead log.
    """
    written = tuple(records(turns))
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place, "session")
        log = SessionLog.create(directory)
        first = len(tuple(records(checkpointed))) if checkpointed else 0
        for number, record in enumerate(written[:first], 1):
            log.append(record, at=_at(number))
        if first:
            log.close()
            log, _ = SessionLog.open(directory)
        for number, record in enumerate(written[first:], first + 1):
            log.append(record, at=_at(number))
        wal = directory / WAL
        found = Files((directory / FILE).read_bytes(), wal.read_bytes() if wal.exists() else b"", written)
        log.close()
    return found


def damaged(seed: int) -> tuple[str, Files]:
    """Return a damaged session and what was done to it; the first seeds cut it off at every byte."""
    whole = files()
    if seed < len(whole.database):
        return f"{FILE} cut off at {seed}", Files(whole.database[:seed], whole.wal, whole.records)
    if seed < whole.cuts:
        cut = seed - len(whole.database)
        wal = whole.wal[:cut]
        ends = range(_WAL_HEADER + _FRAME, cut + 1, _FRAME)
        complete = max((end for end in ends if any(wal[end - _FRAME + 4 : end - _FRAME + 8])), default=0)
        return f"{WAL} cut off at {cut}", Files(whole.database, wal, whole.records, complete)
    draw = random.Random(seed)  # noqa: S311  (nothing is kept secret with it)
    whole = files(*draw.choice(((4, 2), (4, 0), (4, 4), (12, 6))))
    name, damage = draw.choice(list(_DAMAGES.items()))
    if whole.wal and draw.random() < 0.5:
        return f"{WAL}: {name}", Files(whole.database, damage(draw, whole.wal), whole.records)
    return f"{FILE}: {name}", Files(damage(draw, whole.database), whole.wal, whole.records)


def _flip(draw: random.Random, data: bytes, *, count: int = 1) -> bytes:
    changed = bytearray(data)
    for _ in range(count):
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _overwrite(draw: random.Random, data: bytes, *, garbage: bool, last: bool = False) -> bytes:
    pages = (len(data) + _PAGE - 1) // _PAGE
    start = (pages - 1 if last else draw.randrange(pages)) * _PAGE
    end = min(start + _PAGE, len(data))
    return data[:start] + (draw.randbytes(end - start) if garbage else bytes(end - start)) + data[end:]


def _swap(draw: random.Random, data: bytes) -> bytes:
    pages = [data[start : start + _PAGE] for start in range(0, len(data), _PAGE)]
    one, other = draw.randrange(len(pages)), draw.randrange(len(pages))
    pages[one], pages[other] = pages[other], pages[one]
    return b"".join(pages)


def _drop(draw: random.Random, data: bytes) -> bytes:
    # Not the last ones: without them, a transaction is one that never came to its end.
    start = draw.randrange(0, max(len(data) - 4 * _PAGE, 1), _PAGE)
    return data[:start] + data[start + _PAGE :]


_DAMAGES: dict[str, Damage] = {
    "a bit flipped": _flip,
    "bits flipped": lambda draw, data: _flip(draw, data, count=draw.randint(2, 50)),
    "a page of zeros": lambda draw, data: _overwrite(draw, data, garbage=False),
    "a page of garbage": lambda draw, data: _overwrite(draw, data, garbage=True),
    "the last page of zeros": lambda draw, data: _overwrite(draw, data, garbage=False, last=True),
    "the last page of garbage": lambda draw, data: _overwrite(draw, data, garbage=True, last=True),
    "two pages swapped": _swap,
    "a page missing": _drop,
    "garbage at the end": lambda draw, data: data + draw.randbytes(draw.randint(1, 3 * _PAGE)),
    "all gone": lambda _, __: b"",
    "all garbage": lambda draw, data: draw.randbytes(len(data)),
}


def fault(broken: Files) -> str:
    """Say what went wrong when this session was read, opened and gone on with; empty if nothing did."""
    with _directory() as directory:
        broken.put(directory)
        certain = broken.whole()
        try:
            entries = read_entries(directory)
            log, _ = SessionLog.open(directory)
        except SessionError as problem:
            # A file may be cut off in the middle of its version, or changed there.
            return f"{len(certain)} records are whole, and it says: {problem}" if certain else ""
        opened = log.entries()
        log.append(Named("gone on with"))
        log.close()
        again, _ = SessionLog.open(directory)
        last = again.entries()
        again.close()
    return (
        _wrong(broken, certain, entries, "read")
        or _wrong(broken, certain, opened, "opened")
        or ("" if last[:-1] == opened else "what was opened is not what is there the next time")
        or ("" if last[-1].record == Named("gone on with") else "the record that was added is not there")
    )


def _wrong(broken: Files, certain: set[int], entries: list[Entry], how: str) -> str:
    """Say what is wrong with what came back, or nothing."""
    told = [entry.record for entry in entries if isinstance(entry.record, Mended)]
    ours = {entry.number: entry.record for entry in entries if not isinstance(entry.record, Mended)}
    made = told and ours.get(1) != broken.records[0]  # a first record was made, and says so
    for number, record in ours.items():
        if not (made and number == 1) and (number > len(broken.records) or broken.records[number - 1] != record):
            return f"{how}: record {number} was never written: {record}"
    if lost := sorted(certain - set(ours)):
        return f"{how}: records {lost} are whole in the files and did not come back"
    if len(told) > 1 or (list(ours) != list(range(1, len(ours) + 1)) and not told):
        return f"{how}: records are missing and nothing tells of it"
    if told and not told[0].found:
        return f"{how}: it was mended and does not say why"
    return ""


@contextmanager
def _directory() -> Generator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(place, "aaaaaaaa")
        shutil.rmtree(place, ignore_errors=True)


def first_failure(seeds: Sequence[int]) -> Failure | None:
    """Return the first seed whose damage is not coped with."""
    for seed in seeds:
        name, broken = damaged(seed)
        try:
            text = fault(broken)
        except Exception as problem:  # noqa: BLE001  (whatever it is, it is the finding)
            text = f"{type(problem).__name__}: {problem}"
        if text:
            return Failure(seed, f"{name}: {text}")
    return None


TRIAL = Trial(
    module="antiphon.testing.damaged_logs",
    what="damages",
    description="Damage a session's files, open it, and see that what is whole comes back.",
    usual=20_000,
    verdict="each read, told and gone on with",
    first_failure=first_failure,
    chunk=50,
)

if __name__ == "__main__":
    sys.exit(TRIAL.main())
