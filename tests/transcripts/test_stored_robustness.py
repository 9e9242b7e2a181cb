"""Whatever is in a file, it is read or `Unreadable`: no other exception, no endless loop, no heap of memory."""

import json
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_samples import FILES, FIXTURES, as_request, as_session, as_task

from antiphon.protocol.checking import repair
from antiphon.protocol.dialects import DIALECTS
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import FORMATS, detect, read
from antiphon.transcripts.document import Document, Unreadable

ANTHROPIC = DIALECTS["anthropic"]


def _try(path: Path, data: bytes, format_name: str | None) -> None:
    try:
        document = read(path, data, format=format_name)
    except Unreadable as error:
        assert str(error)  # noqa: PT017  (either is right; that there is a reason is what is asked)
        return
    written = document.rendered([stored.request for stored in document.conversations])
    assert written == data or any(found.mended for found in document.findings)
    _write_repaired(document)


def _write_repaired(document: Document) -> None:
    requests = [
        repair(stored.request, ANTHROPIC).request if stored.dialect == "anthropic" else stored.request
        for stored in document.conversations
    ]
    try:
        document.rendered(requests)
    except Unreadable as error:
        # A number that no JSON can hold, in a block that had to be written anew.
        assert "cannot be written" in str(error) or "database" in str(error)  # noqa: PT017


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_read_or_refused(name: str) -> None:
    path = FIXTURES / name
    data = path.read_bytes()
    step = 50 if len(data) < 20_000 else 500
    for end in range(0, len(data), step):
        _try(path, data[:end], FILES[name])


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _blank(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at : at + 8] = bytes(8)


def _lose(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) - 1)
    del data[at : at + chance.choice([1, 20, 200])]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.choice([5, 50, 500])]


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.choice([b"\\ud83d", b"\xff", b'"a":1,"a":2,', b"1e400", b"[[", b"null,", b"{},", b'"'])


def _swap_values(data: bytearray, chance: random.Random) -> None:
    """Put another value where a string stood."""
    at = data.find(b'":"', chance.randrange(len(data)))
    end = data.find(b'"', at + 3)
    if 0 <= at < end:
        data[at + 2 : end + 1] = chance.choice([b"null", b"{}", b"[]", b'""', b"12", b"[null]", b'"user"', b'"c1"'])


FAULTS: list[Callable[[bytearray, random.Random], None]] = [_flip, _blank, _lose, _repeat, _insert, _swap_values]


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_random_faults_is_read_or_refused(name: str) -> None:
    path = FIXTURES / name
    chance = random.Random(name)
    for _ in range(40):
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 4)):
            chance.choice(FAULTS)(data, chance)
        _try(path, bytes(data), chance.choice([None, FILES[name]]))


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"\x00" * 1000,
        b"\xff\xfe\x00",
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b"[" * 20_000 + b"\n" + b"{}\n",
        b"null",
        b"[null, 1, [], {}]",
        b'{"messages": null}',
        b'{"messages": [null, 1, "x", [], {"role": {}, "content": {}}]}',
        b'{"messages": [{"role": "user", "content": [null, 1, [], {"type": []}]}]}',
        b"9" * 5000,
        b'{"type": "user", "uuid": "a", "parentUuid": "a", "message": {"role": "user", "content": null}}\n' * 3,
        b'{"type": [], "uuid": {}, "parentUuid": [], "message": {"id": [], "role": {}, "content": 1}}\n',
        b'{"type": "response_item", "payload": {"type": {}, "role": []}}\n{"type": "compacted", "payload": {}}\n',
        b'{"type": "event_msg", "payload": {"type": "thread_rolled_back", "num_turns": 1e400}}\n',
    ],
    ids=range(17),
)
def test_no_format_stumbles_over_junk(format_name: str, data: bytes) -> None:
    found = detect(Path("x.json"), data)
    assert found is None or found.name in FORMATS
    _try(Path("x.json"), data, format_name)


def _conversation(turns: int, size: int = 1000) -> list[Json]:
    messages: list[Json] = []
    for number in range(turns):
        name = f"toolu_{number}"
        call: Json = {"type": "tool_use", "id": name, "name": "x", "input": {}}
        result = {"type": "tool_result", "tool_use_id": name, "content": "x" * size}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return [{"role": "user", "content": [{"type": "text", "text": "go"}]}, *messages]


@pytest.mark.parametrize("store", [as_request, as_task, as_session])
def test_time_grows_with_the_file_and_no_faster(store: Callable[[list[Json]], tuple[str, bytes]]) -> None:
    def seconds(turns: int) -> float:
        # The last call unanswered, so that the file is written too.
        name, data = store(_conversation(turns)[:-1])
        path = Path(name)
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            document = read(path, data)
            request = document.conversations[0].request
            answer = {"type": "tool_result", "tool_use_id": f"toolu_{turns - 1}", "content": ""}
            messages = [*request["messages"], {"role": "user", "content": [answer]}]
            document.rendered([{**request, "messages": messages}])
            best = min(best, time.process_time() - started)
        return best

    seconds(50)
    assert seconds(2000) < 30 * seconds(200) + 0.2


@pytest.mark.parametrize("store", [as_request, as_task, as_session])
def test_reading_takes_a_few_times_the_memory_of_the_file(store: Callable[[list[Json]], tuple[str, bytes]]) -> None:
    name, data = store(_conversation(3000))
    tracemalloc.start()
    try:
        document = read(Path(name), data)
        assert len(document.conversations[0].request["messages"]) == 6001
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 6 * len(data)


def test_a_thousand_lines_without_a_parent_do_not_take_a_thousand_times_a_thousand_steps() -> None:
    def line(number: int, parent: str) -> str:
        message = {"role": "user", "content": "hi"}
        return json.dumps({"uuid": f"u{number}", "parentUuid": parent, "type": "user", "message": message})

    for parents in ("gone", "u{next}", "u{own}"):
        data = "\n".join(line(own, parents.format(own=own, next=own + 1)) for own in range(3000)).encode()
        started = time.process_time()
        read(Path("x.jsonl"), data, format="claude-code")
        assert time.process_time() - started < 5
