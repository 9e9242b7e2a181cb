"""Every conversation has its own place in the script."""

from typing import Any

import pytest
from emulator_requests import answers, asks, request

from antiphon.emulator import Reply, Script, ToolUse, When, reply
from antiphon.emulator.loading import to_script
from antiphon.emulator.places import Places
from antiphon.emulator.script import ScriptSource

CALL = reply(ToolUse("read_file", id="a"))


def said(given: Reply) -> str:
    return str(given.content[0])


def play(source: ScriptSource, *requests: dict[str, Any]) -> list[str]:
    """Return the first block of each reply."""
    places = Places(to_script(source))
    return [said(places.choose(body)) for body in requests]


def over(replies: int) -> str:
    return f"The script is over: this conversation has had all {replies} of its replies."


def test_replies_come_in_sequence_and_then_the_script_says_that_it_is_over() -> None:
    assert play(["one", "two"], *[request("go")] * 4) == ["one", "two", over(2), over(2)]


def test_a_script_may_start_again() -> None:
    assert play(Script(["one", "two"], loop=True), *[request("go")] * 3) == ["one", "two", "one"]


def test_an_emulator_without_a_script_says_so() -> None:
    assert play(None, request("go")) == ["This emulator has no script, so this is all it says."]


def test_a_reply_may_be_given_several_times() -> None:
    assert play([reply("one", times=2), "two"], *[request("go")] * 3) == ["one", "one", "two"]


def test_conversations_that_overlap_keep_their_places() -> None:
    go, other = request("go"), request("other")
    assert play(["one", "two"], go, other, go, other) == ["one", "one", "two", "two"]


def test_conversations_may_share_one_place() -> None:
    script = Script(["one", "two"], shared=True)
    assert play(script, request("go"), request("other")) == ["one", "two"]


def test_a_conversation_is_known_by_its_first_message_however_it_is_written() -> None:
    marked = [{"type": "text", "text": "go", "cache_control": {"type": "ephemeral"}}]
    grown = request({"role": "user", "content": marked}, asks("a"), answers("a"))
    assert play(["one", "two"], request("go"), grown) == ["one", "two"]


def test_requests_without_tools_do_not_disturb_a_script_that_calls_tools() -> None:
    title = request("go", tools=[])
    assert play([CALL, "two"], title, title, request("go"), title)[-1] == "ok"
    places = Places(Script([CALL, "two"], side="A title"))
    assert [places.choose(body).content for body in (title, request("go"), title, request("go"))] == [
        ["A title"],
        CALL.content,
        ["A title"],
        ["two"],
    ]


def test_a_request_without_tools_that_holds_calls_belongs_to_the_script() -> None:
    go = request("go")
    untold = request("go", asks("a"), answers("a"), tools=[])
    places = Places(Script([CALL, "two"]))
    assert [places.choose(go).content, places.choose(untold).content] == [CALL.content, ["two"]]


def test_a_script_without_calls_answers_requests_without_tools() -> None:
    assert play(["one", "two"], request("go", tools=[]), request("go", tools=[])) == ["one", "two"]


@pytest.mark.parametrize(
    ("when", "matching"),
    [
        (When(text="^go"), request("go")),
        (When(text="on$"), request("hello", "hi", "go on")),
        (When(result="^b$"), request("hello", asks("a", "b"), answers("a", "b"))),
        (When(model="haiku"), request("hello", model="claude-haiku-4-5")),
        (When(text="hello", model="haiku"), request("hello", model="claude-haiku-4-5")),
    ],
)
def test_a_matching_reply_comes_before_the_sequence_and_takes_no_place(when: When, matching: dict[str, Any]) -> None:
    given = play(["one", reply("matched", when=when), "two"], request("hello"), matching, matching, request("hello"))
    assert given == ["one", "matched", "matched", "two"]


def test_all_that_is_asked_of_a_match_must_be_there() -> None:
    script: list[Reply | str] = [reply("matched", when=When(text="go", model="haiku")), "one"]
    assert play(script, request("go")) == ["one"]


def test_the_first_of_several_matching_replies_is_given_as_often_as_it_says() -> None:
    script: list[Reply | str] = [
        reply("first", when=When(text="go"), times=1),
        reply("then", when=When(text="go")),
        "sequence",
    ]
    assert play(script, *[request("go")] * 3, request("other")) == ["first", "then", "then", "sequence"]


def test_a_function_answers_from_the_request() -> None:
    def echo(body: dict[str, Any]) -> str:
        return f"You said {body['messages'][-1]['content']}."

    assert play(echo, request("go"), request("stop"), request("stop")) == [
        "You said go.",
        "You said stop.",
        "You said stop.",
    ]
    assert play(["one", echo], request("go"), request("go")) == ["one", "You said go."]


def test_a_function_may_return_a_reply_its_text_or_its_blocks() -> None:
    answers: list[Any] = [CALL, "text", ["first", "second"]]
    script = to_script([lambda _, answer=answer: answer for answer in answers])
    places = Places(script)
    given = [places.choose(request("go")).content for _ in answers]
    assert given == [CALL.content, ["text"], ["first", "second"]]
