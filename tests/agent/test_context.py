"""How full the context is: measured where the API said so, reckoned where it did not."""

import base64
import struct
from typing import Any

import pytest

from antiphon.agent.context import (
    ContextBudget,
    ContextMeter,
    ContextParts,
    estimate,
    held_by,
    parts_of,
    tokens_of,
    window_told,
)
from antiphon.agent.events import Usage

Json = dict[str, Any]


def user(*blocks: Any) -> Json:
    return {"role": "user", "content": [*blocks]}


def assistant(*blocks: Any) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def say(text: str) -> Json:
    return {"type": "text", "text": text}


def test_a_budget_keeps_room_for_the_reply() -> None:
    budget = ContextBudget(used=100_000, window=200_000, reserve=32_000)
    assert (budget.room, budget.share, budget.left) == (168_000, 0.5, 68_000)
    assert budget.limit(85) == 142_800
    assert [budget.reaches(percent) for percent in (59, 60, 85)] == [True, False, False]
    full = ContextBudget(used=200_001, window=200_000, reserve=32_000)
    assert (full.left, full.reaches(100)) == (0, True)


def test_a_reserve_made_for_larger_windows_leaves_half_of_a_small_one() -> None:
    assert ContextBudget(used=0, window=8_000, reserve=32_000).room == 4_000


def test_without_a_known_window_nothing_is_ever_reached() -> None:
    budget = ContextBudget(used=10**9)
    assert (budget.room, budget.share, budget.left, budget.reaches(1)) == (None, None, None, False)


def test_a_reply_holds_what_was_read_from_wherever_and_itself() -> None:
    assert held_by(Usage(10, 20, 3000, 400)) == 3430
    assert held_by(Usage(0, 20)) == 0, "a server that tells nothing of what was read has told nothing"


def test_what_was_added_since_the_last_figure_is_reckoned_to_it() -> None:
    meter = ContextMeter()
    messages = [user(say("a" * 4000)), assistant(say("b" * 40))]
    assert meter.used({"system": "s" * 4000}, messages) == pytest.approx(2010, abs=50)
    assert not meter.is_measured
    meter.replied(Usage(70, 30, 1400, 0), messages)
    assert meter.is_measured
    assert meter.used({}, messages) == 1500
    messages.append(user(say("c" * 4000)))
    assert meter.used({}, messages) == pytest.approx(2500, abs=20)


def test_blocks_that_join_the_last_message_that_was_measured_count_too() -> None:
    meter = ContextMeter()
    messages = [user(say("a"))]
    meter.measured(100, messages)
    messages[-1] = user(say("a"), say("b" * 4000))
    assert meter.used({}, messages) == pytest.approx(1100, abs=20)


def test_a_conversation_that_became_shorter_is_reckoned_as_a_whole() -> None:
    meter = ContextMeter()
    messages = [user(say("a")), assistant(say("b")), user(say("c"))]
    meter.measured(50_000, messages)
    assert meter.used({}, messages[:1]) < 50
    meter.reset()
    assert meter.used({}, messages) < 50


def test_what_was_replaced_by_something_shorter_is_taken_off() -> None:
    meter = ContextMeter()
    meter.shrunk(10)
    assert not meter.is_measured
    messages = [user(say("a"))]
    meter.measured(1000, messages)
    meter.shrunk(400)
    assert meter.used({}, messages) == 600


def _png(width: int, height: int) -> Json:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + bytes(40)
    data = base64.b64encode(head).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def test_pictures_cost_by_their_size_and_not_by_their_data() -> None:
    assert tokens_of(_png(750, 100)) == 100
    assert tokens_of(_png(100_000, 100_000)) == 4800
    assert tokens_of({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}) == 1600
    inside = {"type": "tool_result", "tool_use_id": "a", "content": [say("x" * 400), _png(750, 100)]}
    assert tokens_of(inside) == pytest.approx(200, abs=10)


def test_text_beyond_ascii_counts_by_its_bytes() -> None:
    assert tokens_of(say("语" * 400)) > 1.9 * tokens_of(say("a" * 400))


def test_thinking_that_is_not_shown_counts_by_its_signature() -> None:
    shown = {"type": "thinking", "thinking": "t" * 4000, "signature": "s" * 9000}
    hidden = {"type": "thinking", "thinking": "", "signature": "s" * 4000}
    assert (tokens_of(shown), tokens_of(hidden)) == (1000, 750)
    assert tokens_of({"type": "redacted_thinking", "data": "d" * 4000}) == 750


def test_documents_cost_by_their_length() -> None:
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x" * 40_000}}
    pages = {"type": "document", "source": {"type": "base64", "data": "x" * 250_000}}
    assert (tokens_of(text), tokens_of(pages)) == (10_000, 4800)
    assert tokens_of({"type": "document", "source": {"type": "file", "file_id": "f"}}) == 1600


def test_the_parts_of_a_request_are_told_apart() -> None:
    messages = [
        user(say("a" * 400)),
        assistant(
            {"type": "thinking", "thinking": "t" * 800}, {"type": "tool_use", "id": "i", "name": "n", "input": {}}
        ),
        user({"type": "tool_result", "tool_use_id": "i", "content": "r" * 1600}),
    ]
    parts = parts_of({"system": "s" * 2000, "tools": [{"description": "d" * 2400}], "max_tokens": 9}, messages)
    assert parts.system == 500
    assert parts.tools == pytest.approx(600, abs=10)
    assert parts.messages == pytest.approx(120, abs=20)
    assert parts.results == pytest.approx(420, abs=20)
    assert parts.thinking == 200
    assert parts.messages + parts.results + parts.thinking == estimate(messages)


def test_reckoned_parts_are_fitted_to_what_is_known() -> None:
    fitted = ContextParts(system=100, tools=100, messages=100, results=600, thinking=101).scaled(2000)
    assert fitted.total == 2000
    assert fitted.results == pytest.approx(1199, abs=2)
    assert ContextParts().scaled(7) == ContextParts(messages=7)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", 200_000),
        ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length", 200_000),
        ("messages: at least one message is required", None),
    ],
)
def test_the_window_that_an_error_tells_of_is_read(text: str, window: int | None) -> None:
    assert window_told(text) == window
