"""Damage as it occurs in practice, stored by each program: found, repaired, written, and gone when read again."""

import json
from pathlib import Path

import pytest
from stored_samples import STORES

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import DIALECTS
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import read

ANTHROPIC = DIALECTS["anthropic"]


def _call(name: str) -> Json:
    return {"type": "tool_use", "id": name, "name": "read_file", "input": {"path": f"{name}.py"}}


def _result(name: str, content: object = "import os") -> Json:
    return {"type": "tool_result", "tool_use_id": name, "content": content}


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def _assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


HUGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * (11 << 20)}}
THOUGHT: Json = {"type": "thinking", "thinking": "Two files.", "signature": "EqQBCkYIBxgCKkBzaWduZWQ="}
START = [_user(_text("Compare a and b — please."))]
CALLS = _assistant(_text("Reading."), _call("a"), _call("b"))
END = [_assistant(_text("They differ.")), _user(_text("Thanks."))]

DAMAGES: dict[str, list[Json]] = {
    "a call without result": [*START, CALLS, _user(_result("a")), *END],
    "no result at all": [*START, CALLS, _user(_text("Never mind.")), *END],
    "the last call unanswered": [*START, CALLS],
    "results behind a text": [*START, CALLS, _user(_text("Here:"), _result("a"), _result("b")), *END],
    "a result far down": [*START, CALLS, _user(_result("b")), *END, _assistant(_text("?")), _user(_result("a"))],
    "results in the reply": [*START, CALLS, _assistant(_result("a"), _result("b")), *END],
    "an orphan": [*START, CALLS, _user(_result("a"), _result("b"), _result("zzz", "whose?")), *END],
    "nothing but an orphan": [*START, CALLS, _user(_result("a"), _result("b")), *END, _user(_result("zzz"))],
    "a result twice": [*START, CALLS, _user(_result("a"), _result("b"), _result("a")), *END],
    "two results for a call": [*START, CALLS, _user(_result("a"), _result("b"), _result("a", "other")), *END],
    "an id that may not be": [*START, _assistant(_call("a b")), _user(_result("a b")), *END],
    "an empty text": [*START, _assistant(_text(""), _call("a")), _user(_result("a"), _text("")), *END],
    "an image beyond all bounds": [*START, CALLS, _user(_result("a", [HUGE]), _result("b"), HUGE), *END],
    "half of a surrogate pair": [*START, CALLS, _user(_result("a", "cut \ud83d"), _result("b")), *END],
    "thinking emptied": [*START, _assistant(THOUGHT | {"thinking": ""}, _call("a")), _user(_result("a")), *END],
    "thinking without signature": [
        *START,
        _assistant({"type": "thinking", "thinking": "Hm."}, _call("a")),
        _user(_result("a")),
        *END,
    ],
    "thinking behind a repair": [*START, CALLS, _user(_result("b")), _assistant(THOUGHT, _text("So.")), END[1]],
    "a text behind the calls": [*START, _assistant(_call("a"), _text("So.")), _user(_result("a")), *END],
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_conversation_is_clean_when_it_is_read_again(store: str, damage: str) -> None:
    name, data = STORES[store](DAMAGES[damage])
    document = read(Path(name), data)
    repaired = [repair(stored.request, ANTHROPIC) for stored in document.conversations]
    written = document.rendered([found.request for found in repaired])
    again = read(Path(name), written)
    assert [found.remaining for found in repaired] == [()] * len(repaired)
    assert [check(stored.request, ANTHROPIC) for stored in again.conversations] == [[]] * len(repaired)
    assert _said(again.conversations[-1].request) == _said(repaired[-1].request)
    assert list(again.findings) == []
    # A second repair finds nothing to do, and writes what is there.
    once_more = [repair(stored.request, ANTHROPIC).request for stored in again.conversations]
    assert again.rendered(once_more) == written


def _said(request: Json) -> list[tuple[str, Json]]:
    """Return who said what, whether in one message or in two that stand together."""
    return [
        (message["role"], block)
        for message in request["messages"]
        for block in ([_text(message["content"])] if isinstance(message["content"], str) else message["content"])
    ]


@pytest.mark.parametrize("store", ["roo", "claude-code", "antiphon"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_program_notes_beside_messages_stays_with_them(store: str, damage: str) -> None:
    name, data = STORES[store](DAMAGES[damage])
    document = read(Path(name), data)
    written = document.rendered([repair(stored.request, ANTHROPIC).request for stored in document.conversations])
    before, after = _notes(data), _notes(written)
    # A message that was put in was said when the one before it was.
    kept = list(dict.fromkeys(note for note in after if note in before))
    # In a session it is the parents that tell the order; there a line may stand where another one stood.
    assert store == "claude-code" or kept == sorted(kept, key=before.index)
    # What goes is what had nothing left to say: at most the line, or the two lines, that the damage was about.
    assert len(before) - len(kept) <= 2


def _notes(data: bytes) -> list[str]:
    """Return the time or name that each message or line has for itself."""
    text = data.decode()
    values = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return [str(value.get("uuid", value.get("ts"))) for value in values]


@pytest.mark.parametrize("store", ["jsonl", "claude-code", "antiphon"])
def test_lines_that_nothing_was_wrong_with_keep_their_bytes(store: str) -> None:
    name, data = STORES[store](DAMAGES["a call without result"])
    document = read(Path(name), data)
    written = document.rendered([repair(stored.request, ANTHROPIC).request for stored in document.conversations])
    changed = set(data.splitlines()) - set(written.splitlines())
    # In one line the result was put in; in a session that is a new line, and one line follows on it now.
    assert len(changed) == 1


def test_half_of_a_surrogate_pair_that_nobody_repairs_is_written_as_it_was_escaped() -> None:
    name, data = STORES["roo"](DAMAGES["half of a surrogate pair"])
    document = read(Path(name), data)
    request = document.conversations[0].request
    changed = {"messages": [*request["messages"], _user(_text("still \ud83d"))]}
    written = document.rendered([changed])
    assert written.decode().count("\\ud83d") == 2
    assert read(Path(name), written).conversations[0].request == changed
