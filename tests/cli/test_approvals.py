from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio
import pytest
from at_a_terminal import Person, asked_about, asking, at_a_terminal

from antiphon.cli.approving.standing import Standing
from antiphon.cli.questions import Questions
from antiphon.engine.events import INDEPENDENT, ToolCall
from antiphon.policy import Approval, ApprovalRequest, Permissions, Rule
from antiphon.policy.subjects import FileSubject
from antiphon.policy.workspace import Workspace

WRITE = ToolCall("w", "write_file", {"path": "b.txt", "content": "hello"})
WRITE_MORE = ToolCall("m", "write_file", {"path": "c.txt", "content": "more"})
COMMAND = ToolCall("c", "run_command", {"command": "make test"})
FETCH = ToolCall("f", "mcp__wiki__fetch", {"page": "Home"})
FOUR = (WRITE, COMMAND, WRITE_MORE, FETCH)


@pytest.fixture
def terminal() -> Iterator[tuple[Questions, Person]]:
    """Questions on a pseudo-terminal, and the person at its other end."""
    with at_a_terminal() as both:
        yield both


async def test_a_call_is_shown_with_its_arguments_and_why_it_is_asked(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        await person.answers("y")
    assert asked.decided == {"w": Approval(allowed=True)}
    assert person.screen == (
        "? write_file b.txt\n  it changes something\n  path: b.txt\n  content: hello\nAllow it? [y]es, [n]o and why: "
    )


@pytest.mark.parametrize(
    ("typed", "reason"),
    [("n", ""), ("no", ""), ("no, use a.txt", "use a.txt"), ("N because of 2 tests", "because of 2 tests")],
)
async def test_a_no_may_say_why(terminal: tuple[Questions, Person], typed: str, reason: str) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        await person.answers(typed)
    assert asked.decided == {"w": Approval(allowed=False, reason=reason)}


async def test_anything_else_is_asked_again(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked:
        for typed in ("", "maybe", "y but without tests", "2 y", "?", "y"):
            await person.answers(typed)
    assert asked.allowed == {"w": True}


async def test_what_was_typed_before_the_question_is_no_answer(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    person.types("y")
    async with asking(questions, WRITE) as asked:
        await person.answers("no")
    assert asked.allowed == {"w": False}


async def test_a_line_that_was_begun_before_the_question_is_not_taken_for_its_end(
    terminal: tuple[Questions, Person],
) -> None:
    questions, person = terminal
    person.presses("2 ")
    async with asking(questions, WRITE, COMMAND) as asked:
        await person.sees(": $")
        person.types("y")  # the end of `2 y`, and not a yes to all
        await person.sees(r"You began that line before this was shown\. Once more, please\.")
        await person.answers("2 y")
        await person.answers("n")
    assert asked.allowed == {"c": True, "w": False}


async def test_several_calls_are_listed_together_with_the_reason_of_each(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, *FOUR) as asked:
        await person.answers("y")
    assert asked.allowed == {"w": True, "c": True, "m": True, "f": True}
    assert person.screen.splitlines()[:-1] == [
        "4 calls wait for you:",
        "   1  write_file b.txt",
        "      path: b.txt",
        "      content: hello",
        "      it changes something",
        "   2  run_command make test  it changes something",
        "   3  write_file c.txt",
        "      path: c.txt",
        "      content: more",
        "      it changes something",
        "   4  mcp__wiki__fetch page=Home  it changes something",
    ]


@pytest.mark.parametrize(
    ("lines", "decided"),
    [
        (["1 y", "2 y", "3 y", "4 y"], {"w": True, "c": True, "m": True, "f": True}),
        (["4 n", "3 y", "2 n", "1 y"], {"f": False, "m": True, "c": False, "w": True}),
        (["2 4 y", "n"], {"c": True, "f": True, "w": False, "m": False}),
        (["2-3 n", "1-4 y"], {"c": False, "m": False, "w": True, "f": True}),
        (["d 3", "y", "n"], {"m": True, "w": False, "c": False, "f": False}),
        (["d 3", "", "y"], {"w": True, "c": True, "m": True, "f": True}),
        (["d 3", "1 y", "n", "n"], {"w": True, "m": False, "c": False, "f": False}),
        (["s"], {"w": False, "c": False, "m": False, "f": False}),
        (["\x04"], {"w": False, "c": False, "m": False, "f": False}),
    ],
)
async def test_calls_are_answered_in_any_order(
    terminal: tuple[Questions, Person], lines: Sequence[str], decided: dict[str, bool]
) -> None:
    questions, person = terminal
    async with asking(questions, *FOUR) as asked:
        for line in lines:
            await person.sees(": $")
            person.presses(line if line == "\x04" else f"{line}\n")
    assert list(asked.allowed.items()) == list(decided.items())


async def test_each_no_has_its_reason(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, *FOUR) as asked:
        await person.answers("3 n use a.txt")
        await person.answers("1 y")
        await person.sees("2 of 4 calls wait for you:\n   2  run_command")
        await person.answers("n not now")
    assert asked.decided == {
        "m": Approval(allowed=False, reason="use a.txt"),
        "w": Approval(allowed=True),
        "c": Approval(allowed=False, reason="not now"),
        "f": Approval(allowed=False, reason="not now"),
    }


async def test_stopping_denies_all_and_stops_the_turn(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    stopped: list[bool] = []
    questions.calls.stop = lambda: stopped.append(True)
    async with asking(questions, WRITE, COMMAND) as asked:
        await person.answers("s")
    assert stopped == [True]
    assert asked.decided["w"] == Approval(allowed=False, reason="The user stopped the turn.")


async def test_a_call_that_comes_while_the_person_types_is_not_covered_by_their_answer(
    terminal: tuple[Questions, Person],
) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, WRITE_MORE) as asked, anyio.create_task_group() as tasks:
        await person.sees(": $")
        person.presses("y")
        tasks.start_soon(asked.ask, COMMAND)
        await person.sees(r"  also waits for you, and is asked next: 3  run_command make test\n.*: $")
        person.presses("\n")
        await person.sees(r"\? run_command make test\n.*\nAllow it")
        assert asked.allowed == {"w": True, "m": True}
        person.types("n")
    assert asked.allowed == {"w": True, "m": True, "c": False}


async def test_a_number_that_was_not_shown_yet_cannot_be_named(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, WRITE_MORE) as asked, anyio.create_task_group() as tasks:
        await person.sees(": $")
        person.presses("1-9 y")
        tasks.start_soon(asked.ask, COMMAND)
        await person.sees(r"is asked next: 3  run_command")
        person.presses("\n")
        await person.sees(r"Allow it")
        assert asked.allowed == {"w": True, "m": True}
        person.types("3 y")
    assert asked.allowed == {"w": True, "m": True, "c": True}


async def test_a_withdrawn_call_goes_away_and_the_next_one_is_asked(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE) as asked, anyio.create_task_group() as tasks:
        await person.sees("Allow it")
        tasks.start_soon(asked.ask, COMMAND)
        await person.sees("is asked next")
        asked.scopes["w"].cancel()
        await person.sees(r"no longer needed\n\? run_command make test")
        await person.answers("y")
    assert asked.decided == {"c": Approval(allowed=True)}


async def test_one_of_several_that_is_withdrawn_is_not_there_any_more(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, COMMAND, WRITE_MORE) as asked:
        await person.sees(": $")
        asked.scopes["c"].cancel()
        await anyio.wait_all_tasks_blocked()
        person.types("2 y")
        await person.sees(r"2 does not wait for you\.")
        await person.answers("y")
    assert asked.allowed == {"w": True, "m": True}


async def test_an_answer_to_a_call_that_went_away_is_no_answer_to_the_others(
    terminal: tuple[Questions, Person],
) -> None:
    questions, person = terminal
    async with asking(questions, WRITE, COMMAND, WRITE_MORE) as asked:
        await person.answers("d 2")
        await person.sees("Allow it")
        asked.scopes["c"].cancel()
        await anyio.wait_all_tasks_blocked()
        person.types("y")
        await person.sees("2 of 3 calls wait")
        await person.answers("n")
    assert asked.allowed == {"w": False, "m": False}


class Rules:
    """Permissions of a project, and the rules that were written down."""

    def __init__(self, questions: Questions, *rules: Rule) -> None:
        self.permissions = Permissions("default", rules)
        self.kept: list[str] = []
        questions.calls.standing = Standing(self.permissions, self.keep)

    def keep(self, rule: Rule) -> Path:
        self.kept.append(str(rule))
        return Path("/project/.antiphon/settings.local.toml")


async def test_always_writes_the_rule_that_was_shown_and_answers_what_it_covers(
    terminal: tuple[Questions, Person],
) -> None:
    questions, person = terminal
    rules = Rules(questions)
    async with asking(questions, *FOUR) as asked:
        await person.answers("1 a")
        await person.sees(r"\? 1  write_file[\s\S]*\[a\]lways write_file, Enter for all 4: $")
        assert rules.kept == []
        person.types("a")
        await person.sees("write_file is allowed in this project from now on: /project/.antiphon/settings.local.toml\n")
        await person.sees("also allowed by write_file: 3\n")
        await person.sees("2 of 4 calls wait for you:\n   2  run_command")
        await person.answers("n")
    assert asked.allowed == {"w": True, "m": True, "c": False, "f": False}
    assert rules.kept == ["write_file"]
    assert [(str(rule), rule.verdict, rule.source.kind) for rule in rules.permissions.rules] == [
        ("write_file", "allow", "session")
    ]


async def test_a_rule_of_the_persons_own_is_taken_if_it_allows_the_call(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    rules = Rules(questions)
    async with asking(questions, WRITE, COMMAND) as asked:
        await person.answers("1 a run_command")
        await person.sees(r"run_command would not allow this call\.")
        await person.answers("1 a )(")
        await person.sees("is not a usable rule")
        assert rules.kept == []
        await person.answers("1 a write_file")
        await person.sees(r"\? run_command make test")
        await person.answers("n")
    assert asked.allowed == {"w": True, "c": False}
    assert rules.kept == ["write_file"]


async def test_a_rule_that_cannot_be_written_down_holds_in_this_session(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    permissions = Permissions()

    def keep(rule: Rule) -> Path:
        raise PermissionError(13, "Permission denied", str(rule))

    questions.calls.standing = Standing(permissions, keep)
    async with asking(questions, WRITE):
        await person.answers("a")
        await person.sees("write_file is allowed in this session only, for it could not be written: .*denied")
    assert permissions.decide(WRITE, INDEPENDENT).verdict == "allow"


@pytest.mark.parametrize("typed", ["a", "a write_file"])
async def test_where_no_rule_may_help_none_is_offered_or_taken(terminal: tuple[Questions, Person], typed: str) -> None:
    questions, person = terminal
    rules = Rules(questions)
    async with asking(questions, ApprovalRequest(WRITE, INDEPENDENT, reason="it is a protected file")) as asked:
        await person.sees(r"\n  it is a protected file\n[\s\S]*Allow it\? \[y\]es, \[n\]o and why: $")
        person.types(typed)
        await person.sees("No rule can allow this call; it is asked about each time")
        await person.answers("n")
    assert asked.allowed == {"w": False}
    assert rules.permissions.rules == ()


async def test_a_rule_that_an_asking_rule_beats_is_not_offered(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    rules = Rules(questions, Rule("deny", "write_file"))
    request = ApprovalRequest(WRITE, INDEPENDENT, None, "a rule asks", (Rule("allow", "write_file"),))
    async with asking(questions, request):
        await person.sees(r"Allow it\? \[y\]es, \[n\]o and why: $")
        person.types("n")
    assert rules.kept == []


async def test_a_call_that_a_hook_asks_about_is_not_answered_by_a_rule(terminal: tuple[Questions, Person]) -> None:
    questions, person = terminal
    Rules(questions, Rule("allow", "write_file"))
    by_hook = ApprovalRequest(WRITE, INDEPENDENT, None, "the hook says so", (Rule("allow", "write_file"),))
    async with asking(questions, COMMAND, by_hook) as asked:
        await person.sees("2 calls wait")
        await person.answers("1 a run_command")
        await person.sees(r"\? write_file b.txt[\s\S]*Allow it\? \[y\]es, \[n\]o and why: $")
        person.types("n")
    assert asked.allowed == {"c": True, "w": False}


async def test_a_call_found_to_need_an_answer_before_the_rule_was_written_is_not_asked(
    terminal: tuple[Questions, Person],
) -> None:
    questions, person = terminal
    Rules(questions)
    late = asked_about(WRITE_MORE)
    async with asking(questions, WRITE):
        await person.answers("a")
    async with asking(questions, late) as later:
        pass
    assert later.allowed == {"m": True}


def edit(path: Path, **arguments: str) -> ApprovalRequest:
    name = "edit_file" if "old_string" in arguments else "write_file"
    return ApprovalRequest(
        ToolCall(str(path), name, {"path": path.name, **arguments}), INDEPENDENT, FileSubject(path, writes=True)
    )


async def test_an_edit_is_shown_as_a_diff(terminal: tuple[Questions, Person], tmp_path: Path) -> None:
    questions, person = terminal
    questions.calls.workspace = Workspace.at(tmp_path)
    path = questions.calls.workspace.root / "a.py"
    path.write_text("one\ntwo\nthree\n")
    async with asking(questions, edit(path, old_string="two", new_string="2\x1b[2J")):
        await person.answers("y")
    assert person.screen.startswith("? edit_file a.py  +1 -1\n  @@ -1,3 +1,3 @@\n   one\n  -two\n  +2\n   three\nAllow")


async def test_of_a_long_diff_the_beginning_is_shown_and_the_whole_on_demand(
    terminal: tuple[Questions, Person], tmp_path: Path
) -> None:
    questions, person = terminal
    questions.calls.workspace = Workspace.at(tmp_path)
    path = questions.calls.workspace.root / "a.txt"
    async with asking(questions, edit(path, content="".join(f"line {n}\n" for n in range(60)))):
        await person.sees(r"write_file a.txt  \+60 -0\n  A new file\.\n[\s\S]*  \+line 22\n  \.\.\. 37 more lines\n")
        await person.sees(r"\[d\]etails: $")
        person.types("d")
        await person.sees(r"\+line 58\n  \+line 59\nAllow it\? \[y\]es, \[n\]o and why: $")
        person.types("n")


async def test_a_file_that_changes_while_the_person_looks_is_shown_again(
    terminal: tuple[Questions, Person], tmp_path: Path
) -> None:
    questions, person = terminal
    questions.calls.workspace = Workspace.at(tmp_path)
    path, other = (questions.calls.workspace.root / name for name in ("a.txt", "b.txt"))
    path.write_text("old\n")
    async with asking(questions, edit(path, content="new\n"), edit(other, content="other\n")) as asked:
        await person.sees(r"   1  write_file a.txt  \+1 -1")
        await person.sees(r"   2  write_file b.txt  \+1 -0  a new file")
        await person.sees(r": $")
        path.write_text("somebody else's\nlines\n")
        person.types("y")
        await person.sees(r"its file has changed meanwhile, look again: 1  write_file a.txt  \+1 -2\n")
        await person.sees(r"\? write_file a.txt  \+1 -2\n.*\n  -somebody else's\n")
        assert asked.allowed == {str(other): True}
        await person.answers("y")
    assert asked.allowed == {str(other): True, str(path): True}
