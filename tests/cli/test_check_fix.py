import copy
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from damaged import (
    BOTH,
    TEXT_FIRST,
    UNANSWERED,
    VALID,
    Checker,
    assistant,
    call,
    request,
    result,
    text,
    user,
    written,
    written_lines,
)

from antiphon.cli.checking.costs import lost_thinking
from antiphon.cli.checking.judging import Judge
from antiphon.cli.checking.rules import selection_of
from antiphon.protocol.messages import Json
from antiphon.transcripts.document import Finding, Stored


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(capsys)


def messages(path: Path) -> list[Any]:
    return json.loads(path.read_text())["messages"]


def test_fix_makes_the_safe_repairs_and_says_what_the_others_need(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    before = path.read_bytes()
    ended = check(path, "--fix")
    assert ended.code == 1
    assert ended.lines[0] == (
        f"{path}:messages[1]: TU002 fixed: put the results first, and what stood before them behind them"
    )
    assert ended.lines[1].startswith(f"{path}:messages[3]: TU001 ")
    assert ended.lines[2:] == ["Found 2 problems (1 fixed, 1 remaining); 1 of them needs --lossy-fixes."]
    assert ended.err.splitlines() == [
        f"{path}: messages[2] is the first message that changes; a prompt cache holds up to there",
        f"{path}: as it was: {path}.antiphon-backup",
    ]
    assert messages(path)[2]["content"] == [result("a"), text("wait")]
    assert messages(path)[3:] == BOTH["messages"][3:]
    assert Path(f"{path}.antiphon-backup").read_bytes() == before


def test_lossy_fixes_repair_the_rest_and_nothing_is_left_to_do(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    ended = check(path, "--fix", "--lossy-fixes")
    assert (ended.code, ended.lines[-1]) == (0, "Found 2 problems (2 fixed, 0 remaining).")
    assert check(path).code == 0
    repaired = path.read_bytes()
    assert check(path, "--fix", "--lossy-fixes").lines == ["No problems found in 1 file."]
    assert path.read_bytes() == repaired
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.json", "a.json.antiphon-backup"]


def test_a_valid_file_is_not_touched_in_any_way(check: Checker, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f"\n {json.dumps(VALID, indent=7)}\n\n")
    before = path.read_bytes(), path.stat()
    assert check(path, "--fix", "--lossy-fixes").code == 0
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before[0], before[1].st_mtime_ns)
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_reported_is_not_repaired(check: Checker, tmp_path: Path) -> None:
    # Whether text may stand behind a call is not known; `repair` would move it, were it asked about everything.
    doubtful = [user("hi"), assistant(call("x"), text("behind")), user(result("x"))]
    path = written(tmp_path / "a.json", request(*doubtful))
    assert check(path, "--fix", "--lossy-fixes").code == 0
    path = written(tmp_path / "b.json", request(*doubtful, assistant(call("y")), user(text("wait"), result("y"))))
    assert check(path, "--fix").code == 0
    assert messages(path)[1]["content"] == doubtful[1]["content"]


def test_only_what_is_selected_is_repaired(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BOTH)
    ended = check(path, "--fix", "--lossy-fixes", "--select", "TU001")
    assert (ended.code, ended.rules) == (0, ["TU001"])
    assert messages(path)[2] == BOTH["messages"][2]
    path = written(tmp_path / "b.json", BOTH)
    check(path, "--fix", "--lossy-fixes", "--ignore", "missing-tool-result")
    assert [found["content"] for found in messages(path)][3:] == [[call("c")], "never mind"]
    assert check(path).rules == ["TU001"]


def test_what_a_selected_repair_brings_with_it_is_repaired_too(check: Checker, tmp_path: Path) -> None:
    # When the result has gone up to its call, its message is empty, which another rule forbids.
    late = request(
        user("hi"), assistant(call("a")), user("and?"), assistant("hm"), user(result("a")), assistant("so"), user("?")
    )
    path = written(tmp_path / "a.json", late)
    ended = check(path, "--fix", "--lossy-fixes", "--select", "TU005")
    assert ended.code == 0
    assert check(path).code == 0


def test_only_the_lines_that_are_reported_change(check: Checker, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    odd = '{"messages" : [{"role":"user","content":"\\u0068i"}], "x": 1.0e2, "big": 12345678901234567890123}'
    lines = [odd, json.dumps(TEXT_FIRST), odd]
    path.write_text("\n".join(lines) + "\n")
    check(path, "--fix")
    after = path.read_text().split("\n")
    assert (after[0], after[2:]) == (odd, [odd, ""])
    assert after[1] != lines[1]


def test_exit_non_zero_on_fix_tells_a_hook_that_something_changed(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", TEXT_FIRST)
    assert check(path, "--fix", "--exit-non-zero-on-fix").code == 1
    assert check(path, "--fix", "--exit-non-zero-on-fix").code == 0


def test_a_diff_shows_what_would_change_and_writes_nothing(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", TEXT_FIRST, indent=2)
    before = path.read_bytes()
    ended = check(path, "--diff")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "Found 1 problem (1 would be fixed, 0 remaining)."
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])
    written(tmp_path / "b.json", UNANSWERED)
    ended = check(tmp_path / "b.json", "--diff")
    assert (ended.code, ended.out) == (1, "")
    assert "1 of them needs --lossy-fixes" in ended.err


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("padding", [0, 1, 300])
def test_a_diff_is_one_that_patch_applies(check: Checker, tmp_path: Path, end: str, padding: int) -> None:
    before = [message for n in range(padding) for message in (user(f"{n}"), assistant("yes"))]
    damaged = request(*before, *BOTH["messages"], assistant("well"), *before, *BOTH["messages"])
    path = tmp_path / "a.json"
    path.write_text(json.dumps(damaged, indent=1) + end)
    (tmp_path / "new.diff").write_text(check(path, "--diff").out)
    patch = ["patch", "--quiet", "--fuzz=0", str(path), str(tmp_path / "new.diff")]
    copied = tmp_path / "copy.json"
    copied.write_bytes(path.read_bytes())
    check(copied, "--fix")
    subprocess.run(patch, check=True, timeout=60)
    assert path.read_bytes() == copied.read_bytes()


def test_a_diff_of_one_long_line_shows_the_messages_that_change(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", {**BOTH, "system": "x" * 5000})
    ended = check(path, "--diff", "--lossy-fixes")
    assert ended.lines[:2] == [f"--- a{path} messages[2]", f"+++ b{path} messages[2]"]
    assert [line for line in ended.lines if line.startswith("---")][1:] == [f"--- a{path} messages[4]"]
    assert "x" * 5000 not in ended.out


def test_a_repair_tells_which_signed_thinking_goes() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    hidden = {"type": "redacted_thinking", "data": "secret"}
    old = request(user("hi"), assistant(thought, text("a")), user("so"), assistant(hidden, text("b")))
    assert lost_thinking(old, copy.deepcopy(old)) == []
    new = request(user("hi"), assistant(text("a")), user("so"), assistant(hidden, text("b")))
    assert lost_thinking(old, new) == [(1, 0)]
    assert lost_thinking(new, request(user("hi"))) == [(3, 0)]


THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmF0dXJl"}
THINKING = request(*TEXT_FIRST["messages"], assistant(THOUGHT, text("ok")), user("so?"))
BINDING, FREE = "claude-opus-5-5", "claude-opus-4-5"


def test_a_safe_repair_that_would_cost_bound_thinking_is_not_made(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", THINKING | {"model": BINDING, "max_tokens": 9})
    ended = check(path, "--fix")
    assert (ended.code, ended.rules) == (1, ["TU002"])
    assert "not repaired, as that costs signed thinking (messages[3].content[0]); see --lossy-fixes" in ended.err
    assert messages(path) == THINKING["messages"]
    ended = check(path, "--fix", "--lossy-fixes")
    assert ended.code == 0
    assert "signed thinking that goes, as it would be refused: messages[3].content[0]" in ended.err
    assert messages(path)[3]["content"] == [text("ok")]


def test_a_model_that_does_not_bind_its_thinking_keeps_it(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", THINKING | {"model": FREE, "max_tokens": 9})
    ended = check(path, "--fix")
    assert ended.code == 0
    assert "thinking" not in ended.err
    assert messages(path)[3] == THINKING["messages"][3]


def test_the_model_that_goes_on_with_a_conversation_can_be_named(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", THINKING)
    assert "newer models refuse then; --model says which one goes on" in check(path, "--diff").err
    assert "not repaired" in check(path, "--diff", "--model", BINDING).err
    ended = check(path, "--fix", "--lossy-fixes", "--model", BINDING)
    assert ended.code == 0
    assert json.loads(path.read_text()).keys() == THINKING.keys()
    assert messages(path)[3]["content"] == [text("ok")]


def test_a_session_that_ends_with_the_assistants_words_is_not_taken_for_a_prefill(
    check: Checker, tmp_path: Path
) -> None:
    messages_only = [user("hi"), assistant(call("a")), user(text("wait"), result("a")), assistant("done")]
    path = written(tmp_path / "a.json", messages_only)
    assert check(path, "--model", BINDING).rules == ["TU002"]
    assert check(path, "--model", BINDING, "--fix").code == 0
    assert json.loads(path.read_text())[3:] == messages_only[3:]
    # Where the request itself names its model, it is what will be sent.
    path = written(tmp_path / "b.json", {"model": BINDING, "max_tokens": 9, "messages": messages_only})
    assert check(path).rules == ["TU002", "MS010"]


def test_an_interrupted_session_is_answered_at_its_end(check: Checker, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", [user("hi"), assistant(call("a"), call("b"))])
    assert check(path, "--model", BINDING).rules == ["TU001"]
    assert check(path, "--model", BINDING, "--fix", "--lossy-fixes").code == 0
    (_, _, end) = json.loads(path.read_text())
    assert [block["tool_use_id"] for block in end["content"]] == ["a", "b"]


class InMemory:
    """A document with one conversation."""

    def __init__(self, request: Json, *, finished: bool) -> None:
        self.conversations = [Stored(request, finished=finished)]
        self.findings: list[Finding] = []

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        return json.dumps(list(repaired)).encode()


FINISHED = request(
    user("do it"), assistant(call("a")), user(result("a")), assistant(text("done"), call("b"), call("c"))
)


def test_a_task_that_ended_on_purpose_lacks_no_results_at_its_end() -> None:
    judge = Judge(selection_of(None, None))
    assert [problem.rule.id for problem in judge.problems(InMemory(FINISHED, finished=False))] == ["TU001"]
    finished = InMemory(FINISHED, finished=True)
    assert judge.problems(finished) == []
    assert judge.mended(finished, lossy=True).requests[0] is FINISHED


def test_a_finished_task_is_repaired_everywhere_but_at_its_end() -> None:
    judge = Judge(selection_of(None, None))
    damaged = request(
        user("do it"), assistant(call("x")), user(text("wait"), result("x")), assistant(text("done"), call("not an id"))
    )
    document = InMemory(damaged, finished=True)
    assert [problem.rule.id for problem in judge.problems(document)] == ["TU017", "TU002"]
    mended = judge.mended(document, lossy=True)
    first, second, third, last = mended.requests[0]["messages"]
    assert (first, second) == (damaged["messages"][0], damaged["messages"][1])
    assert third["content"] == [result("x"), text("wait")]
    assert [block["type"] for block in last["content"]] == ["text", "tool_use"]
    assert judge.problems(InMemory(mended.requests[0], finished=True)) == []


def test_conversations_of_one_file_are_repaired_each_for_itself(check: Checker, tmp_path: Path) -> None:
    path = written_lines(tmp_path / "a.jsonl", [TEXT_FIRST, VALID, UNANSWERED])
    ended = check(path, "--fix")
    assert [line.split(" ")[1:3] for line in ended.lines[:2]] == [["TU002", "fixed:"], ["TU001", "`tool_use`"]]
    assert json.loads(path.read_text().splitlines()[2]) == UNANSWERED
