"""Which tokens a prompt cache holds, as the documentation of prompt caching has it."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from emulator_requests import READ_FILE, Client, request

from antiphon.emulator import Emulator
from antiphon.emulator.usage import LOOKBACK, Account, PromptCache, estimate
from antiphon.protocol.prefix import pieces

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
LONG = "word " * 1000
"""1,250 tokens and a little, more than the least that is cached."""


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def text(text: str, marker: dict[str, str] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"cache_control": marker} if marker else {})


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def ask(cache: PromptCache, body: dict[str, Any]) -> Account:
    """Account for a request whose reply begins at once."""
    account = cache.account(body, tuple(pieces(body)))
    cache.begin(account)
    return account


def parts(account: Account) -> tuple[bool, bool, bool]:
    """Say whether anything was read, written and neither."""
    return account.read > 0, account.written_5m + account.written_1h > 0, account.fresh > 0


READ, WROTE, BOTH, NEITHER = (True, False, False), (False, True, False), (True, True, False), (False, False, True)


def test_tokens_are_a_quarter_of_the_bytes_of_each_block() -> None:
    block = '{"type":"text","text":"hello"}'
    assert estimate(pieces(request("hello", tools=[]))) == -(-len(block) // 4)


def test_an_image_is_estimated_whatever_its_size() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 40_000}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [image]}
    assert estimate(pieces(request({"role": "user", "content": [image]}, tools=[]))) == 1600
    assert estimate(pieces(request({"role": "user", "content": [result]}, tools=[]))) < 1650


def test_a_marked_prefix_is_written_once_and_then_read() -> None:
    cache = PromptCache(Clock())
    body = request(user(text(LONG, MARK)))
    first, second = ask(cache, body), ask(cache, body)
    assert (parts(first), parts(second)) == (WROTE, READ)
    assert first.written_5m == second.read == first.total == estimate(pieces(body))


def test_nothing_is_cached_without_a_marker() -> None:
    cache = PromptCache(Clock())
    body = request(user(text(LONG)))
    assert [parts(ask(cache, body)) for _ in range(2)] == [NEITHER, NEITHER]


@pytest.mark.parametrize(("model", "least"), [("claude-opus-5", 512), ("claude-opus-4-6", 4096)])
def test_a_prefix_below_the_least_of_its_model_is_silently_not_cached(model: str, least: int) -> None:
    def body(tokens: int) -> dict[str, Any]:
        wrapped = len('{"type":"text","text":""}')
        return request(user(text("x" * (tokens * 4 - wrapped), MARK)), model=model, tools=[])

    below, enough = ask(PromptCache(Clock()), body(least - 1)), ask(PromptCache(Clock()), body(least))
    assert (below.total, parts(below)) == (least - 1, NEITHER)
    assert (enough.total, parts(enough)) == (least, WROTE)


def test_a_conversation_that_grows_reads_what_it_wrote_the_turn_before() -> None:
    cache = PromptCache(Clock())
    blocks = [text(LONG)]
    read: list[int] = []
    totals: list[int] = []
    for turn in range(4):
        account = ask(cache, request(user(*blocks[:-1], {**blocks[-1], "cache_control": MARK})))
        read.append(account.read)
        totals.append(account.total)
        blocks.append(text(f"turn {turn}"))
    assert read == [0, *totals[:-1]]


@pytest.mark.parametrize(("added", "found"), [(LOOKBACK - 1, True), (LOOKBACK, False)])
def test_a_marker_looks_back_over_twenty_blocks_its_own_included(added: int, found: bool) -> None:  # noqa: FBT001  (a case)
    cache = PromptCache(Clock())
    ask(cache, request(user(text(LONG, MARK))))
    more = [text(f"block {number}") for number in range(added)]
    account = ask(cache, request(user(text(LONG), *more[:-1], {**more[-1], "cache_control": MARK})))
    assert (account.read > 0) is found


def test_what_the_last_marker_does_not_reach_an_earlier_one_finds() -> None:
    cache = PromptCache(Clock())
    ask(cache, request(user(text(LONG, MARK))))
    more = [text(f"block {number}") for number in range(LOOKBACK)]
    assert parts(ask(cache, request(user(text(LONG, MARK), *more[:-1], {**more[-1], "cache_control": MARK})))) == BOTH


def test_only_what_an_earlier_request_marked_is_found() -> None:
    cache = PromptCache(Clock())
    ask(cache, request(user(text(LONG), text("more", MARK))))
    assert parts(ask(cache, request(user(text(LONG, MARK))))) == WROTE


def test_an_entry_lives_five_minutes_from_its_last_use() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    body = request(user(text(LONG, MARK)))
    uses: list[tuple[bool, bool, bool]] = []
    for at in (0, 299, 598, 898):
        clock.now = at
        uses.append(parts(ask(cache, body)))
    assert uses == [WROTE, READ, READ, WROTE]


def test_an_entry_lives_an_hour_where_its_marker_says_so() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    body = request(user(text(LONG, HOUR)))
    first = ask(cache, body)
    clock.now = 3599
    assert (first.written_1h, first.written_5m, parts(ask(cache, body))) == (first.total, 0, READ)


def test_written_tokens_are_split_by_how_long_they_are_kept() -> None:
    body = request(user(text("go", MARK)), system=[text(LONG, HOUR)])
    account = ask(PromptCache(Clock()), body)
    assert account.fresh == 0
    assert account.written_1h == estimate(piece for piece in pieces(body) if piece.part != "messages")
    assert account.written_5m == account.total - account.written_1h


def test_an_entry_can_be_read_when_the_reply_of_its_writer_begins() -> None:
    cache = PromptCache(Clock())
    body = request(user(text(LONG, MARK)))
    first, meanwhile = (cache.account(body, tuple(pieces(body))) for _ in range(2))
    cache.begin(first)
    assert (parts(meanwhile), parts(ask(cache, body))) == (WROTE, READ)


def test_the_time_counts_from_the_start_of_the_request_not_of_the_reply() -> None:
    clock = Clock()
    cache = PromptCache(clock)
    body = request(user(text(LONG, MARK)))
    account = cache.account(body, tuple(pieces(body)))
    clock.now = 200
    cache.begin(account)
    clock.now = 301
    assert parts(ask(cache, body)) == WROTE


def test_the_marker_of_the_whole_request_marks_its_last_block_that_can_be_marked() -> None:
    cache = PromptCache(Clock())
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    answer = {"role": "assistant", "content": [text("yes"), thinking, text("")]}
    ask(cache, request(user(text(LONG)), {"role": "assistant", "content": [text("yes", MARK)]}))
    automatic = ask(cache, request(user(text(LONG)), answer, cache_control=MARK))
    assert (automatic.read > 0, automatic.written_5m, automatic.fresh > 0) == (True, 0, True)


def test_a_marker_inside_a_result_marks_the_result() -> None:
    cache = PromptCache(Clock())
    body = request(user({"type": "tool_result", "tool_use_id": "a", "content": [text(LONG, MARK)]}))
    assert [parts(ask(cache, body)) for _ in range(2)] == [WROTE, READ]


def reads_after(change: dict[str, Any]) -> list[str]:
    """Return which parts of a long request are still read after a change."""
    cache = PromptCache(Clock())
    tools = [{**READ_FILE, "description": LONG, "cache_control": MARK}]
    body = request(user(text(LONG, MARK)), system=[text(LONG, MARK)], tools=tools, max_tokens=2048)
    ask(cache, body)
    sizes = [sum(1 for _ in group) for _, group in itertools.groupby(pieces(body), key=lambda piece: piece.part)]
    assert sizes == [1, 1, 1]
    ends = list(itertools.accumulate(estimate([piece]) for piece in pieces(body)))
    return ["tools", "system", "messages"][: [0, *ends].index(ask(cache, {**body, **change}).read)]


@pytest.mark.parametrize(
    ("change", "still_read"),
    [
        ({}, ["tools", "system", "messages"]),
        ({"max_tokens": 7, "metadata": {"user_id": "u"}, "temperature": 1}, ["tools", "system", "messages"]),
        ({"messages": [user(text(f"other {LONG}", MARK))]}, ["tools", "system"]),
        ({"tool_choice": {"type": "any"}}, ["tools", "system"]),
        ({"thinking": {"type": "adaptive"}}, ["tools", "system"]),
        ({"output_config": {"effort": "low"}}, ["tools", "system"]),
        ({"system": [text(f"other {LONG}", MARK)]}, ["tools"]),
        ({"speed": "fast"}, ["tools"]),
        ({"tools": [{**READ_FILE, "name": "other", "description": LONG, "cache_control": MARK}]}, []),
        ({"model": "claude-opus-5"}, []),
    ],
)
def test_a_change_costs_what_stands_behind_it(change: dict[str, Any], still_read: list[str]) -> None:
    assert reads_after(change) == still_read


def test_a_deferred_tool_is_no_part_of_the_prefix() -> None:
    cache = PromptCache(Clock())
    ask(cache, request(user(text(LONG, MARK))))
    deferred = {**READ_FILE, "name": "later", "defer_loading": True}
    assert parts(ask(cache, request(user(text(LONG, MARK)), tools=[READ_FILE, deferred]))) == READ


def test_replies_tell_the_usage_and_the_last_event_tells_all_of_it(client: Client) -> None:
    clock = Clock()
    body = request(user(text(LONG, MARK), text("now")))
    with Emulator(["fine", "fine", "fine"], clock=clock) as emulator:
        ask = client(emulator)
        first = ask.post("/v1/messages", json=body).json()["usage"]
        second = ask.post("/v1/messages", json=body).json()["usage"]
        clock.now = 300
        third = ask.post("/v1/messages", json={**body, "stream": True}).text
    written = first["cache_creation_input_tokens"]
    assert written == second["cache_read_input_tokens"] > 1250
    assert first["input_tokens"] == second["input_tokens"] > 0
    assert first["cache_creation"] == {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}
    assert f'"cache_creation_input_tokens":{written},"cache_read_input_tokens":0' in third.split("message_delta")[-1]


def test_a_request_that_may_say_nothing_only_warms_the_cache(client: Client) -> None:
    body = request(user(text(LONG, MARK)))
    with Emulator(["fine"]) as emulator:
        warming = client(emulator).post("/v1/messages", json={**body, "max_tokens": 0}).json()
        after = client(emulator).post("/v1/messages", json=body).json()
    assert (warming["content"], warming["stop_reason"]) == ([], "max_tokens")
    assert (after["content"], after["usage"]["cache_creation_input_tokens"]) == ([{"type": "text", "text": "fine"}], 0)
