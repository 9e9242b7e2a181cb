"""The records in the bytes of an SQLite file and its write-ahead log, damaged or not. Pure.

Looks for records wherever they stand in a page, not where tables of contents say that they do: what is whole is found
though everything around it is gone. That no record is made up is seen to by the checksum that each one has. The format
is https://sqlite.org/fileformat2.html.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PAGE = 4096
"""Bytes of a page: SQLite's usual size, and the only one that sessions have."""
_MAGIC = b"SQLite format 3\0"
_DATABASE_HEADER, _WAL_HEADER, _FRAME_HEADER = 100, 32, 24
_MOST_LOCAL = PAGE - 35
_LEAST_LOCAL = (PAGE - 12) * 32 // 255 - 23
_MOST_VARINT = 9

# The header of a record as an SQLite row: its own length, no value (the number is the row's key), a real number
# (which may be kept as a whole one), a checksum, a short text, and a text of any length. JSON holds no NUL, so no
# text of a record looks like this.
_ROW = re.compile(rb"[\x06-\x0f]\x00[\x01-\x09][\x01-\x06\x08\x09][\x0d-\x7f]([\x80-\xff]{0,8}[\x00-\x7f])", re.DOTALL)
_WIDTHS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}

Row = tuple[int, float, str, bytes]
"""number, at, kind, body"""


def checksum(number: int, at: float, kind: bytes, body: bytes) -> int:
    """Return the checksum of a record, which is stored beside it."""
    return zlib.crc32(body, zlib.crc32(kind, zlib.crc32(struct.pack(">qd", number, at))))


def find_rows(database: bytes, wal: bytes) -> dict[int, Row]:
    """Return all records that are whole, by number; of two with one number the one that was written first.

    Args:
        database: the file, or what there is of it.
        wal: its write-ahead log, likewise.
    """
    current, others = _frames(wal)
    pages = [_Page(number, data) for number, data in enumerate(_cut(database), 1)]
    newest = {page.number: page.data for page in pages} | {page.number: page.data for page in current}
    oldest = {page.number: page.data for page in [*others, *reversed(current), *pages]}
    found: dict[int, Row] = {}
    # Last the files as they are: pages may have been moved off their places.
    for page in [*pages, *current, *others, _Page(0, database), _Page(0, wal)]:
        for start in _ROW.finditer(page.data):
            for number in _keys(page.data, start.start()):
                if number not in found:
                    for view in (newest, oldest):
                        row = _row(page.data, start, number, view)
                        if row is not None:
                            found[number] = row
                            break
    return found


def reach(wal: bytes) -> int:
    """Return how many frames a write-ahead log has up to its last complete transaction, whatever is between."""
    salts = wal[16:24]
    last, place = 0, wal.find(salts, _WAL_HEADER)
    while place >= 0:
        frame = place - 8
        if wal[frame + 4 : place] != b"\0\0\0\0" and frame + _FRAME_HEADER + PAGE <= len(wal):
            last = -(-(frame - _WAL_HEADER) // (_FRAME_HEADER + PAGE)) + 1
        place = wal.find(salts, place + 1)
    return last


def complete(wal: bytes) -> bytes:
    """Return a write-ahead log without what a transaction left that was not completed."""
    return wal[: _WAL_HEADER + reach(wal) * (_FRAME_HEADER + PAGE)]


def has_frames(wal: bytes) -> bool:
    """Whether a write-ahead log is long enough to hold anything."""
    return len(wal) >= _WAL_HEADER + _FRAME_HEADER + PAGE


def begins_well(database: bytes, wal: bytes) -> bool:
    """Whether SQLite will take a file and its write-ahead log for what they are; what it does not, it overwrites."""
    if database[:20] != _MAGIC + struct.pack(">HBB", PAGE, 2, 2) or len(database) < _DATABASE_HEADER:
        return False
    if not has_frames(wal):
        return True
    magic, one, other = struct.unpack_from(">III", wal)[0], 0, 0
    # Its last bit says in which order the bytes of the words are that the checksum is reckoned of.
    words = struct.unpack_from(">6I" if magic & 1 else "<6I", wal)
    for index in range(0, 6, 2):
        one = (one + words[index] + other) & 0xFFFFFFFF
        other = (other + words[index + 1] + one) & 0xFFFFFFFF
    return struct.unpack_from(">II", wal, 24) == (one, other)


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    data: bytes


def _cut(database: bytes) -> Iterator[bytes]:
    return (database[start : start + PAGE] for start in range(0, len(database), PAGE))


def _frame_starts(wal: bytes) -> range:
    return range(_WAL_HEADER, max(len(wal) - _FRAME_HEADER, 0), _FRAME_HEADER + PAGE)


def _frames(wal: bytes) -> tuple[list[_Page], list[_Page]]:
    """Return the pages in a write-ahead log: those that its header knows, and older or damaged ones."""
    current: list[_Page] = []
    others: list[_Page] = []
    for start in _frame_starts(wal):
        (number,) = struct.unpack_from(">I", wal, start)
        data = start + _FRAME_HEADER
        known = wal[start + 8 : start + 16] == wal[16:24]
        (current if known else others).append(_Page(number, wal[data : data + PAGE]))
    return current, others


def _keys(page: bytes, end: int) -> Iterator[int]:
    """Yield what the number before a row may be: it is stored backwards of here, in a byte or more."""
    value, shift = 0, 0
    for place in range(end - 1, max(end - 1 - _MOST_VARINT, -1), -1):
        byte = page[place]
        if (byte >= 0x80) != (shift > 0):
            return
        value |= (byte & 0x7F) << shift
        shift += 7
        yield value


def _row(page: bytes, start: re.Match[bytes], number: int, pages: dict[int, bytes]) -> Row | None:
    """Return the row that begins here, if its checksum says that it is one."""
    _, _, at_type, check_type, kind_type = page[start.start() : start.start() + 5]
    body_type = _varint(start.group(1))
    if kind_type % 2 == 0 or body_type < 13 or body_type % 2 == 0 or page[start.start()] != start.end() - start.start():
        return None
    widths = _WIDTHS[at_type], _WIDTHS[check_type], (kind_type - 13) // 2, (body_type - 13) // 2
    content = _content(page, start.start(), start.end() - start.start() + sum(widths), pages)
    if content is None:
        return None
    place = start.end() - start.start()
    parts: list[bytes] = []
    for width in widths:
        parts.append(content[place : place + width])
        place += width
    at_bytes, check_bytes, kind, body = parts
    at = struct.unpack(">d", at_bytes)[0] if at_type == 7 else float(_integer(at_type, at_bytes))
    if checksum(number, at, kind, body) != _integer(check_type, check_bytes):
        return None
    return number, at, kind.decode("ascii", "replace"), body


def _content(page: bytes, start: int, size: int, pages: dict[int, bytes]) -> bytes | None:
    """Return a row's bytes, those on further pages too; None where some are missing."""
    if size <= _MOST_LOCAL:
        return page[start : start + size] if start + size <= len(page) else None
    local = _LEAST_LOCAL + (size - _LEAST_LOCAL) % (PAGE - 4)
    local = local if local <= _MOST_LOCAL else _LEAST_LOCAL
    parts = [page[start : start + local]]
    following, left = page[start + local : start + local + 4], size - local
    while left > 0:
        further = pages.get(int.from_bytes(following)) if len(following) == 4 else None
        part = further[4 : 4 + left] if further is not None else b""
        if further is None or not part:
            return None
        parts.append(part)
        following, left = further[:4], left - len(part)
    content = b"".join(parts)
    return content if len(content) == size else None


def _varint(data: bytes) -> int:
    value = 0
    for byte in data[:8]:
        value = value << 7 | byte & 0x7F
    return value << 8 | data[8] if len(data) == _MOST_VARINT else value


def _integer(kind: int, data: bytes) -> int:
    return kind - 8 if kind >= 8 else int.from_bytes(data, signed=True)
