"""The context at the terminal and in a pipe: how full it is, summing up on demand and by itself."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from programs import OnTerminal, surroundings

from antiphon.agent.compaction import SUMMARY
from antiphon.agent.events import (
    CompactionSkipped,
    CompactionStarted,
    ContextCompacted,
    ContextMeasured,
    ResultsCleared,
    TurnStarted,
    Usage,
)
from antiphon.cli.stream_json import SessionInfo, StreamJson
from antiphon.cli.view import RunView
from antiphon.emulator import Emulator, Script, ToolUse, reply
from antiphon.emulator.script import When

ASKED = "about to be cut here"
COMPACTED = ContextCompacted(150_000, 9_000, "The gist.", Usage(10, 20, 149_000, 0, 0.1), 3.2)


def start(emulator: Emulator, home: Any, script: Any, *arguments: str, **variables: str) -> OnTerminal:
    project = home / "project"
    project.mkdir(exist_ok=True)
    (project / "a.txt").write_text("alpha\n" * 1500)
    emulator.play(Script([reply("The gist.", when=When(text=ASKED)), *script], shared=True))
    environment = surroundings(home, ANTHROPIC_BASE_URL=emulator.url, ANTHROPIC_API_KEY="any", **variables)
    return OnTerminal(*arguments, environment=environment, cwd=project)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("nothing_refused")
def test_the_context_is_shown_and_summed_up_on_demand(emulator: Emulator, tmp_path: Any) -> None:
    script = [reply("I look.", ToolUse("read_file", {"path": "a.txt"})), "It is long.", "You are welcome."]
    with start(emulator, tmp_path, script) as session:
        session.sees(r"Ctrl-D leaves\.\s+> $")
        session.types("/compact")
        session.sees(r"There is nothing to sum up yet\.\s+> $")
        session.types("read a.txt")
        session.sees(r"It is long\.[\s\S]*2 turns, .*, context \d+% full\s+> $")
        session.types("/context")
        session.sees(r"About [\d,]+ tokens of 1,000,000 \(\d+%\); summed up from 822,800 on\.")
        session.sees(r"results +[\d,]+\s+thinking +0\s+> $")
        session.types("/compact the first line")
        session.sees(r"Summed up: about [\d,]+ tokens of context became [\d,]+ \(.*tokens in.*\)\.\s+> $")
        session.types("thank you")
        session.sees(r"You are welcome\.[\s\S]*> $")
        session.types("/exit")
    asked = emulator.requests[2]["messages"][-1]["content"][-1]["text"]
    assert asked.endswith("keep above all: the first line")
    (only,) = emulator.requests[3]["messages"]
    texts = [block["text"].strip("\n") for block in only["content"]]
    assert texts[0] == f"{SUMMARY}\n\nThe gist."
    assert texts[-3].endswith("- a.txt")
    assert "search_history" in texts[-2]
    assert texts[-1] == "thank you"


@pytest.mark.usefixtures("nothing_refused")
def test_summing_up_is_stopped_by_control_c(emulator: Emulator, tmp_path: Any) -> None:
    script = [reply("I look.", ToolUse("read_file", {"path": "a.txt"})), "It is long."]
    with start(emulator, tmp_path, script) as session:
        session.sees(r"> $")
        session.types("read a.txt")
        session.sees(r"It is long\.[\s\S]*> $")
        emulator.play(Script([reply("The gist.", when=When(text=ASKED), delay=600), "Still here."], shared=True))
        session.types("/compact")
        session.sees(r"Ctrl-C stops that\.")
        until(lambda: len(emulator.requests) == 3)
        session.presses("\x03")
        session.sees(r"Stopped; the conversation is as it was\.\s+> $")
        session.types("hello?")
        session.sees(r"Still here\.[\s\S]*> $")
        session.types("/exit")
    assert len(emulator.requests[-1]["messages"]) == 5


def test_what_happens_to_the_context_is_told_in_notes() -> None:
    view = RunView()
    view.receive(TurnStarted(1, 0.0), 0.0)
    told = [
        *view.receive(CompactionStarted("the context is nearly full"), 1.0),
        *view.receive(ContextMeasured(7, 9), 1.0),
    ]
    assert view.status(4.0) == "summing up the conversation, 4 s"
    told += view.receive(COMPACTED, 4.0)
    assert view.status(5.0) == "waiting for the model, 5 s"
    told += [
        *view.receive(CompactionSkipped("The model refused."), 5.0),
        *view.receive(ResultsCleared(12, 45_000), 5.0),
    ]
    assert [(line.kind, line.text) for line in told] == [
        ("note", "The conversation is summed up: the context is nearly full."),
        ("note", "About 150,000 tokens of context became 9,000."),
        ("note", "The model refused."),
        ("note", "12 old results were cleared, about 45,000 tokens of context."),
    ]


def test_programs_are_told_in_the_words_they_know() -> None:
    stream = StreamJson(SessionInfo("/", "default", "0"), lambda: "u")
    events = [
        ContextMeasured(7, None),
        CompactionStarted("the context is full"),
        COMPACTED,
        CompactionSkipped("The model refused."),
        ResultsCleared(12, 45_000),
    ]
    lines = [line for event in events for line in stream.lines(event)]
    json.dumps(lines)
    same = {"type": "system", "session_id": "", "uuid": "u"}
    assert lines == [
        {**same, "subtype": "context", "used_tokens": 7, "window_tokens": None},
        {**same, "subtype": "status", "status": "compacting", "reason": "the context is full"},
        {
            **same,
            "subtype": "compact_boundary",
            "compact_metadata": {"trigger": "auto", "pre_tokens": 150_000, "post_tokens": 9_000},
            "usage": {
                "input_tokens": 10,
                "output_tokens": 20,
                "cache_read_input_tokens": 149_000,
                "cache_creation_input_tokens": 0,
            },
        },
        {**same, "subtype": "compact_skipped", "reason": "The model refused."},
        {**same, "subtype": "results_cleared", "results": 12, "tokens": 45_000},
    ]
