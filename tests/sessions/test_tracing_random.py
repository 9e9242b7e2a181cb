"""Random turns: the phases of every call are what its states were, moment by moment."""

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.events import (
    EXCLUSIVE,
    INDEPENDENT,
    Access,
    Allowed,
    Cancelled,
    Denied,
    Discarded,
    Event,
    Finished,
    MessageEnded,
    Result,
    Resumed,
    reading,
    writing,
)
from antiphon.engine.turn import Turn
from antiphon.sessions.records import TurnBegan
from antiphon.sessions.tracing.replaying import trace
from antiphon.sessions.tracing.values import Call
from traced_sessions import OK, Story, file, requested

ACCESSES: list[Access] = [reading(file("x")), reading(file("y")), writing(file("x")), INDEPENDENT, EXCLUSIVE]
Draw = Callable[[st.SearchStrategy[int]], int]


def next_event(turn: Turn, draw: Draw) -> Event:
    """Return something that can happen to a turn."""
    possible: list[Event] = [MessageEnded(cut=draw(st.integers(0, 3)) == 0)]
    if not turn.has_ended:
        access, ask = ACCESSES[draw(st.integers(0, 4))], draw(st.integers(0, 2)) == 0
        possible += [requested(f"c{len(turn.calls)}", "tool", access, ask=ask)] * 4
    for key, state in turn.states.items():
        if state == "running":
            possible += [Finished(key, Result("no", is_error=True)), Finished(key, OK)]
        elif state == "asking":
            possible += [Allowed(key), Denied(key, OK)]
    rare: list[Event] = [Cancelled(), Resumed(), Discarded("it broke")]
    chosen = draw(st.integers(0, len(possible) * 8))
    return rare[chosen % 3] if chosen == len(possible) * 8 else possible[chosen % len(possible)]


@given(st.data())
def test_phases_are_the_states_moment_by_moment(data: st.DataObject) -> None:
    limit = data.draw(st.integers(1, 3))
    turn, story = Turn(limit), Story().ask(0, "go").tell(0, TurnBegan(1, limit))
    spent: Counter[tuple[str, str]] = Counter()
    now = 0
    for _ in range(data.draw(st.integers(1, 30))):
        step = data.draw(st.integers(0, 3))
        event = next_event(turn, data.draw)
        if not isinstance(event, Resumed):  # then the clock stands still
            for key, state in turn.states.items():
                spent[key, "calls" if state == "waiting" and turn.waits_for(key) else state] += step
        now += step
        story.tell(now, event)
        turn.receive(event)
    (run,) = trace(story.entries).runs
    (request,) = run.requests
    assert [call.id for call in request.calls] == list(turn.calls)
    for call in request.calls:
        assert shares(call) == {state: spent[call.id, state] for state in ("asking", "calls", "waiting", "running")}
        assert all(one.end == other.begin for one, other in zip(call.phases, call.phases[1:], strict=False))
        assert all(phase.calls for phase in call.phases if phase.kind == "calls")
        assert max((number for phase in call.phases for number in phase.calls), default=0) < call.number


def shares(call: Call) -> dict[str, int]:
    """Return how long a call was in each state, by its phases."""
    states = {"approval": "asking", "calls": "calls", "running": "running"}
    found: Counter[str] = Counter({"asking": 0, "calls": 0, "waiting": 0, "running": 0})
    for phase in call.phases:
        found[states.get(phase.kind, "waiting")] += round(phase.seconds)
    return dict(found)
