"""Searching the records of a session."""

import re
from typing import Any

import pytest
from calls import fail, succeed

from antiphon.engine.events import READS_NOTHING_LOCAL
from antiphon.errors import SessionError
from antiphon.sessions.records import (
    Answered,
    Begun,
    Compacted,
    Entry,
    Prompted,
    Record,
    Repaired,
    Replied,
    Truncated,
    TurnBegan,
)
from antiphon.tools.search_history import SearchHistory

Json = dict[str, Any]


def say(text: str) -> Json:
    return {"type": "text", "text": text}


def use(call_id: str, name: str, **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def answer(call_id: str, content: Any, *, failed: bool = False) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": failed}


RECORDS: list[Record] = [
    Begun("s", "/w"),
    Prompted((say("Please fix the parser of dates."),)),
    TurnBegan(1, 8),
    Replied((say("I look at it."), use("a", "read_file", path="dates.py"), use("b", "run_command", command="pytest"))),
    Answered((answer("a", [say("def parse(date): ...")]), answer("b", "2 failed: parse of Feb 30", failed=True))),
    TurnBegan(2, 8),
    Replied((use("c", "search_history", query="parse"),)),
    Answered((answer("c", "turn 1: parse parse parse"),)),
    TurnBegan(3, 8),
    Replied((say("The parse is fixed."),)),
    Compacted(({"role": "user", "content": [say("A summary of the parse.")]},)),
    Prompted((say("Now the dates."),)),
    Truncated(1, "taken back"),
]


def tool(records: list[Record] = RECORDS) -> SearchHistory:
    return SearchHistory(lambda: [Entry(number, 0.0, record) for number, record in enumerate(records, start=1)])


def titles(found: str) -> list[str]:
    return re.findall(r"^\[(turn .*)\]$", found, flags=re.MULTILINE)


async def test_it_finds_prompts_texts_calls_and_results_newest_first_but_not_its_own_searches() -> None:
    found = await succeed(tool(), query="PARSE")
    assert titles(found) == [
        "turn 3, assistant",
        'turn 1, failed result of run_command {"command": "pytest"}',
        'turn 1, result of read_file {"path": "dates.py"}',
        "turn 1, user",
    ]
    assert found.startswith("4 places in 4 turns, newest first.\n\n")
    assert "2 failed: parse of Feb 30" in found


async def test_calls_are_found_by_their_arguments() -> None:
    assert titles(await succeed(tool(), query="pytest")) == ["turn 1, call"]


async def test_what_was_summed_up_or_taken_back_is_found_all_the_same() -> None:
    assert titles(await succeed(tool(), query="now dates")) == ["turn 4, user"]


async def test_a_phrase_comes_before_words_that_stand_apart() -> None:
    found = await succeed(tool(), query="the parse")
    assert titles(found) == ["turn 3, assistant", "turn 1, user"]
    assert titles(await succeed(tool(), query="the parse", limit=1)) == ["turn 3, assistant"]


async def test_an_excerpt_shows_the_match_within_a_long_text() -> None:
    text = "x" * 5000 + " needle " + "y" * 5000
    found = await succeed(tool([TurnBegan(7, 1), Replied((say(text),))]), query="needle")
    assert "[turn 7, assistant, 10,008 characters]" in found
    assert len(found) < 800
    assert re.search(r"\.\.\.x+ needle y+\.\.\.$", found)


async def test_a_turn_is_shown_as_a_whole() -> None:
    found = await succeed(tool(), turn=1)
    assert titles(found) == [
        "turn 1, user",
        "turn 1, assistant",
        "turn 1, call",
        "turn 1, call",
        'turn 1, result of read_file {"path": "dates.py"}',
        'turn 1, failed result of run_command {"command": "pytest"}',
    ]
    assert "def parse(date): ..." in found
    assert await succeed(tool(), turn=9) == "There is no turn 9; there are 4 turns."


async def test_what_the_session_began_with_is_turn_0() -> None:
    handed_in = Repaired(({"role": "user", "content": "an old question"},))
    later = Repaired(({"role": "user", "content": "an old question"},))
    found = await succeed(tool([handed_in, TurnBegan(1, 1), Replied((say("yes"),)), later]), query="old question")
    assert titles(found) == ["turn 0, user"]


async def test_nothing_found_and_nothing_asked_are_said_so() -> None:
    assert "Nothing in 4 turns holds 'zebra' and 'x'" in await succeed(tool(), query="zebra x")
    assert "Give a query" in await fail(tool(), query="  ")


async def test_a_history_that_cannot_be_read_is_a_failure_of_the_call() -> None:
    def broken() -> list[Entry]:
        raise SessionError("the disk is gone")

    assert "the disk is gone" in await fail(SearchHistory(broken), query="x")


@pytest.mark.parametrize("query", ["(", "a.c", "\\", "[x"])
async def test_a_query_is_words_and_no_pattern(query: str) -> None:
    found = await succeed(
        tool([TurnBegan(1, 1), Replied((say(f"abc {query} def"),)), Replied((say("abc"),))]), query=query
    )
    assert len(titles(found)) == 1


def test_it_reads_only_and_may_start_early() -> None:
    search = tool()
    assert search.access(search.parse({"query": "x"})) == READS_NOTHING_LOCAL
