"""The records of a conversation that was taken over come to that conversation again, whatever it was."""

import random
from pathlib import Path

from damaged import assistant, call, result, text, user

from antiphon.cli.importing.recording import Tale, record
from antiphon.protocol.messages import Json, blocks_of
from antiphon.sessions import Sessions
from antiphon.sessions.records import Answered, Entry, Named, Prompted, Repaired, Replied, RunEnded
from antiphon.sessions.replay import replay
from antiphon.testing.damages import damaged
from antiphon.transcripts.document import Stored, Unreadable
from antiphon.transcripts.takeover import Takeover, take_over

IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


def recorded(directory: Path, taken: Takeover, *times: float | None) -> list[Entry]:
    with Sessions(directory).create("/work") as session:
        record(session, Tale(taken, times, 1000.0, "", ()))
        return session.entries()[1:]


def taken(*messages: Json) -> Takeover:
    return take_over(Stored({"messages": list(messages)}), "it")


def kinds(directory: Path, *messages: Json) -> list[type]:
    return [type(entry.record) for entry in recorded(directory, taken(*messages))]


def test_replaying_gives_the_conversation_and_the_handover(tmp_path: Path) -> None:
    count = 0
    for seed in range(150):
        try:
            found = take_over(Stored(damaged(random.Random(seed))), "it")
        except Unreadable:
            continue  # Nothing is left of it.
        count += 1
        messages = [*found.messages]
        if messages[-1]["role"] == "user":
            messages[-1] = {**messages[-1], "content": [*blocks_of(messages[-1]), found.handover]}
        else:
            messages.append({"role": "user", "content": [found.handover]})
        assert replay(recorded(tmp_path / str(seed), found)).messages == messages
    assert count > 100


def test_a_prompt_behind_results_is_a_prompt(tmp_path: Path) -> None:
    said = user(result("a"), text("And now?"))
    assert kinds(tmp_path, user("go"), assistant(call("a")), said) == [
        Prompted,
        Replied,
        Answered,
        Prompted,
        Answered,
        RunEnded,
    ]


def test_what_a_program_says_behind_results_is_none(tmp_path: Path) -> None:
    for number, more in enumerate([text("[Request interrupted by user]"), IMAGE]):
        said = user(result("a"), more)
        found = kinds(tmp_path / str(number), user("go"), assistant(call("a")), said)
        assert found == [Prompted, Replied, Answered, Answered, RunEnded]


def test_a_picture_alone_is_a_prompt(tmp_path: Path) -> None:
    assert kinds(tmp_path, user(IMAGE))[-3:] == [Prompted, Answered, RunEnded]


def test_what_has_no_time_was_said_when_what_stands_before_it_was(tmp_path: Path) -> None:
    messages = [user("a"), assistant("b"), user("c"), assistant("d"), user("e")]
    for number, (times, moments) in enumerate(
        [
            ([10.0, None, 30.0, None, None], [10, 10, 30, 30, 30]),
            ([None, 20.0, None, None, 50.0], [20, 20, 20, 20, 50]),
            ([], [1000] * 5),
        ]
    ):
        entries = recorded(tmp_path / str(number), taken(*messages), *times)
        assert [entry.at for entry in entries] == [*moments, moments[-1], moments[-1]]


def test_name_and_repairs_stand_before_the_first_message(tmp_path: Path) -> None:
    with Sessions(tmp_path).create("/work") as session:
        record(session, Tale(taken(user("a")), (), 1.0, "Two modules", ("TU002: mended",)))
        first = [entry.record for entry in session.entries()[1:4]]
        state = replay(session.entries())
    assert first == [Named("Two modules"), Repaired((), ("TU002: mended",)), Prompted((text("a"),))]
    assert (state.name, [prompt.before for prompt in state.prompts]) == ("Two modules", [0])
