import re
import signal
from pathlib import Path

import pytest
from programs import OnTerminal, run_antiphon, surroundings

from antiphon.agent.events import CallChanged
from antiphon.cli.demo_order import CompletionOrder
from antiphon.engine.events import ToolCall
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json
from antiphon.providers.anthropic import AnthropicProvider


def test_the_demo_shows_the_three_orders_and_that_nothing_was_refused(tmp_path: Path) -> None:
    ended = run_antiphon("demo", environment=surroundings(tmp_path), cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    orders = re.findall(r"asked ([\d ]+)   finished ([\d ]+)   sent ([\d ]+)", ended.stdout)
    assert orders == [("1 2 3", "2 3 1", "1 2 3"), ("1 2", "2 1", "1 2")]
    assert "The API, strict about the order of results: 4 requests, 0 refused." in ended.stdout


def test_the_demo_is_plain_when_it_is_piped(tmp_path: Path) -> None:
    ended = run_antiphon("demo", "--fast", environment=surroundings(tmp_path), cwd=tmp_path)
    assert ended.returncode == 0
    assert "\x1b" not in ended.stdout
    assert re.search(r"took \d\.\d\d s   one after another \d\.\d\d s   ideal \d\.\d\d s", ended.stdout)


def test_in_completion_order_the_api_refuses_and_the_demo_says_why(tmp_path: Path) -> None:
    ended = run_antiphon("demo", "--completion-order", "--fast", environment=surroundings(tmp_path), cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    asked, finished, sent = re.findall(r"asked ([\d ]+)   finished ([\d ]+)   sent ([\d ]+)", ended.stdout)[0]
    assert asked == "1 2 3"
    assert finished == sent != asked
    text = " ".join(ended.stdout.split())
    assert "The API answered HTTP 400: Expected toolResult blocks at messages.2.content for the following Ids: " in text
    assert "Antiphon keeps a place for each result" in text


def test_the_demo_needs_no_key_no_home_and_no_proxy(tmp_path: Path) -> None:
    environment = surroundings(tmp_path / "nowhere", HTTP_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    ended = run_antiphon("demo", "--fast", environment=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "0 refused" in ended.stdout


def test_the_demo_obeys_no_address_or_key_of_the_environment(tmp_path: Path) -> None:
    environment = surroundings(tmp_path, ANTHROPIC_BASE_URL="http://127.0.0.1:9", ANTHROPIC_API_KEY="secret")
    ended = run_antiphon("demo", "--fast", environment=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "secret" not in ended.stdout


def test_on_a_terminal_rows_change_in_place_and_the_cursor_comes_back(tmp_path: Path) -> None:
    with OnTerminal("demo", "--fast", environment=surroundings(tmp_path), cwd=tmp_path) as program:
        assert program.ends() == 0
        assert "0 refused" in program.text
        assert program.output.count(b"\x1b[?25l") == program.output.count(b"\x1b[?25h") > 0
        assert b"\x1b[32m" in program.output


@pytest.mark.parametrize(("variables", "marks"), [({"NO_COLOR": "1"}, "✓"), ({"TERM": "dumb"}, "+")])
def test_a_terminal_may_want_less(tmp_path: Path, variables: dict[str, str], marks: str) -> None:
    with OnTerminal("demo", "--fast", environment=surroundings(tmp_path, **variables), cwd=tmp_path) as program:
        assert program.ends() == 0
        assert b"\x1b[32m" not in program.output
        assert f"{marks} #2 done" in program.text
        if variables.get("TERM") == "dumb":
            assert b"\x1b" not in program.output
            assert program.output.isascii()


@pytest.mark.parametrize("width", [40, 150])
def test_the_demo_fits_on_the_terminal(tmp_path: Path, width: int) -> None:
    environment = surroundings(tmp_path, TERM="dumb")
    with OnTerminal("demo", "--fast", environment=environment, cwd=tmp_path, width=width) as program:
        assert program.ends() == 0
        pictures = [line for line in program.text.splitlines() if re.search(r"^  (asked|took|\d \w+ +[.#-]+)", line)]
        assert len(pictures) == 9
        assert max(len(line) for line in pictures) < width


def test_ctrl_c_ends_the_demo_and_gives_the_cursor_back(tmp_path: Path) -> None:
    with OnTerminal("demo", environment=surroundings(tmp_path), cwd=tmp_path) as program:
        program.sees("#1 running")
        program.presses("\x03")
        assert program.ends() == 130
        assert b"Traceback" not in program.output
        assert program.output.endswith(b"\x1b[?25h\x1b[?2026l")


def test_the_demo_can_be_terminated(tmp_path: Path) -> None:
    with OnTerminal("demo", environment=surroundings(tmp_path), cwd=tmp_path) as program:
        program.sees("#1 running")
        program.process.send_signal(signal.SIGTERM)
        assert program.ends() == 143
        assert program.output.endswith(b"\x1b[?25h\x1b[?2026l")


@pytest.mark.parametrize(
    ("flags", "said"),
    [(("--live",), "--live needs ANTHROPIC_API_KEY"), (("--live", "--completion-order"), "--live needs")],
)
def test_the_live_demo_needs_a_key(tmp_path: Path, flags: tuple[str, ...], said: str) -> None:
    ended = run_antiphon("demo", *flags, environment=surroundings(tmp_path), cwd=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_the_broken_request_is_never_sent_to_the_real_api(tmp_path: Path) -> None:
    environment = surroundings(tmp_path, ANTHROPIC_API_KEY="secret", ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    ended = run_antiphon("demo", "--live", "--completion-order", environment=environment, cwd=tmp_path)
    assert ended.returncode == 2
    assert "does not send one to the real API" in ended.stderr


def results(*ids: str) -> list[Json]:
    return [{"type": "tool_result", "tool_use_id": id_, "content": id_} for id_ in ids]


def test_the_bug_changes_the_order_of_results_and_nothing_else() -> None:
    broken = CompletionOrder(AnthropicProvider(api_key="any"))
    for id_ in ("b", "c"):
        broken.receive(CallChanged(0, ToolCall(id_, "t", {}), "done", 0.0))
    text = {"type": "text", "text": "note"}
    message = broken._reordered({"role": "user", "content": [*results("a", "b", "c"), text]})
    assert message == {"role": "user", "content": [*results("b", "c", "a"), text]}
    assert broken.sent == ("b", "c", "a")
    prompt: Json = {"role": "user", "content": "hello"}
    assert broken._reordered(prompt) is prompt
    assert Request({}, [prompt]).json() == {"messages": [prompt]}
