"""Whatever a session holds: what lists say is what replay says, and every export holds it."""

import json
import sqlite3
from contextlib import closing
from html.parser import HTMLParser

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.engine.events import Finished, Result
from antiphon.protocol.messages import Json
from antiphon.sessions.export import to_html, to_json, to_markdown
from antiphon.sessions.listing.summary import Digest
from antiphon.sessions.records import (
    Answered,
    Begun,
    Compacted,
    Configured,
    Entry,
    Forked,
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
from antiphon.sessions.searching.matching import Query, spaced
from antiphon.sessions.storage.encoding import decode_record, encode_record

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["```\ncode", "# <b>`x`</b>", "a\n\n> b", "~~~~\n```\n~~~", "\x1b[2J\u202e"]
)
IDS = st.sampled_from("abc")


def block(kind: str, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


CALL = block("tool_use", id=IDS, name=TEXTS, input=st.dictionaries(TEXTS, TEXTS, max_size=2))
SERVER_CALL = block("server_tool_use", id=IDS, name=TEXTS, input=st.just({}))
SERVER_RESULT = block("web_search_tool_result", tool_use_id=IDS, content=st.just([{"title": "x", "url": "y"}]) | TEXTS)
TEXT = block("text", text=TEXTS)
IMAGE = block("image", source=st.fixed_dictionaries({"type": TEXTS, "media_type": TEXTS, "data": TEXTS}) | TEXTS)
RESULT = block("tool_result", tool_use_id=IDS, content=TEXTS | st.lists(TEXT | IMAGE, max_size=2))
ODD = st.fixed_dictionaries({"type": TEXTS})
THOUGHT = block("thinking", thinking=TEXTS) | block("redacted_thinking", data=TEXTS)


def blocks(*kinds: st.SearchStrategy[Json]) -> st.SearchStrategy[tuple[Json, ...]]:
    return st.lists(st.one_of(*kinds), max_size=3).map(tuple)


MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": blocks(TEXT, CALL).map(list)}),
    max_size=4,
).map(tuple)
RECORDS = st.one_of(
    blocks(TEXT, IMAGE, ODD).map(Prompted),
    blocks(TEXT, IMAGE).map(Prompted),
    blocks(TEXT, CALL, THOUGHT, SERVER_CALL, SERVER_RESULT, ODD).map(Replied),
    blocks(RESULT, TEXT, ODD).map(Answered),
    st.builds(Truncated, st.integers(0, 5)),
    st.builds(Compacted, MESSAGES),
    st.builds(Repaired, MESSAGES, st.just(("wrong",))),
    st.builds(Replaced, st.integers(0, 5), st.just({"role": "user", "content": "cleared"})),
    st.builds(Named, TEXTS),
    st.builds(TurnBegan, st.integers(1, 9), st.just(8)),
    st.builds(Configured, st.dictionaries(st.just("model"), TEXTS)),
    st.builds(Finished, IDS, st.builds(Result, TEXTS)),
    st.builds(RunEnded, TEXTS, TEXTS),
    st.just(Forked()),
)
SESSIONS = st.lists(RECORDS, max_size=12).map(lambda records: [Begun("id", "/work"), *records])


def rows(records: list[Record]) -> list[tuple[int, float, str, bytes]]:
    """Return records as a file has them."""
    encoded = (encode_record(record) for record in records)
    return [(number, 100.0 + number, kind, _bytes(body)) for number, (kind, body) in enumerate(encoded, 1)]


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def read(records: list[Record]) -> list[Entry]:
    """Return records as they are read from a file."""
    found = [(number, at, decode_record(kind, body)) for number, at, kind, body in rows(records)]
    return [Entry(number, at, record) for number, at, record in found if record is not None]


@settings(max_examples=200, deadline=None)
@given(SESSIONS, st.integers(0, 12))
def test_a_list_says_what_replay_says_wherever_it_was_interrupted(records: list[Record], place: int) -> None:
    digest = Digest()
    digest.take(rows(records)[:place])
    digest = msgspec.json.decode(msgspec.json.encode(digest), type=Digest)
    digest.take(rows(records)[place:])
    summary, state = digest.summary("id"), replay(read(records))
    assert (summary.title, summary.name, summary.turns) == (state.title, state.name, state.turns)
    assert summary.prompts == len(state.prompts)
    assert summary.damaged == ""


class Balanced(HTMLParser):
    """Elements that were opened are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@settings(max_examples=150, deadline=None)
@given(SESSIONS)
def test_every_session_can_be_exported(records: list[Record]) -> None:
    entries = read(records)
    digest = Digest()
    digest.take(rows(records))
    summary = digest.summary("id")
    page = Balanced(to_html(summary, entries))
    assert page.open == []
    assert not page.seen & {"script", "iframe", "a", "form"}
    assert "\x1b" not in to_markdown(summary, entries)
    exported = json.loads(to_json(summary, entries, records=True))
    assert len(exported["records"]) == len(entries)
    assert exported["messages"] == replay(entries).messages


DENSE = st.text('aAbéÉ\u0301東京ß²\U0001e900_- \n"', max_size=60) | st.text(max_size=60)


@settings(max_examples=500, deadline=None)
@given(DENSE, DENSE.map(lambda text: text[:4]), st.integers(1, 80))
def test_an_excerpt_is_a_piece_of_the_text_and_its_spans_are_in_it(text: str, words: str, length: int) -> None:
    query = Query(words)
    excerpt = query.excerpt(text, length)
    assert all(0 <= start < end <= len(excerpt.text) for start, end in excerpt.spans)
    assert list(excerpt.spans) == sorted(excerpt.spans)
    assert len(excerpt.text) <= length + 2
    if query.matches(text) and length == 80:
        assert excerpt.spans


@settings(max_examples=500, deadline=None)
@given(st.lists(DENSE, min_size=1, max_size=5), DENSE.map(lambda text: text[:5]))
def test_the_index_finds_what_reading_finds(texts: list[str], words: str) -> None:
    query = Query(words)
    if not query.phrases:
        return
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'ascii')")
        index.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", enumerate(map(spaced, texts)))
        found = [
            row for (row,) in index.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", (query.fts,))
        ]
    assert found == [number for number, text in enumerate(texts) if query.matches(text)]
