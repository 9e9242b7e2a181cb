"""What was read is written back as it was, byte for byte, unless there is something to mend."""

from pathlib import Path

import pytest
from stored_samples import FILES, FIXTURES

from antiphon.transcripts.detecting import detect, read


def test_every_fixture_is_tested() -> None:
    found = {path.relative_to(FIXTURES).as_posix() for path in FIXTURES.rglob("*") if path.is_file()}
    assert found == set(FILES)


@pytest.mark.parametrize(("name", "format_name"), FILES.items())
def test_a_file_is_told_by_its_name_and_content(name: str, format_name: str) -> None:
    path = FIXTURES / name
    found = detect(path, path.read_bytes())
    assert found
    assert found.name == format_name


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_only_read_is_written_as_it_was(name: str) -> None:
    path = FIXTURES / name
    data = path.read_bytes()
    document = read(path, data)
    written = document.rendered([stored.request for stored in document.conversations])
    assert (written == data) != any(found.mended for found in document.findings)


@pytest.mark.parametrize("name", FILES)
def test_what_was_mended_has_nothing_left_to_mend(name: str) -> None:
    path = FIXTURES / name
    document = read(path, path.read_bytes())
    requests = [stored.request for stored in document.conversations]
    written = document.rendered(requests)
    again = read(path, written)
    assert [stored.request for stored in again.conversations] == requests
    assert [found for found in again.findings if found.mended] == []
    assert again.rendered([stored.request for stored in again.conversations]) == written


@pytest.mark.parametrize("name", FILES)
def test_each_message_has_a_line_where_lines_mean_something(name: str) -> None:
    path = FIXTURES / name
    document = read(path, path.read_bytes())
    last = path.read_bytes().count(b"\n") + 1
    for stored in document.conversations:
        messages = next(stored.request[key] for key in ("messages", "contents", "input") if key in stored.request)
        assert len(stored.lines) in {0, len(messages)}
        assert list(stored.lines) == sorted(stored.lines)
        assert all(1 <= line <= last for line in stored.lines)


@pytest.mark.parametrize(
    "junk", [b"", b" \n", b"hello", b"{}", b"[]", b"[1, 2]", b'{"name": "left-pad"}', b"\x00" * 64]
)
def test_other_files_are_claimed_by_no_format(junk: bytes) -> None:
    assert detect(Path("package.json"), junk) is None
