import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from antiphon.sessions.listing.pruning import Wish, doomed, leftovers, size_of
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.places import workspace_directory

NOW = 1_700_000_000.0
OLD = NOW - 10 * 86400


def session(name: str, *, updated: float = NOW, workspace: str = "/w", prompts: int = 1, **more: object) -> Summary:
    return Summary(name, workspace, updated=updated, prompts=prompts, **more)  # pyright: ignore[reportArgumentType]  (the fields of a summary)


SESSIONS = [
    session("a", updated=100),
    session("b", updated=90, workspace="/x"),
    session("c", updated=80, prompts=0),
    session("d", updated=70),
    session("e", updated=60),
    session("f", updated=50, workspace="/x"),
    session("g", updated=40, live=True),
    session("h", updated=30, damaged="torn"),
    session("i", updated=20, prompts=0, live=True),
]


@pytest.mark.parametrize(
    ("wish", "going"),
    [
        (Wish(), ""),
        (Wish(before=75), "def"),
        (Wish(keep=1), "def"),
        (Wish(keep=2), "e"),
        (Wish(keep=0), "abdef"),
        (Wish(before=65, keep=1), "ef"),
        (Wish(empty=True), "c"),
        (Wish(before=65, empty=True), "cef"),
    ],
)
def test_old_sessions_go_but_none_that_is_open_or_damaged(wish: Wish, going: str) -> None:
    assert "".join(summary.id for summary in doomed(SESSIONS, wish)) == going


def keep(path: Path, *, at: float = OLD, text: str = "x" * 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def left(data: Path, staying: Sequence[Summary], said: str = "") -> list[Path]:
    return leftovers(data, staying, lambda _: [said], now=NOW)


def test_what_is_kept_for_a_workspace_without_sessions_is_left_over(tmp_path: Path) -> None:
    gone, here = workspace_directory(tmp_path, "/gone"), workspace_directory(tmp_path, "/w")
    keep(gone / "results" / "a.txt")
    keep(gone / "checkpoints" / "x")
    keep(here / "checkpoints" / "x")
    assert left(tmp_path, [session("a")]) == [gone]
    assert left(tmp_path, [session("a", prompts=0), session("b", workspace="/gone")], "a.txt") == []
    assert left(tmp_path / "nothing", []) == []


def test_a_workspace_is_known_by_the_path_it_really_has(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    keep(workspace_directory(tmp_path, tmp_path / "real") / "results" / "a.txt")
    assert left(tmp_path, [session("a", workspace=str(tmp_path / "link"))], "a.txt") == []


def test_results_that_no_record_names_are_left_over(tmp_path: Path) -> None:
    results = workspace_directory(tmp_path, "/w") / "results"
    keep(results / "toolu_1.txt")
    unnamed = keep(results / "toolu_2.txt")
    keep(results / "toolu_3.txt", at=NOW - 60)
    said = f"[... the whole is in {results}/toolu_1.txt, read it ...]"
    assert left(tmp_path, [session("a")], said) == [unnamed]
    assert left(tmp_path, [session("a", live=True)], said) == []
    assert left(tmp_path, [session("a", damaged="torn")], said) == []


def test_nothing_is_left_over_while_a_session_does_not_say_whose_it_is(tmp_path: Path) -> None:
    keep(workspace_directory(tmp_path, "/gone") / "results" / "a.txt")
    assert left(tmp_path, [session("a", workspace="", damaged="torn")]) == []
    assert left(tmp_path, [session("a", workspace="", prompts=0, live=True)]) == []
    assert len(left(tmp_path, [session("a", workspace="", prompts=0)])) == 1, "it was killed before it said anything"


def test_what_others_put_there_is_left_alone(tmp_path: Path) -> None:
    keep(tmp_path / "workspaces" / "mine" / "a.txt")
    keep(tmp_path / "workspaces" / "note-0123456789ab")
    (tmp_path / "workspaces" / "link-0123456789ab").symlink_to(tmp_path)
    assert left(tmp_path, []) == []


def test_sizes_count_what_is_there(tmp_path: Path) -> None:
    keep(tmp_path / "a" / "b" / "c.txt")
    keep(tmp_path / "a" / "d.txt")
    assert (size_of(tmp_path / "a"), size_of(tmp_path / "a" / "d.txt"), size_of(tmp_path / "none")) == (20, 10, 0)
