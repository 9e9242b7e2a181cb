"""Runs: what is sent, what is not, and what stays in the conversation."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from antiphon import Agent, Permissions, Result, tool
from antiphon.agent.events import CallChanged, ResultsReady, Retrying, RunEnded, TurnDiscarded
from antiphon.errors import ConversationInvalid, Rejected, StreamBroken
from antiphon.policy import Approval, ApprovalRequest
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.providers.scripted import ScriptedProvider

Json = dict[str, Any]


def use(call_id: str, tool_name: str = "wait", /, **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": tool_name, "input": arguments}


def say(text: str) -> Json:
    return {"type": "text", "text": text}


def results(message: Json) -> list[tuple[str, Any]]:
    return [(block["tool_use_id"], block["content"]) for block in message["content"] if block["type"] == "tool_result"]


def assert_valid(messages: Sequence[Json]) -> None:
    request = {"model": "m", "max_tokens": 1, "messages": [*messages]}
    assert check(request, dialect("anthropic")) == []


class Gates:
    """A tool whose calls end when the test says so."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self._open: dict[str, anyio.Event] = {}
        self._changed = anyio.Event()

    def tool(self) -> Any:
        @tool(early=True)
        async def wait(name: str) -> str:
            """Wait."""
            self.started.append(name)
            self._changed.set()
            self._changed = anyio.Event()
            await self._gate(name).wait()
            return f"result of {name}"

        return wait

    def open(self, name: str) -> None:
        self._gate(name).set()

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(5):
            while not condition():
                await self._changed.wait()

    def _gate(self, name: str) -> anyio.Event:
        return self._open.setdefault(name, anyio.Event())


async def test_results_are_sent_in_the_order_of_the_calls_whatever_finishes_first() -> None:
    gates = Gates()
    provider = ScriptedProvider([[use(c, "wait", name=c) for c in "abc"], [say("done")]])
    agent = Agent(tools=[gates.tool()], provider=provider)
    finished: list[str] = []
    async for event in agent.stream("go"):
        match event:
            case CallChanged(call=call, state="running") if call.id == "c":
                gates.open("b")
            case CallChanged(call=call, state="done"):
                finished.append(call.id)
                gates.open({"b": "c", "c": "a"}.get(call.id, ""))
            case _:
                pass
    assert finished == ["b", "c", "a"]
    assert results(provider.requests[1]["messages"][-1]) == [(c, f"result of {c}") for c in "abc"]


async def test_two_calls_with_one_id_both_run_and_each_gets_its_own_result() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    twice = [use("same", "echo", text="one"), use("same", "echo", text="two")]
    provider = ScriptedProvider([twice, [say("done")]])
    agent = Agent(tools=[echo], provider=provider)
    await agent.run("go")
    (first, second) = agent.messages[1]["content"]
    assert first["id"] == "same"
    assert second["id"].startswith("same_")
    assert results(agent.messages[2]) == [("same", "one"), (second["id"], "two")]
    assert_valid(agent.messages)


@pytest.mark.parametrize("bad", [None, "", 7, "functions.echo:0", "call|x", "a b", "é"])
async def test_a_call_whose_id_the_api_would_refuse_runs_under_an_id_that_it_takes(bad: Any) -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    call = {"type": "tool_use", "id": bad, "name": "echo", "input": {"text": "one"}}
    if bad is None:
        del call["id"]
    provider = ScriptedProvider([[call, call], [say("done")]])
    agent = Agent(tools=[echo], provider=provider)
    result = await agent.run("go")
    assert result.text == "done"
    assert [content for _, content in results(agent.messages[2])] == ["one", "one"]
    assert_valid(agent.messages)


async def test_ids_that_come_back_in_a_later_reply_stand_for_one_call_each() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    provider = ScriptedProvider(
        [[use("call_0", "echo", text="one")], [use("call_0", "echo", text="two")], [say("done")]]
    )
    agent = Agent(tools=[echo], provider=provider)
    await agent.run("go")
    assert results(agent.messages[2]) == [("call_0", "one")]
    ((later, content),) = results(agent.messages[4])
    assert later.startswith("call_0_")
    assert content == "two"
    assert_valid(agent.messages)


async def test_an_unknown_tool_bad_arguments_and_a_raising_tool_are_results_and_stop_nobody() -> None:
    @tool
    async def breaks(n: int) -> str:
        """Break."""
        raise RuntimeError(f"no luck with {n}")

    calls = [use("a", "nobody"), use("b", "breaks", n="many"), use("c", "breaks", n=1), use("d", "breaks", n=2)]
    provider = ScriptedProvider([calls, [say("done")]])
    agent = Agent(tools=[breaks], provider=provider)
    assert (await agent.run("go")).text == "done"
    answered = results(agent.messages[2])
    assert [call_id for call_id, _ in answered] == ["a", "b", "c", "d"]
    assert all(block["is_error"] for block in agent.messages[2]["content"])
    assert "no tool named 'nobody'" in answered[0][1]
    assert "breaks" in answered[0][1]
    assert "no luck with 1" in answered[2][1]
    assert "no luck with 2" in answered[3][1]


async def test_a_call_cut_off_by_max_tokens_does_not_run_and_the_model_is_told() -> None:
    ran: list[str] = []

    @tool
    async def write(text: str) -> str:
        """Write."""
        ran.append(text)
        return "written"

    cut = {"content": [use("a", "write", text="whole"), use("b", "write", text="ha")], "stop_reason": "max_tokens"}
    provider = ScriptedProvider([cut, [say("done")]])
    agent = Agent(tools=[write], provider=provider)
    await agent.run("go")
    assert ran == ["whole"]
    (first, second) = results(agent.messages[2])
    assert first == ("a", "written")
    assert "cut off" in second[1]


async def test_a_model_that_is_cut_again_and_again_is_stopped() -> None:
    cut = {"content": [use("a", name="x")], "stop_reason": "max_tokens"}
    provider = ScriptedProvider([cut] * 5)
    result = await Agent(tools=[Gates().tool()], provider=provider).run("go")
    assert result.stop_reason == "max_tokens"
    assert len(provider.requests) == 3


async def test_a_refused_reply_runs_nothing_and_the_prompt_is_taken_back() -> None:
    ran: list[str] = []

    @tool
    async def write(text: str) -> str:
        """Write."""
        ran.append(text)
        return "written"

    refused = {"content": [use("a", "write", text="x")], "stop_reason": "refusal"}
    provider = ScriptedProvider([refused, [say("hello")]])
    agent = Agent(tools=[write], provider=provider)
    assert (await agent.run("bad")).stop_reason == "refusal"
    assert ran == []
    assert agent.messages == []
    assert (await agent.run("good")).text == "hello"
    assert len(provider.requests[1]["messages"]) == 1


async def test_a_paused_turn_is_sent_back_as_it_is_and_goes_on_in_the_same_message() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    found: Json = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    paused: Json = {"content": [search], "stop_reason": "pause_turn"}
    provider = ScriptedProvider([paused, [found, say("found it")]])
    agent = Agent(provider=provider)
    result = await agent.run("go")
    assert result.text == "found it"
    assert provider.requests[1]["messages"][-1] == {"role": "assistant", "content": [search]}
    assert agent.messages[1:] == [{"role": "assistant", "content": [search, found, say("found it")]}]


async def test_max_turns_stops_with_the_results_in_the_conversation_and_the_next_prompt_goes_on() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    provider = ScriptedProvider([[use("a", "echo", text="one")], [say("done")]])
    agent = Agent(tools=[echo], provider=provider, max_turns=1)
    assert (await agent.run("go")).stop_reason == "max_turns"
    assert results(agent.messages[-1]) == [("a", "one")]
    assert (await agent.run("go on")).text == "done"
    assert [block["type"] for block in provider.requests[1]["messages"][-1]["content"]] == ["tool_result", "text"]


async def test_text_behind_calls_moves_before_them_and_empty_text_goes() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    provider = ScriptedProvider(
        [[say(""), use("a", "echo", text="1"), say("so"), use("b", "echo", text="2")], [say("x")]]
    )
    agent = Agent(tools=[echo], provider=provider)
    await agent.run("go")
    assert agent.messages[1]["content"] == [say("so"), use("a", "echo", text="1"), use("b", "echo", text="2")]
    assert_valid(agent.messages)


async def test_thinking_goes_back_verbatim_and_in_its_place() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    thought = {"type": "thinking", "thinking": "", "signature": "c2ln", "later": {"field": 1}}
    redacted = {"type": "redacted_thinking", "data": "ZGF0YQ"}
    content = [thought, use("a", "echo", text="1"), redacted, use("b", "echo", text="2")]
    provider = ScriptedProvider([content, [say("done")]], strict=False)
    agent = Agent(tools=[echo], provider=provider)
    await agent.run("go")
    assert provider.requests[1]["messages"][1] == {"role": "assistant", "content": content}


async def test_a_call_that_nobody_may_approve_is_denied_with_the_flag_that_would_allow_it() -> None:
    @tool
    async def write(text: str) -> str:
        """Write."""
        return text

    provider = ScriptedProvider([[use("a", "write", text="x")], [say("done")]])
    agent = Agent(tools=[write], provider=provider, permissions=Permissions())
    await agent.run("go")
    assert "--allowed-tools write" in results(agent.messages[2])[0][1]


async def test_a_call_that_a_rule_denies_is_told_as_denied_and_does_not_run() -> None:
    ran: list[str] = []

    @tool
    async def write(text: str) -> str:
        """Write."""
        ran.append(text)
        return text

    provider = ScriptedProvider([[use("a", "write", text="x"), use("b", "nobody")], [say("done")]])
    agent = Agent(tools=[write], provider=provider, permissions=Permissions.of(deny=["write"]))
    states = [(event.call.id, event.state) async for event in agent.stream("go") if isinstance(event, CallChanged)]
    assert states == [("a", "denied"), ("b", "failed")]
    assert ran == []
    assert "settings do not allow write" in results(agent.messages[2])[0][1]


async def test_approvals_are_asked_side_by_side_and_may_be_answered_in_any_order() -> None:
    ran: list[str] = []

    @tool
    async def write(text: str) -> str:
        """Write."""
        ran.append(text)
        return f"wrote {text}"

    asked: list[str] = []
    both_asked = anyio.Event()
    first_may = anyio.Event()

    async def approve(request: ApprovalRequest) -> Approval:
        call = request.call
        asked.append(call.id)
        if len(asked) == 2:
            both_asked.set()
        await both_asked.wait()
        if call.id == "a":
            await first_may.wait()
            return Approval(allowed=True)
        first_may.set()
        return Approval(allowed=False, reason="not that one")

    provider = ScriptedProvider([[use("a", "write", text="1"), use("b", "write", text="2")], [say("done")]])
    agent = Agent(tools=[write], provider=provider, permissions=Permissions(), approve=approve)
    with anyio.fail_after(5):
        await agent.run("go")
    assert ran == ["1"]
    assert results(agent.messages[2]) == [("a", "wrote 1"), ("b", "The user did not allow this call: not that one")]


async def test_a_broken_stream_leaves_nothing_behind_and_is_asked_again() -> None:
    ran: list[str] = []

    @tool(early=True)
    async def look(text: str) -> str:
        """Look."""
        ran.append(text)
        return f"saw {text}"

    @tool
    async def write(text: str) -> str:
        """Write."""
        ran.append(f"wrote {text}")
        return "written"

    both = [use("a", "look", text="1"), use("b", "write", text="2")]
    provider = ScriptedProvider([_broken_after(both), both, [say("done")]])
    agent = Agent(tools=[look, write], provider=provider)
    told: list[str] = []
    async for event in agent.stream("go"):
        if isinstance(event, TurnDiscarded | Retrying):
            told.append(type(event).__name__)
        if isinstance(event, RunEnded):
            assert event.result.text == "done"
    assert told == ["TurnDiscarded", "Retrying"]
    assert ran.count("wrote 2") == 1
    assert provider.requests[0] == provider.requests[1]
    assert [content for _, content in results(agent.messages[2])] == ["saw 1", "written"]


def _broken_after(blocks: list[Json]) -> Any:
    """A reply that streams these blocks and breaks before its end."""
    return {"content": blocks, "stop_reason": "tool_use", "break": StreamBroken("the connection was closed")}


async def test_a_body_that_was_refused_is_never_sent_again() -> None:
    provider = ScriptedProvider([Rejected(400, "messages.0: bad")])
    agent = Agent(provider=provider)
    with pytest.raises(Rejected, match=r"messages\.0: bad"):
        await agent.run("go")
    assert len(provider.requests) == 1
    assert agent.messages == []


async def test_a_prompt_that_got_no_answer_is_taken_back_and_results_before_it_stay() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    calls = [use("a", "echo", text="one")]
    provider = ScriptedProvider([calls, Rejected(400, "bad"), Rejected(400, "bad"), [say("done")]])
    agent = Agent(tools=[echo], provider=provider)
    with pytest.raises(Rejected):
        await agent.run("first")
    kept = agent.messages
    assert results(kept[-1]) == [("a", "one")]
    with pytest.raises(Rejected):
        await agent.run("second")
    assert agent.messages == kept
    assert (await agent.run("third")).text == "done"
    assert provider.requests[3]["messages"][-1]["content"][-1]["text"] == "third"
    assert "second" not in str(agent.messages)


async def test_a_picture_the_api_cannot_read_does_not_end_the_conversation() -> None:
    @tool
    async def picture() -> Result:
        """Draw."""
        return Result((_picture("iVBORw0KGgo="),))

    refusal = Rejected(400, "messages.2.content.0.image.source.base64: Could not process image")
    provider = ScriptedProvider([[use("a", "picture")], refusal, [say("done")]])
    agent = Agent(tools=[picture], provider=provider)
    assert (await agent.run("draw")).text == "done"
    ((call_id, content),) = results(provider.requests[2]["messages"][2])
    assert call_id == "a"
    assert "left out" in content[0]["text"]


def _picture(data: str) -> Json:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


async def test_what_is_no_picture_at_all_is_left_out_before_it_is_sent() -> None:
    @tool
    async def picture() -> Result:
        """Draw."""
        return Result((_picture("aGk="),))

    provider = ScriptedProvider([[use("a", "picture")], [say("done")]])
    agent = Agent(tools=[picture], provider=provider)
    assert (await agent.run("draw")).text == "done"
    ((_, content),) = results(provider.requests[1]["messages"][2])
    assert "left out" in content[0]["text"]


async def test_a_prompt_that_no_longer_fits_is_told_clearly() -> None:
    provider = ScriptedProvider([Rejected(400, "prompt is too long: 210000 tokens > 200000 maximum")])
    events = [event async for event in Agent(provider=provider).stream("go")]
    last = events[-1]
    assert isinstance(last, RunEnded)
    assert last.result.stop_reason == "context_window"
    assert last.result.error is not None
    assert "context window" in last.result.error


Stop = Callable[[Agent, anyio.CancelScope], None]
STOPS: list[Stop] = [lambda agent, _: agent.cancel(), lambda _, scope: scope.cancel()]


@pytest.mark.parametrize("stop", STOPS, ids=["agent.cancel", "cancelled from outside"])
async def test_cancel_keeps_finished_results_and_the_next_prompt_is_valid(stop: Stop) -> None:
    gates = Gates()
    provider = ScriptedProvider([[use(c, "wait", name=c) for c in "abc"], [say("back")]])
    agent = Agent(tools=[gates.tool()], provider=provider, max_parallel=2)
    gates.open("a")
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(agent.run, "go")
            await gates.until(lambda: "c" in gates.started)
            assert "result of a" not in str(agent.messages)
            stop(agent, scope)
    (a, b, c) = results(agent.messages[-1])
    assert a == ("a", "result of a")
    assert "Stopped by the user" in b[1]
    assert "Stopped by the user" in c[1]
    assert_valid(agent.messages)
    assert (await agent.run("and now?")).text == "back"
    assert [message["role"] for message in provider.requests[1]["messages"]] == ["user", "assistant", "user"]
    assert_valid(agent.messages)


async def test_cancel_while_the_reply_streams_keeps_what_was_said() -> None:
    gates = Gates()
    hold = anyio.Event()

    async def sleep(_seconds: float) -> None:
        await hold.wait()

    provider = ScriptedProvider(
        [{"content": [say("I will look."), use("a", "wait", name="a"), say("more")], "delays": [0, 0, 60]}], sleep=sleep
    )
    agent = Agent(tools=[gates.tool()], provider=provider)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.run, "go")
        await gates.until(lambda: gates.started == ["a"])
        agent.cancel()
    assert agent.messages[1]["content"] == [say("I will look."), use("a", "wait", name="a")]
    assert results(agent.messages[2])[0][0] == "a"
    assert_valid(agent.messages)


async def test_a_conversation_that_was_handed_in_damaged_is_repaired_before_anything_is_sent() -> None:
    damaged = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [use("a"), use("b")]},
        {"role": "user", "content": [say("by the way"), {"type": "tool_result", "tool_use_id": "b", "content": "B"}]},
    ]
    provider = ScriptedProvider([[say("done")]])
    agent = Agent(provider=provider, messages=damaged)
    assert agent.repaired
    await agent.run("go on")
    assert_valid(agent.messages)
    assert ("b", "B") in results(agent.messages[2])


@pytest.mark.parametrize("prompt", ["", " \n", []])
async def test_an_empty_prompt_is_refused_and_leaves_the_conversation_as_it_was(prompt: Any) -> None:
    agent = Agent(provider=ScriptedProvider([[say("hello")]]))
    with pytest.raises(ValueError, match="the prompt is empty"):
        await agent.run(prompt)
    assert agent.messages == []
    assert (await agent.run("hi")).text == "hello"


async def test_a_prompt_that_the_api_would_refuse_is_told_and_taken_back() -> None:
    provider = ScriptedProvider([[say("hello")]])
    agent = Agent(provider=provider)
    with pytest.raises(ConversationInvalid, match="non-empty"):
        await agent.run([{"type": "text", "text": ""}])
    assert (agent.messages, provider.requests) == ([], [])
    assert (await agent.run("hi")).text == "hello"


async def test_two_runs_of_one_agent_at_once_are_refused() -> None:
    gates = Gates()
    agent = Agent(tools=[gates.tool()], provider=ScriptedProvider([[use("a", "wait", name="a")], [say("x")]]))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.run, "go")
        await gates.until(lambda: gates.started == ["a"])
        with pytest.raises(RuntimeError, match="running already"):
            await agent.run("me too")
        gates.open("a")


async def test_leaving_a_stream_early_ends_the_run() -> None:
    gates = Gates()
    agent = Agent(tools=[gates.tool()], provider=ScriptedProvider([[use("a", "wait", name="a")], [say("x")]]))
    stream = agent.stream("go")
    async for event in stream:
        if isinstance(event, CallChanged) and event.state == "running":
            break
    await stream.aclose()
    assert results(agent.messages[-1])[0][0] == "a"
    assert_valid(agent.messages)


async def test_the_prefix_of_a_request_never_changes() -> None:
    @tool
    async def echo(text: str) -> str:
        """Say it."""
        return text

    provider = ScriptedProvider([[use(f"c{n}", "echo", text=str(n))] for n in range(6)] + [[say("done")]])
    await Agent(tools=[echo], provider=provider, system="Be brief.").run("go")
    for earlier, later in zip(provider.requests, provider.requests[1:], strict=False):
        assert _unmarked(later)[: len(_unmarked(earlier))] == _unmarked(earlier)
        assert {**later, "messages": 0} == {**earlier, "messages": 0}
    marked = [[_markers(message) for message in request["messages"]] for request in provider.requests]
    assert marked[0] == [1]
    assert marked[3] == [0, 0, 0, 0, 1, 0, 1]


def _unmarked(request: Json) -> list[Json]:
    return json.loads(json.dumps(request["messages"]).replace(', "cache_control": {"type": "ephemeral"}', ""))


def _markers(message: Json) -> int:
    return json.dumps(message).count("cache_control")


async def test_results_are_told_as_sent() -> None:
    @tool
    async def picture() -> Result:
        """Draw."""
        return Result((_picture("iVBORw0KGgo="),))

    provider = ScriptedProvider([[use("a", "picture"), use("b", "picture")], [say("done")]])
    agent = Agent(tools=[picture], provider=provider)
    ready = [event async for event in agent.stream("go") if isinstance(event, ResultsReady)]
    assert [event.message for event in ready] == [agent.messages[2]]
    assert [block["content"][0]["type"] for block in agent.messages[2]["content"]] == ["image", "image"]
