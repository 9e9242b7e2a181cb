"""What stored conversations say of themselves, and what the files beside them do."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from claude_trees import as_bytes, line, text
from stored_samples import FIXTURES

from antiphon.transcripts.about import About, about, workspaces_at_a_glance
from antiphon.transcripts.detecting import read

HISTORY = "api_conversation_history.json"
TASK = [
    {"role": "user", "content": [{"type": "text", "text": "<task>\nFix it\n</task>"}], "ts": 1756720001500},
    {"role": "assistant", "content": [{"type": "text", "text": "Done."}], "ts": 1756720003000},
]


def known(path: Path) -> list[About]:
    return about(path, read(path, path.read_bytes()))


def stored_task(storage: Path, name: str = "t1", messages: Any = TASK, **beside: Any) -> Path:
    """Store a task, with files beside it; `__` in a name stands for a dot."""
    task = storage / "tasks" / name
    task.mkdir(parents=True)
    for file, value in beside.items():
        (task / file.replace("__", ".")).write_text(value if isinstance(value, str) else json.dumps(value))
    path = task / HISTORY
    path.write_text(json.dumps(messages))
    return path


def test_a_task_of_roo_is_described_beside_it(tmp_path: Path) -> None:
    item = {"id": "t1", "task": "<task>\nFix  it\nall\n</task>", "workspace": "/home/ada/engine"}
    path = stored_task(tmp_path, history_item__json=item)
    assert known(path) == [About("Fix it all", "/home/ada/engine", [1756720001.5, 1756720003.0])]
    assert workspaces_at_a_glance(path) == ["/home/ada/engine"]


def test_the_index_of_all_tasks_is_asked_where_a_task_has_no_description(tmp_path: Path) -> None:
    path = stored_task(tmp_path)
    entries = [{"id": "t0", "workspace": "/other"}, {"id": "t1", "task": "Fix", "workspace": "/home/ada"}]
    (tmp_path / "tasks/_index.json").write_text(json.dumps({"version": 1, "entries": entries}))
    assert [(facts.title, facts.workspace) for facts in known(path)] == [("Fix", "/home/ada")]


def test_the_history_of_cline_is_asked(tmp_path: Path) -> None:
    path = stored_task(tmp_path, "1756720000000")
    (tmp_path / "state").mkdir()
    entries = [{"id": "1756720000000", "task": "Fix it", "cwdOnTaskInitialization": "/home/ada/engine"}]
    (tmp_path / "state/taskHistory.json").write_text(json.dumps(entries))
    assert [(facts.title, facts.workspace) for facts in known(path)] == [("Fix it", "/home/ada/engine")]


def test_a_session_of_cline_is_described_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "s1.messages.json"
    path.write_text(json.dumps({"version": 1, "messages": TASK}))
    beside = {"session_id": "s1", "cwd": "/home/ada/engine", "metadata": {"title": "Fixing"}}
    (tmp_path / "s1.json").write_text(json.dumps(beside))
    assert [(facts.title, facts.workspace) for facts in known(path)] == [("Fixing", "/home/ada/engine")]


def test_what_was_shown_and_the_notes_of_the_moment_are_the_last_resort(tmp_path: Path) -> None:
    details = (
        "<environment_details>\n# Current Workspace Directory (/home/ada/engine) Files\na.py\n</environment_details>"
    )
    messages = [{"role": "user", "content": [*TASK[0]["content"], {"type": "text", "text": details}]}, TASK[1]]  # type: ignore[misc]  # JSON
    path = stored_task(tmp_path, messages=messages, ui_messages__json=[{"ts": 1, "type": "say", "text": "Fix it"}])
    (facts,) = known(path)
    assert (facts.title, facts.workspace, facts.times) == ("Fix it", "/home/ada/engine", [None, 1756720003.0])
    assert workspaces_at_a_glance(path) == ["/home/ada/engine"]


@pytest.mark.parametrize("beside", ["", "no JSON", "[]", "7", '{"workspace": 7, "task": []}', "[" * 100_000])
def test_files_beside_a_task_that_are_not_what_they_should_be_are_passed_over(tmp_path: Path, beside: str) -> None:
    path = stored_task(tmp_path, history_item__json=beside, ui_messages__json=beside, task_metadata__json=beside)
    (tmp_path / "tasks/_index.json").write_text(beside)
    assert [(facts.title, facts.workspace) for facts in known(path)] == [("", "")]
    assert workspaces_at_a_glance(path) == [""]


@pytest.mark.parametrize("time", [None, "then", 1, -1, 1e300, 10**400, True, []])
def test_a_time_that_cannot_be_one_is_none(tmp_path: Path, time: Any) -> None:
    path = stored_task(tmp_path, messages=[{**TASK[0], "ts": time}])
    assert [facts.times for facts in known(path)] == [[None]]


def test_a_session_of_claude_code_is_called_what_the_user_called_it() -> None:
    lines = [
        {"type": "summary", "summary": "Of another session", "leafUuid": "elsewhere"},
        {"type": "summary", "summary": "Greeting", "leafUuid": "b"},
        line("a", None, "user", "hi", cwd="/home/ada/engine") | {"timestamp": "2026-09-01T10:00:01.500Z"},
        line("b", "a", "assistant", text("hello"), id="m1", cwd="/home/ada/engine/src"),
    ]
    titles = [
        {"type": "ai-title", "aiTitle": "A greeting", "sessionId": "s"},
        {"type": "custom-title", "customTitle": "old", "sessionId": "s"},
        {"type": "custom-title", "customTitle": "hello", "sessionId": "s"},
    ]
    for extra, title in [([], "Greeting"), (titles[:1], "A greeting"), (titles, "hello")]:
        path = Path("s.jsonl")
        document = read(path, as_bytes([*lines, *extra]))
        assert about(path, document) == [About(title, "/home/ada/engine", [1788256801.5, None])]


def test_side_chains_are_of_subagents() -> None:
    found = known(FIXTURES / "claude-code-subagent.jsonl")
    assert [facts.subagent for facts in found] == [False, True]


def test_a_rollout_of_codex_has_a_time_for_each_item() -> None:
    path = FIXTURES / "codex/rollout-2026-09-01T11-00-00-0199-bb.jsonl"
    document = read(path, path.read_bytes())
    (facts,) = about(path, document)
    assert facts.workspace == "/home/ada/engine"
    assert len(facts.times) == len(document.conversations[0].request["input"])
    assert None not in facts.times
    assert workspaces_at_a_glance(path) == ["/home/ada/engine"]


def test_sessions_of_opencode_have_titles_and_parents(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    path.write_bytes((FIXTURES / "opencode.db").read_bytes())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE session SET parent_id = 'ses_01good' WHERE id = 'ses_02broken'")
    found = known(path)
    assert [facts.title for facts in found] == ["Compare", "Stopped", "Long"]
    assert [facts.subagent for facts in found] == [False, True, False]
    assert {facts.workspace for facts in found} == {"/home/ada/engine"}
    assert {time for facts in found for time in facts.times} == {1756720000.0}
    assert workspaces_at_a_glance(path) == ["/home/ada/engine"] * 2


def test_a_damaged_database_counts_as_one_conversation_at_a_glance(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    path.write_bytes((FIXTURES / "opencode.db").read_bytes()[:5000])
    assert workspaces_at_a_glance(path) == [""]
