"""What hooks can decide and say, with real programs, and where it goes in the conversation."""

import json
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest

from antiphon import Agent, Approval, Permissions, Workspace, tool
from antiphon.agent.events import AgentEvent, CallHeld, HookRan, RunEnded, Warned
from antiphon.policy import ApprovalRequest
from antiphon.policy.hooks import HookEvent, HookSetting
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.providers.scripted import ScriptedProvider
from antiphon.sessions.store import Sessions
from antiphon.testing.leftovers import Leftovers
from antiphon.tools.write_file import WriteFile

Json = dict[str, Any]
MakeHook = Callable[..., HookSetting]


def use(call_id: str, tool_name: str = "edit", /, **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": tool_name, "input": {"name": call_id, **arguments}}


def say(text: str) -> Json:
    return {"type": "text", "text": text}


def texts(message: Json) -> list[str]:
    return [block["text"] if block["type"] == "text" else f"={block['content']}" for block in message["content"]]


@pytest.fixture
def hook(tmp_path: Path) -> MakeHook:
    """Make a hook of the lines of a Python program, which finds what it was told in `told`."""

    def make(event: HookEvent, program: str, *, tools: str = "", timeout: float = 30.0) -> HookSetting:
        path = tmp_path / f"hook_{len(list(tmp_path.iterdir()))}.py"
        path.write_text(f"import json, os, sys, time\ntold = json.load(sys.stdin)\n{program}\n")
        command = shlex.join([sys.executable, "-S", "-E", str(path)])
        return HookSetting(event=event, command=command, tools=tools, timeout=timeout)

    return make


def decides(decision: str, reason: str = "") -> str:
    specific = {"permissionDecision": decision, "permissionDecisionReason": reason}
    return f"print({json.dumps({'hookSpecificOutput': specific})!r})"


class Edits:
    """A tool that changes something, and who is asked about it."""

    def __init__(self, *, allowed: bool = True) -> None:
        self.done: list[str] = []
        self.asked: list[ApprovalRequest] = []
        self._allowed = allowed

    @property
    def tool(self) -> Any:
        def written(name: str) -> tuple[str, ...]:
            return ("file", name)

        @tool(writes=written)
        async def edit(name: str) -> str:
            """Edit."""
            self.done.append(name)
            return f"edited {name}"

        return edit

    async def approve(self, request: ApprovalRequest) -> Approval:
        self.asked.append(request)
        return Approval(allowed=self._allowed, reason="no")


async def run(
    replies: Iterable[Any], hooks: Iterable[HookSetting], edits: Edits | None = None, **options: Any
) -> tuple[Agent, ScriptedProvider, list[AgentEvent]]:
    edits = edits or Edits()
    provider = ScriptedProvider(replies)
    options = {"tools": [edits.tool], "permissions": Permissions(), "approve": edits.approve, **options}
    async with Agent(provider=provider, hooks=list(hooks), **options) as agent:
        with anyio.fail_after(60):
            events = [event async for event in agent.stream("go")]
    assert check({"model": "m", "max_tokens": 1, "messages": agent.messages}, dialect("anthropic")) == []
    return agent, provider, events


def stop_reason(events: list[AgentEvent]) -> tuple[str, str | None]:
    last = events[-1]
    assert isinstance(last, RunEnded)
    return last.result.stop_reason, last.result.error


async def test_a_hook_is_told_of_the_call_in_the_widespread_form(hook: MakeHook, tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    program = f"json.dump(told, open({str(seen)!r}, 'w'))"
    await run([[use("a")], [say("done")]], [hook("PreToolUse", program)], workspace=Workspace.at(tmp_path))
    told = json.loads(seen.read_text())
    assert told.pop("session_id")
    assert told == {
        "transcript_path": "",
        "cwd": str(tmp_path),
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": "edit",
        "tool_input": {"name": "a"},
        "tool_use_id": "a",
    }


async def test_a_hook_is_told_the_file_of_the_session_and_the_name_others_have_for_the_mode(
    hook: MakeHook, tmp_path: Path
) -> None:
    seen = tmp_path / "seen.json"
    keep = hook("PreToolUse", f"json.dump([told, os.environ['ANTIPHON_PROJECT_DIR']], open({str(seen)!r}, 'w'))")
    with Sessions(tmp_path / "sessions").create(tmp_path) as session:
        options: Json = {"session": session, "permissions": Permissions("accept-edits")}
        await run([[use("a")], [say("done")]], [keep], workspace=Workspace.at(tmp_path), **options)
        told, directory = json.loads(seen.read_text())
        assert told["session_id"] == session.id
        assert told["transcript_path"] == str(session.file)
        assert session.file.is_file()
    assert told["permission_mode"] == "acceptEdits"
    assert directory == str(tmp_path)


async def test_our_keys_are_not_in_the_environment_of_a_hook(hook: MakeHook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    leak = hook("UserPromptSubmit", "print(f\"key: {os.environ.get('ANTHROPIC_API_KEY')}\")")
    _, provider, _ = await run([[say("done")]], [leak])
    assert texts(provider.requests[0]["messages"][0])[1].endswith("key: None")


@pytest.mark.parametrize(
    "program",
    [
        "sys.stderr.write('not today'); sys.exit(2)",
        decides("deny", "not today"),
        "print(json.dumps({'decision': 'block', 'reason': 'not today'}))",
    ],
    ids=["exit code 2", "permissionDecision", "decision"],
)
async def test_a_hook_can_deny_a_call_and_the_model_is_told_why(hook: MakeHook, program: str) -> None:
    edits = Edits()
    agent, _, _ = await run([[use("a"), use("b")], [say("done")]], [hook("PreToolUse", program)], edits)
    assert (edits.done, edits.asked) == ([], [])
    no = "=A hook of the user did not allow this call: not today"
    assert texts(agent.messages[2]) == [no, no]


async def test_only_calls_of_the_tools_a_hook_names_are_its_business(hook: MakeHook) -> None:
    edits = Edits()
    named = hook("PreToolUse", decides("deny"), tools="write_file|ed*t")
    other = hook("PreToolUse", decides("deny"), tools="mcp__.*")
    await run([[use("a")], [say("done")]], [other], edits)
    assert edits.done == ["a"]
    await run([[use("b")], [say("done")]], [named], edits)
    assert edits.done == ["a"]


async def test_what_a_hook_allows_nobody_is_asked_about(hook: MakeHook) -> None:
    edits = Edits()
    await run([[use("a")], [say("done")]], [hook("PreToolUse", decides("allow"))], edits)
    assert (edits.done, edits.asked) == (["a"], [])


@pytest.mark.parametrize(
    "permissions",
    [Permissions.of(deny=["edit"]), Permissions("plan"), Permissions("dont-ask")],
    ids=["a rule that denies", "plan", "dont-ask"],
)
async def test_a_hook_is_not_even_asked_about_what_the_permissions_deny(
    hook: MakeHook, tmp_path: Path, permissions: Permissions
) -> None:
    ran = tmp_path / "ran"
    allow = hook("PreToolUse", f"open({str(ran)!r}, 'w'); {decides('allow')}")
    edits = Edits()
    await run([[use("a")], [say("done")]], [allow], edits, permissions=permissions)
    assert (edits.done, ran.exists()) == ([], False)


async def test_a_hook_cannot_allow_what_a_rule_asks_about_or_what_is_protected(hook: MakeHook, tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    edits = Edits(allowed=False)
    paths = ".git/hooks/pre-commit", "asked.py", "free.py"
    calls: list[Json] = [
        {"type": "tool_use", "id": path, "name": "write_file", "input": {"path": path, "content": "x"}}
        for path in paths
    ]
    permissions = Permissions.of(ask=["write_file(asked.py)"], root=workspace.root)
    options: Json = {"workspace": workspace, "permissions": permissions, "tools": [WriteFile(workspace)]}
    await run([calls, [say("done")]], [hook("PreToolUse", decides("allow"))], edits, **options)
    assert sorted(request.call.input["path"] for request in edits.asked) == list(paths[:2])
    assert [(workspace.root / path).exists() for path in paths] == [False, False, True]


async def test_a_hook_can_have_the_user_asked_whatever_the_mode(hook: MakeHook) -> None:
    edits = Edits(allowed=False)
    ask = hook("PreToolUse", decides("ask", "It looks odd."))
    agent, _, _ = await run([[use("a")], [say("done")]], [ask], edits, permissions=Permissions("bypass"))
    assert edits.done == []
    assert [request.reason for request in edits.asked] == ["A hook wants you to be asked: It looks odd"]
    assert texts(agent.messages[2]) == ["=The user did not allow this call: no"]


async def test_where_nobody_can_be_asked_a_hook_that_wants_that_denies(hook: MakeHook) -> None:
    edits = Edits()
    ask = hook("PreToolUse", decides("ask"))
    await run([[use("a")], [say("done")]], [ask], edits, permissions=Permissions("bypass"), approve=None)
    await run([[use("a")], [say("done")]], [ask], edits, permissions=Permissions.of("dont-ask", allow=["edit"]))
    assert (edits.done, edits.asked) == ([], [])


async def test_of_several_hooks_deny_beats_ask_and_ask_beats_allow(hook: MakeHook) -> None:
    slow_deny = hook("PreToolUse", f"time.sleep(0.2); {decides('deny', 'slow')}")
    allow, ask = hook("PreToolUse", decides("allow")), hook("PreToolUse", decides("ask"))
    quick_deny = hook("PreToolUse", decides("deny", "quick"))
    edits = Edits()
    await run([[use("a")], [say("done")]], [allow, ask], edits)
    assert (edits.done, len(edits.asked)) == (["a"], 1)
    agent, _, _ = await run([[use("a")], [say("done")]], [allow, slow_deny, ask, quick_deny], edits)
    assert len(edits.asked) == 1
    assert texts(agent.messages[2])[0].endswith(": slow\nquick")


async def test_a_hook_that_wants_other_arguments_is_told_to_the_model_and_the_call_does_not_run(hook: MakeHook) -> None:
    specific = {"permissionDecision": "allow", "updatedInput": {"name": "b"}}
    change = hook("PreToolUse", f"print({json.dumps({'hookSpecificOutput': specific})!r})")
    edits = Edits()
    agent, _, _ = await run([[use("a")], [say("done")]], [change], edits)
    assert edits.done == []
    assert "other arguments" in texts(agent.messages[2])[0]


async def test_what_hooks_say_stands_behind_all_results_in_the_order_of_the_calls(hook: MakeHook) -> None:
    before = hook("PreToolUse", "print(json.dumps({'additionalContext': f\"before {told['tool_use_id']}\"}))")
    slow_first = (
        "time.sleep(0.3 if told['tool_use_id'] == 'a' else 0)\n"
        "assert told['tool_response'] == {'content': f\"edited {told['tool_use_id']}\", 'is_error': False}\n"
        "print(json.dumps({'hookSpecificOutput': {'additionalContext': f\"after {told['tool_use_id']}\"}}))"
    )
    after = hook("PostToolUse", slow_first)
    agent, _, _ = await run([[use("a"), use("b")], [say("done")]], [before, after])
    says = "[A hook of the user says about edit"
    assert texts(agent.messages[2]) == [
        "=edited a",
        "=edited b",
        f"{says} (a):]\nbefore a",
        f"{says} (a):]\nafter a",
        f"{says} (b):]\nbefore b",
        f"{says} (b):]\nafter b",
    ]


async def test_a_hook_that_objects_to_what_a_call_did_is_a_note_and_the_result_stays(hook: MakeHook) -> None:
    objects = hook("PostToolUse", "sys.stderr.write('the linter complains'); sys.exit(2)")
    agent, _, _ = await run([[use("a")], [say("done")]], [objects])
    assert texts(agent.messages[2]) == ["=edited a", "[A hook of the user says about edit (a):]\nthe linter complains"]


async def test_a_call_that_waits_for_another_sees_what_the_hooks_of_that_one_did(
    hook: MakeHook, tmp_path: Path
) -> None:
    file = tmp_path / "a"

    @tool(writes=lambda: ("file", "a"))
    async def edit(name: str) -> str:
        """Edit."""
        file.write_text("edited")
        return "ok"

    @tool(reads=lambda: ("file", "a"))
    async def look(name: str) -> str:
        """Look."""
        return file.read_text()

    formats = hook("PostToolUse", f"time.sleep(0.2); open({str(file)!r}, 'a').write(' and formatted')", tools="edit")
    calls = [use("a"), use("b", "look")]
    agent, _, _ = await run([calls, [say("done")]], [formats], tools=[edit, look], approve=None, permissions=None)
    assert texts(agent.messages[2]) == ["=ok", "=edited and formatted"]


async def test_the_time_of_a_call_is_its_own_and_hooks_hear_of_failures_too(hook: MakeHook) -> None:
    @tool(timeout=0.1)
    async def edit(name: str) -> str:
        """Edit."""
        if name == "slow":
            await anyio.sleep(3600)
        if name == "broken":
            raise RuntimeError("no luck")
        return "ok"

    slow_hook = hook(
        "PostToolUse",
        "time.sleep(0.4)\nprint(json.dumps({'additionalContext': str(told['tool_response'])}))",
    )
    calls = [use(name) for name in ("slow", "broken", "fine")]
    agent, _, _ = await run([calls, [say("done")]], [slow_hook], tools=[edit], permissions=None)
    assert texts(agent.messages[2])[:3] == ["=Timed out after 0.1 s and was stopped.", "=RuntimeError: no luck", "=ok"]
    assert [text.rpartition("\n")[2] for text in texts(agent.messages[2])[3:]] == [
        str({"content": "Timed out after 0.1 s and was stopped.", "is_error": True}),
        str({"content": "RuntimeError: no luck", "is_error": True}),
        str({"content": "ok", "is_error": False}),
    ]


async def test_a_hook_that_hangs_costs_its_own_call_only(hook: MakeHook) -> None:
    hangs = hook("PreToolUse", "if told['tool_use_id'] == 'a': time.sleep(3600)", timeout=1.0)
    order: list[str] = []

    @tool(early=True)
    async def edit(name: str) -> str:
        """Edit."""
        order.append(name)
        return "ok"

    calls = [use("a"), use("b"), use("c")]
    _, _, events = await run([calls, [say("done")]], [hangs], tools=[edit])
    assert order[-1] == "a"
    (warned,) = [event.text for event in events if isinstance(event, Warned)]
    assert "was stopped after 1 s" in warned
    held = [(event.id, event.held) for event in events if isinstance(event, CallHeld)]
    assert sorted(held) == [(name, state) for name in "abc" for state in (False, True)]


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("sys.exit('it broke')", "ended with exit code 1 (it broke)"),
        ("print('{nonsense')", "answered with JSON that cannot be used"),
        ("print('{\"decision\": 7}')", "answered with JSON that cannot be used"),
        ("print('{\"a\":' * 100_000)", "answered with JSON that cannot be used"),
        ("print(json.dumps({'decision': 'perhaps'}))", "decided 'perhaps', which is no decision"),
        ("os.kill(os.getpid(), 9)", "ended by SIGKILL"),
        ("print('{' + ' ' * 2_000_000 + '}')", "wrote more than 1,000,000 bytes"),
    ],
)
async def test_a_hook_that_fails_warns_the_user_and_decides_nothing(
    hook: MakeHook, program: str, complaint: str
) -> None:
    edits = Edits()
    _, _, events = await run([[use("a")], [say("done")]], [hook("PreToolUse", program)], edits)
    assert (edits.done, len(edits.asked)) == (["a"], 1)
    (warned,) = [event.text for event in events if isinstance(event, Warned)]
    assert complaint in warned
    assert len(warned) < 1000


async def test_a_hook_that_floods_both_streams_and_reads_nothing_ends_all_the_same(tmp_path: Path) -> None:
    flood = "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero"
    edits = Edits()
    calls = [use("a", padding="x" * 1_000_000), use("b")]
    await run([calls, [say("done")]], [HookSetting(event="PreToolUse", command=flood)], edits)
    assert edits.done == ["b"]


async def test_a_hook_may_end_the_run_after_the_results_of_the_turn(hook: MakeHook) -> None:
    stops = hook(
        "PreToolUse",
        "if told['tool_use_id'] == 'a': print(json.dumps({'continue': False, 'stopReason': 'enough'}))",
    )
    edits = Edits()
    agent, provider, events = await run([[use("a"), use("b")], [say("never asked")]], [stops], edits)
    assert edits.done == ["b"]
    assert stop_reason(events) == ("hook", "A hook ended the run: enough")
    assert len(provider.requests) == 1
    assert texts(agent.messages[2]) == ["=A hook of the user did not allow this call: enough", "=edited b"]


async def test_what_a_hook_has_for_the_user_is_an_event(hook: MakeHook) -> None:
    tells = hook("PostToolUse", "print(json.dumps({'systemMessage': 'formatted'}))")
    agent, _, events = await run([[use("a")], [say("done")]], [tells])
    ran = [(event.event, event.command, event.outcome) for event in events if isinstance(event, HookRan)]
    assert ran == [("PostToolUse", tells.command, "formatted")]
    assert texts(agent.messages[2]) == ["=edited a"]


async def test_without_a_hook_that_wants_to_know_no_program_is_started(
    hook: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.agent.hooks.program.run_process", None)
    elsewhere = hook("PreToolUse", decides("deny"), tools="other")
    edits = Edits()
    _, _, events = await run([[use("a")], [say("done")]], [elsewhere], edits)
    assert edits.done == ["a"]
    assert not [event for event in events if isinstance(event, CallHeld | Warned)]


@pytest.mark.parametrize("event", ["PreToolUse", "PostToolUse"])
async def test_a_turn_can_be_stopped_while_its_hooks_run_and_no_process_is_left(
    tmp_path: Path, event: HookEvent
) -> None:
    begun, left = tmp_path / "begun", Leftovers()
    stubborn = HookSetting(event=event, command=f"trap '' TERM; sleep 3600 & touch {begun}; wait; sleep 3600")
    edits = Edits()
    provider = ScriptedProvider([[use("a"), use("b")], [say("and on")]])
    async with Agent(tools=[edits.tool], provider=provider, hooks=[stubborn]) as agent:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(agent.run, "go")
            with anyio.fail_after(30):
                while not begun.exists():  # noqa: ASYNC110  (a program of its own tells no event)
                    await anyio.sleep(0.01)
            agent.cancel()
        assert await left.after(5) == ""
        assert [block["type"] for block in agent.messages[2]["content"]] == ["tool_result", "tool_result", "text"]
        assert (await agent.run("go on")).text == "and on"
