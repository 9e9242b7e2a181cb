"""No result is longer than allowed, and none holds what the API refuses."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.engine.events import Result
from antiphon.protocol.encoding import encode
from antiphon.tools.base import Limits, Workspace
from antiphon.tools.bounding import bound, finish, keep, safe

LIMITS = Limits(result_chars=1000)
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}


def lines(number: int) -> str:
    return "".join(f"line {n}\n" for n in range(1, number + 1))


def test_a_result_that_fits_is_returned_as_it_is(workspace: Workspace) -> None:
    for result in (Result("short"), Result(""), Result("x" * 1000), Result(({"type": "text", "text": "a"}, IMAGE))):
        assert finish(result, LIMITS, workspace, "call_1") is result
    assert workspace.spill is not None
    assert not workspace.spill.exists()


def test_of_a_long_text_head_and_tail_stay_and_the_whole_can_be_read(workspace: Workspace) -> None:
    text = lines(500)
    shown = bound(text, LIMITS, workspace, "call_1")
    assert workspace.spill is not None
    kept = workspace.spill / "call_1.txt"
    head, notice, tail = shown.split("\n\n")
    assert len(shown) <= 1000
    assert head.startswith("line 1\nline 2\n")
    assert head.rsplit("\n", 1)[1] in text.splitlines()
    assert tail.endswith("line 499\nline 500\n")
    assert tail.split("\n", 1)[0] in text.splitlines()
    assert "4,392 characters in all" in notice
    assert str(kept) in notice
    assert kept.read_text() == text


def test_the_kept_file_is_private_and_never_overwrites_another(workspace: Workspace) -> None:
    assert workspace.spill is not None
    first = keep(workspace.spill, "one", "call_1")
    second = keep(workspace.spill, "two", "call_1")
    strange = keep(workspace.spill, "three", "../../etc/passwd")
    assert [path.name for path in (first, second, strange)] == ["call_1.txt", "call_1-2.txt", "______etc_passwd.txt"]
    assert [path.read_text() for path in (first, second, strange)] == ["one", "two", "three"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (first, second, strange)} == {0o600}
    assert stat.S_IMODE(workspace.spill.stat().st_mode) == 0o700


def test_a_link_that_waits_under_the_name_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.spill is not None
    workspace.spill.mkdir()
    (tmp_path / "victim").write_text("theirs")
    (workspace.spill / "call_1.txt").symlink_to(tmp_path / "victim")
    assert keep(workspace.spill, "ours", "call_1").name == "call_1-2.txt"
    assert (tmp_path / "victim").read_text() == "theirs"


def test_where_the_whole_cannot_be_kept_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = Workspace(tmp_path)
    unusable = Workspace(tmp_path, spill=tmp_path / "file/spill")
    assert "the whole was not kept" in bound("x" * 2000, LIMITS, nowhere)
    assert "the whole was not kept" in bound("x" * 2000, LIMITS)
    assert "could not be kept: Not a directory" in bound("x" * 2000, LIMITS, unusable)


def test_a_limit_without_room_for_words_still_holds() -> None:
    assert bound("x" * 2000, Limits(result_chars=10)) == "x" * 10


@given(st.text(alphabet="ab\n\0\ud800é", max_size=60), st.integers(1, 40), st.integers(1, 2000))
def test_a_bounded_text_is_never_too_long_and_always_encodable(unit: str, times: int, limit: int) -> None:
    text = unit * times
    shown = bound(text, Limits(result_chars=limit))
    assert len(shown) <= limit or shown == text
    assert "\0" not in shown
    shown.encode()
    assert bound(shown, Limits(result_chars=max(limit, len(shown)))) is shown


def test_bytes_that_are_no_text_and_nul_characters_are_replaced() -> None:
    assert safe("a\0b\udc80\ud800c") == "a\u2400b\ufffd\ufffdc"
    assert finish(Result("a\0b"), LIMITS) == Result("a\u2400b")
    blocks = Result(({"type": "text", "text": "\ud800"}, IMAGE), is_error=False)
    assert finish(blocks, LIMITS) == Result(({"type": "text", "text": "\ufffd"}, IMAGE))
    encode(finish(blocks, LIMITS).content)


def test_blocks_are_bounded_together_and_images_stay(workspace: Workspace) -> None:
    text = lines(100)
    result = Result(({"type": "text", "text": text}, IMAGE, {"type": "text", "text": text}))
    (block, image) = finish(result, LIMITS, workspace, "call_1").content
    assert isinstance(block, dict)
    assert len(block["text"]) <= 1000
    assert image is IMAGE
    assert workspace.spill is not None
    assert (workspace.spill / "call_1.txt").read_text() == f"{text}\n{text}"


@pytest.mark.parametrize(
    ("result", "finished"),
    [
        (Result("", is_error=True), Result("The call failed and did not say why.", is_error=True)),
        (Result(" \n", is_error=True), Result("The call failed and did not say why.", is_error=True)),
        (Result(({"type": "text", "text": " "},)), Result("")),
        (Result((), is_error=True), Result("The call failed and did not say why.", is_error=True)),
        (Result(({"type": "text", "text": ""}, IMAGE)), Result((IMAGE,))),
        (Result(({"type": "text"}, IMAGE)), Result((IMAGE,))),
        (Result(({"text": "no type"},)), Result(({"text": "no type"},))),
        (
            Result(({"type": "text", "text": "broken"}, IMAGE), is_error=True),
            Result(
                (
                    {"type": "text", "text": "broken"},
                    {"type": "text", "text": "[image left out: a failed call answers in text]"},
                ),
                is_error=True,
            ),
        ),
    ],
)
def test_what_the_api_refuses_is_mended(result: Result, finished: Result) -> None:
    assert finish(result, LIMITS) == finished
