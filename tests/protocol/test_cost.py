"""What checking and repairing cost: work that grows with the conversation, and no faster."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from wire_talk import assistant, call, lost, request, result, system, text, user

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json

ANTHROPIC = dialect("anthropic")


def _long(turns: int, change: Callable[[int, list[Json]], list[Json]] = lambda _, messages: messages) -> Json:
    messages: list[Json] = [user("go")]
    for n in range(turns):
        calls = [call(f"toolu_{n}_{k}", number=k) for k in range(3)]
        results = [result(f"toolu_{n}_{k}", "some text " * 20) for k in range(3)]
        messages += change(n, [assistant(text("look"), *calls), user(*results)])
    return request(*messages)


def _seconds(work: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def _without_results(_: int, messages: list[Json]) -> list[Json]:
    return [messages[0], user("stop")]


def _gathered_late(n: int, messages: list[Json]) -> list[Json]:
    return [messages[0], user("wait"), assistant("well"), user(*messages[1]["content"], text(f"now {n}"))]


def _orphans(_: int, messages: list[Json]) -> list[Json]:
    return [assistant("hm"), messages[1]]


def _doubled(_: int, messages: list[Json]) -> list[Json]:
    return [messages[0], user(*messages[1]["content"], *messages[1]["content"])]


def _with_strange_ids(n: int, _: list[Json]) -> list[Json]:
    return [assistant(call(f"a.{n}"), call("b")), user(result(f"a.{n}"), result("b", str(n)))]


DAMAGES = [_without_results, _gathered_late, _orphans, _doubled, _with_strange_ids]


@pytest.mark.parametrize("change", DAMAGES, ids=lambda change: change.__name__)
def test_ten_times_the_damage_is_about_ten_times_the_work(change: Callable[[int, list[Json]], list[Json]]) -> None:
    small, large = _long(30, change), _long(300, change)
    # Twenty-five, where quadratic work would be a hundred: a busy machine must not fail this.
    assert _seconds(lambda: repair(large, ANTHROPIC)) < 25 * _seconds(lambda: repair(small, ANTHROPIC))
    assert repair(large, ANTHROPIC).remaining == ()


def _one_reply_with_many_calls(n: int) -> Json:
    calls = [call(f"toolu_{k}") for k in range(n)]
    return request(user("go"), assistant(*calls), user(*(result(f"toolu_{k}") for k in range(0, n, 2)), text("x")))


def _one_id_for_everything_and_results_last(n: int) -> Json:
    rounds = [message for _ in range(n) for message in (assistant(call("a")), user("wait"))]
    return request(user("go"), *rounds, user(*(result("a", str(k)) for k in range(n))))


def _one_id_for_everything_and_results_behind_notes(n: int) -> Json:
    rounds = [message for _ in range(n) for message in (assistant(call("a")), user(lost("a")))]
    return request(user("go"), *rounds, assistant("ok"), user(*(result("a", str(k)) for k in range(n))))


def _one_message_for_each_result(n: int) -> Json:
    calls = [call(f"toolu_{k}") for k in range(n)]
    return request(user("go"), assistant(*calls), *(user(result(f"toolu_{k}")) for k in reversed(range(n))))


def _one_message_for_each_call(n: int) -> Json:
    calls = [assistant(call(f"toolu_{k}")) for k in range(n)]
    return request(user("go"), *calls, user(*(result(f"toolu_{k}") for k in reversed(range(n)))))


def _system_messages_everywhere(n: int) -> Json:
    return request(*(system("x"), assistant("y")) * n, user("z"), model="claude-opus-5")


SHAPES = [
    _one_reply_with_many_calls,
    _one_id_for_everything_and_results_last,
    _one_id_for_everything_and_results_behind_notes,
    _one_message_for_each_result,
    _one_message_for_each_call,
    _system_messages_everywhere,
]


@pytest.mark.parametrize("upstream", ["anthropic", "bedrock"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_no_shape_makes_the_work_grow_faster_than_the_conversation(shape: Callable[[int], Json], upstream: str) -> None:
    # Whoever can send a request must not be able to keep a proxy busy with it.
    small, large = shape(60), shape(600)
    assert _seconds(lambda: repair(large, dialect(upstream))) < 25 * _seconds(lambda: repair(small, dialect(upstream)))
    assert repair(large, dialect(upstream)).remaining == ()


def test_checking_what_was_added_costs_the_same_however_much_came_before() -> None:
    short, long = _long(10), _long(2000)

    def cost(conversation: Json) -> float:
        start = len(conversation["messages"]) - 2
        return _seconds(lambda: [check(conversation, ANTHROPIC, start=start) for _ in range(200)])

    assert cost(long) < 4 * cost(short)
