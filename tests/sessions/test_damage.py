"""A damaged session: all that is whole comes back, what is lost is told, and the damaged file is kept."""

import random
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from antiphon.errors import SessionError
from antiphon.sessions.records import Begun, Entry, Mended, Named, Record
from antiphon.sessions.replay import replay
from antiphon.sessions.storage.log import FILE, SessionLog, read_entries
from antiphon.sessions.storage.pages import find_rows
from antiphon.sessions.storage.salvage import file_of, mend, salvage
from antiphon.testing.damaged_logs import WAL, damaged, fault, files, first_failure, records

CUTS = files().cuts


def written(directory: Path, turns: int = 3) -> list[Record]:
    everything = list(records(turns))
    log = SessionLog.create(directory)
    for record in everything:
        log.append(record)
    log.close()
    return everything


def spoil(path: Path, change: str) -> None:
    """Change records as somebody might who knows SQL and not us."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"DROP TRIGGER records_are_kept; DROP TRIGGER records_stay; {change}")


def bodies(entries: list[Entry]) -> list[Record]:
    return [entry.record for entry in entries if not isinstance(entry.record, Mended)]


def told(entries: list[Entry]) -> Mended:
    (only,) = [entry.record for entry in entries if isinstance(entry.record, Mended)]
    return only


def test_a_record_whose_text_was_changed_costs_itself_only(tmp_path: Path) -> None:
    everything = written(tmp_path / "s")
    spoil(tmp_path / "s" / FILE, "UPDATE records SET body = replace(body, 'prompt', 'prawn') WHERE number = 3")
    changed = (tmp_path / "s" / FILE).read_bytes()
    found = (
        "The file of this session was damaged: record 3 is not as it was written.",
        "Record 3 is lost.",
        f"What could be read reaches to record {len(everything)}; if there were later ones, they are lost.",
    )
    read = read_entries(tmp_path / "s")
    assert told(read) == Mended(found, "")
    assert bodies(read) == [*everything[:2], *everything[3:]]
    assert (tmp_path / "s" / FILE).read_bytes() == changed, "who only reads changes nothing"

    log, _ = SessionLog.open(tmp_path / "s")
    kept = tmp_path / "s" / "damaged-1.db"
    assert told(log.entries()) == Mended(found, str(kept))
    assert bodies(log.entries()) == [*everything[:2], *everything[3:]]
    assert log.append(Named("after")) == len(everything) + 2
    log.close()
    assert kept.read_bytes() == changed
    again, entries = SessionLog.open(tmp_path / "s")
    again.close()
    assert told(entries) == Mended(found, str(kept)), "it is mended once"


def test_records_missing_in_the_middle_are_told(tmp_path: Path) -> None:
    everything = written(tmp_path / "s")
    spoil(tmp_path / "s" / FILE, "DELETE FROM records WHERE number IN (5, 7, 8, 20)")
    log, _ = SessionLog.open(tmp_path / "s")
    assert told(log.entries()).found == (
        "The file of this session was damaged: records are missing.",
        "Records 5, 7 to 8 and 20 are lost.",
        f"What could be read reaches to record {len(everything)}; if there were later ones, they are lost.",
    )
    log.close()


def test_a_lost_first_record_is_made_again(tmp_path: Path) -> None:
    written(tmp_path / "abc")
    spoil(tmp_path / "abc" / FILE, "DELETE FROM records WHERE number < 3")
    log, entries = SessionLog.open(tmp_path / "abc")
    assert entries[0].record == Begun("abc", "")
    assert told(entries).found[-1] == "The first record is lost, and with it where the session worked."
    log.close()
    SessionLog.open(tmp_path / "abc")[0].close()


def test_each_mending_keeps_the_damaged_file_under_a_name_of_its_own(tmp_path: Path) -> None:
    written(tmp_path / "s")
    for number in (1, 2, 3):
        spoil(tmp_path / "s" / FILE, f"DELETE FROM records WHERE number = {10 * number}")
        log, entries = SessionLog.open(tmp_path / "s")
        assert [Path(record.kept).name for record in replay(entries).mended] == [
            f"damaged-{place}.db" for place in range(1, number + 1)
        ]
        assert replay(entries).mended[-1].found[1] == f"Record {10 * number} is lost."
        log.close()
        spoil_back(tmp_path / "s" / FILE)
    assert sorted(path.name for path in (tmp_path / "s").glob("*.db")) == [
        "damaged-1.db", "damaged-2.db", "damaged-3.db", FILE,
    ]  # fmt: skip


def spoil_back(path: Path) -> None:
    """Make the rules again that `spoil` takes away."""
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert names == {"records_are_kept", "records_stay"}, "a mended file has the rules of a new one"


def test_a_write_ahead_log_that_is_broken_in_the_middle_costs_what_was_in_that_place(tmp_path: Path) -> None:
    """SQLite would end the session there without a word, and write over the rest."""
    left = files(4, 2)
    broken = bytearray(left.wal)
    broken[32 + 24 + 3 * (24 + 4096) - 10] ^= 1
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / FILE).write_bytes(left.database)
    (tmp_path / "s" / WAL).write_bytes(broken)
    log, _ = SessionLog.open(tmp_path / "s")
    assert bodies(log.entries()) == list(left.records), "later frames hold the same rows once more"
    assert told(log.entries()).found == (
        "The file of this session was damaged: its write-ahead log is not as it was written.",
        f"What could be read reaches to record {len(left.records)}; if there were later ones, they are lost.",
    )
    assert (tmp_path / "s" / "damaged-1.db-wal").read_bytes() == broken
    log.close()


def test_an_emptied_database_does_not_cost_what_is_in_its_log(tmp_path: Path) -> None:
    """SQLite would take it for a new one, and delete the log."""
    left = files(4, 0)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / FILE).write_bytes(b"")
    (tmp_path / "s" / WAL).write_bytes(left.wal)
    assert bodies(read_entries(tmp_path / "s")) == list(left.records)
    log, _ = SessionLog.open(tmp_path / "s")
    assert bodies(log.entries()) == list(left.records)
    log.close()


def test_a_lost_log_leaves_what_was_in_the_database(tmp_path: Path) -> None:
    left = files(4, 2)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / FILE).write_bytes(left.database)
    log, _ = SessionLog.open(tmp_path / "s")
    present = [entry.record for entry in log.entries()]
    assert present == list(left.records[: len(present)])
    assert len(present) == len(list(records(2)))
    log.close()


def test_a_file_of_which_nothing_is_left_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    garbage = random.Random(1).randbytes(20_000)
    (tmp_path / "s" / FILE).write_bytes(garbage)
    with pytest.raises(SessionError, match="nothing that is a record of a session can be read in"):
        SessionLog.open(tmp_path / "s")
    assert (tmp_path / "s" / FILE).read_bytes() == garbage
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["lock", FILE]


def test_a_damaged_file_that_cannot_be_written_once_more_is_not_touched(tmp_path: Path) -> None:
    written(tmp_path / "s")
    spoil(tmp_path / "s" / FILE, "DELETE FROM records WHERE number = 5")
    before = (tmp_path / "s" / FILE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(SessionError, match=r"cannot be mended: .* of its records can be read; make room"):
            SessionLog.open(tmp_path / "s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "s" / FILE).read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "s").glob("*.db")) == [FILE]
    SessionLog.open(tmp_path / "s")[0].close()


def test_all_that_is_whole_is_found_however_much_is_cut_off() -> None:
    left = files()
    rows = find_rows(left.database, left.wal)
    assert len(rows) == len(left.records)
    for cut in range(101, len(left.database), 101):
        found = find_rows(left.database[:cut], b"")
        assert all(rows[number] == row for number, row in found.items())
        assert set(found) >= {
            number for number, row in rows.items() if len(row[3]) < 4000 and row[3] in left.database[: cut - 9]
        } - _alike(rows)


def _alike(rows: dict[int, tuple[int, float, str, bytes]]) -> set[int]:
    texts = [row[3] for row in rows.values()]
    return {number for number, row in rows.items() if texts.count(row[3]) > 1}


@pytest.mark.parametrize("part", range(8))
def test_a_session_whose_files_are_cut_off_goes_on(part: int) -> None:
    """All cuts: `python -m antiphon.testing.damaged_logs --damages 160000`."""
    first = CUTS * part // 8
    assert first_failure(range(first + part, first + CUTS // 8, 1009)) is None


def test_a_session_that_is_damaged_in_any_way_goes_on() -> None:
    assert first_failure(range(CUTS + 1000, CUTS + 1080)) is None


@pytest.mark.parametrize("seed", [12162], ids=["a row of which SQLite makes NULLs"])
def test_a_damage_that_was_once_not_coped_with(seed: int) -> None:
    assert first_failure([seed]) is None


def test_the_damages_are_those_they_say() -> None:
    assert damaged(0)[0] == f"{FILE} cut off at 0"
    assert damaged(len(files().database) + 7)[0] == f"{WAL} cut off at 7"
    assert len({damaged(seed)[0] for seed in range(CUTS, CUTS + 300)}) == 22
    assert fault(files()) == ""


def test_what_takes_the_place_of_a_damaged_file_is_read_while_it_does(tmp_path: Path) -> None:
    everything = written(tmp_path / "s")
    assert file_of(tmp_path / "s") == tmp_path / "s" / FILE
    (tmp_path / "s" / FILE).rename(tmp_path / "s" / "mended-1.db")
    (tmp_path / "s" / FILE).write_bytes(b"damaged")
    assert bodies(read_entries(tmp_path / "s")) == everything
    log, _ = SessionLog.open(tmp_path / "s")
    assert bodies(log.entries()) == everything
    log.close()
    assert (tmp_path / "s" / "damaged-1.db").read_bytes() == b"damaged"


def test_salvage_and_mend_need_no_open_log(tmp_path: Path) -> None:
    everything = written(tmp_path / "s")
    assert len(salvage(tmp_path / "s" / FILE, "for a test").rows) == len(everything)
    mend(tmp_path / "s", "for a test")
    assert told(read_entries(tmp_path / "s")).found[0] == "The file of this session was damaged: for a test."
