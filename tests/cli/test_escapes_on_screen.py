"""Whatever a model, a tool, a file or a name says: the terminal shows it, and obeys nothing of it.

The screen is that of pyte, which knows the sequences of real terminals, and the whole of the program runs on a terminal
of its own.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import OnTerminal
from project import Antiphon

from antiphon.cli.safe_text import one_line, safe
from antiphon.emulator import Emulator, ToolUse, reply

pytestmark = pytest.mark.usefixtures("nothing_refused")

WIDTH, HEIGHT = 100, 40
ATTACKS = {
    "title": "\x1b]0;stolen title\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;c3RvbGVu\x07",
    "clear": "\x1b[2J\x1b[H",
    "up": "\x1b[5A\x1b[2Kgone",
    "alternate": "\x1b[?1049h",
    "mouse": "\x1b[?1000h\x1b[?1006h",
    "report": "\x1b[6n\x1b[c\x1b]10;?\x07",
    "invisible": "\x1b[8mnot to be seen\x1b[0m",
    "device": "\x1bP$q q\x1b\\\x1b_app\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\",
    "reset": "\x1bc\x1b[!p",
    "charset": "\x1b(0lqqk\x0e",
    "eight bits": "\u009b2J\u009d0;stolen title\u009c\u0090q\u009c",
    "begun": "\x1b]0;never ends",
    "over": "fine\rbad \x08\x08\x08ok",
    "bidi": "a\u202eevil\u2066b\u2069\u200f",
    "zero": "rm\u200b -r\u2060f\ufeff x\u00ad",
    "tags": "ok\U000e0041\U000e0042",
}
EVERYTHING = " ".join(ATTACKS.values())
# What our own screens use: styles (but for invisible text), cursor up, erasing below, a shown cursor, updates at once.
OURS = re.compile(r"\x1b\[(?:(?!8m)[0-9;]*m|\d*A|0?J|K|\?25[hl]|\?2026[hl]|\?2004[hl])")
INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")
NASTY = st.text(
    st.one_of(
        st.sampled_from("\x1b\x9b\x9d\x90\x9c\x07\r\n\t\x08\x0e\x7f\u202e\u200b[]P;?0123456789mhHJKAcq\\\u00e9\u6f22"),
        st.characters(),
    ),
    max_size=200,
)


class Reports(pyte.Screen):
    """A screen that remembers what a program had the terminal do beside showing text."""

    def __init__(self) -> None:
        super().__init__(WIDTH, HEIGHT)
        self.obeyed: list[str] = []

    def set_title(self, param: str) -> None:
        self.obeyed.append(f"title {param}")

    def set_icon_name(self, param: str) -> None:
        self.obeyed.append(f"icon {param}")

    def write_process_input(self, data: str) -> None:
        self.obeyed.append(f"answer {data!r}")

    def bell(self, *args: Any) -> None:
        self.obeyed.append("bell")

    def define_charset(self, code: str, mode: str) -> None:
        self.obeyed.append(f"charset {mode}{code}")

    def shift_out(self) -> None:
        self.obeyed.append("charset")


def screen_of(text: str) -> Reports:
    screen = Reports()
    pyte.Stream(screen).feed(text.replace("\r\n", "\n").replace("\n", "\r\n"))
    return screen


def obeyed_in(output: str) -> list[str]:
    """Return every control character and sequence in what was printed that is none of our own."""
    rest = OURS.sub("", output)
    return [repr(found) for found in re.findall("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f].{0,20}", rest)] + [
        f"U+{ord(found):04X}" for found in INVISIBLE.findall(rest)
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_terminal_of_this_test_would_obey_or_hide_something(attack: str) -> None:
    assert obeyed_in(ATTACKS[attack].replace("\r", "\x0c")) != []


@given(NASTY)
def test_a_line_changes_no_other_line_and_nothing_beside_the_screen(text: str) -> None:
    before, after = "the line above", "the line below"
    screen = screen_of(f"{before}\n{one_line(text, 60)}\n{after}\n")
    assert [screen.display[row].rstrip() for row in (0, 2, 3)] == [before, after, ""]
    assert screen.obeyed == []
    assert screen.mode == Reports().mode
    assert (screen.cursor.y, screen.cursor.x, screen.cursor.hidden) == (3, 0, False)


@given(NASTY)
def test_a_text_of_several_lines_stays_in_its_place(text: str) -> None:
    before = "the line above"
    screen = screen_of(f"{before}\n{safe(text)}"[: WIDTH * 5])
    if screen.cursor.y < HEIGHT - 1:
        assert screen.display[0].rstrip() == before
    assert screen.obeyed == []
    assert screen.mode == Reports().mode


@given(NASTY)
def test_safe_text_is_as_it_is_when_it_is_made_safe_again(text: str) -> None:
    assert safe(safe(text)) == safe(text)


class Hostile:
    """A project full of names and output that attack the terminal, and a model that does too."""

    def __init__(self, emulator: Emulator, home: Path) -> None:
        self.antiphon = Antiphon(emulator, home)
        project = self.antiphon.project
        for place in range(0, len(EVERYTHING), 60):
            name = EVERYTHING[place : place + 60].replace("/", "_")
            (project / f"n{name}").write_text("needle\n")
        (project / "output.txt").write_text(f"{EVERYTHING}\nneedle {EVERYTHING}\n")
        (project / "old.txt").write_text("old\n")
        self.script = [
            reply(
                f"I look. {EVERYTHING}",
                ToolUse("list_files", {"path": "."}),
                ToolUse("search_files", {"pattern": "needle"}),
                ToolUse("read_file", {"path": f"missing{EVERYTHING}"}),
                ToolUse("read_file", {"path": "output.txt"}),
                ToolUse("run_command", {"command": f"cat output.txt # {EVERYTHING}"}),
                ToolUse("edit_file", {"path": "old.txt", "old_text": "old", "new_text": EVERYTHING}),
                ToolUse(re.sub(r"[^\w-]", "_", f"tool{EVERYTHING}")[:60], {EVERYTHING: EVERYTHING}),
            ),
            f"Done. {EVERYTHING}\n\n```\n{EVERYTHING}\n```",
        ]

    def on_terminal(self, *arguments: str, script: Any = ()) -> str:
        """Run on a terminal to the end and return all that was printed."""
        with self.antiphon.on_terminal(*arguments, script=script) as program:
            program.ends()
            return program.output.decode()


@pytest.fixture
def hostile(emulator: Emulator, tmp_path: Path) -> Hostile:
    return Hostile(emulator, tmp_path)


def test_nothing_of_a_run_or_a_session_is_obeyed_by_a_terminal(hostile: Hostile) -> None:
    printed = {"run": hostile.on_terminal("-y", "-p", f"go {EVERYTHING}", script=hostile.script)}
    assert "Done." in printed["run"]
    printed["rename"] = hostile.on_terminal("sessions", "rename", "go", f"named {EVERYTHING}")
    printed["list"] = hostile.on_terminal("sessions", "--all")
    for action in (("show",), ("show", "--full"), ("search", "needle"), ("search", "look"), ("export",)):
        printed[" ".join(action)] = hostile.on_terminal("sessions", *action)
    printed["json"] = hostile.on_terminal("sessions", "show", "--json")
    printed["trace"] = hostile.on_terminal("trace", "--all")
    printed["missing"] = hostile.on_terminal("trace", f"missing {EVERYTHING}")
    assert {name: obeyed_in(text.replace("\r\n", "\n")) for name, text in printed.items()} == {
        name: [] for name in printed
    }
    assert {name: screen_of(text).obeyed for name, text in printed.items()} == {name: [] for name in printed}
    assert "<U+202E>evil" in printed["show --full"]


def test_what_the_model_gets_of_a_command_is_its_text_without_what_a_terminal_would_obey(hostile: Hostile) -> None:
    assert hostile.antiphon.run("-y", "-p", "go", script=hostile.script).returncode == 0
    results = hostile.antiphon.emulator.requests[-1]["messages"][2]["content"]
    assert [result["type"] for result in results[:7]] == ["tool_result"] * 7
    text = results[4]["content"]
    assert isinstance(text, str)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert "evil" in text


class Page(HTMLParser):
    """What a page could do."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "iframe", "object", "embed", "base", "form", "link"}:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or re.match(r"\s*(?:javascript|https?):", value or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={value}")


def test_pages_that_are_exported_run_and_load_nothing_and_hide_nothing(hostile: Hostile) -> None:
    markup = '"><script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a><base href=//x>'
    script = [
        reply(f"{markup} {EVERYTHING}", ToolUse("read_file", {"path": markup, EVERYTHING: markup})),
        f"```html\n{markup}\n```\n`{markup}` {EVERYTHING}",
    ]
    assert hostile.antiphon.run("-y", "-p", f"{markup} {EVERYTHING}", script=script).returncode == 0
    for command in (("sessions", "export", "-f", "html"), ("trace", "--html", "-"), ("trace", "--svg", "-")):
        ended = hostile.antiphon.run(*command, script=[])
        assert ended.returncode == 0
        page = Page()
        page.feed(ended.stdout)
        assert [found for found in page.found if "www.w3.org" not in found] == []
        assert obeyed_in(ended.stdout) == []


def test_hidden_characters_of_a_command_are_seen_by_who_is_asked(hostile: Hostile) -> None:
    script = [reply("", ToolUse("run_command", {"command": "echo a\u202eb\u200bc\u2066d > out.txt"})), "Done."]
    antiphon = hostile.antiphon
    antiphon.emulator.play(script)
    with OnTerminal(environment=antiphon.environment, cwd=antiphon.project) as program:
        program.sees("> ")
        program.types("go")
        text = program.sees(r"<U\+2066>d")
        assert "a<U+202E>b<U+200B>c<U+2066>d" in text
        assert obeyed_in(program.output.decode().replace("\r", "")) == []


def test_a_directory_with_a_hostile_name_is_shown_safely(emulator: Emulator, tmp_path: Path) -> None:
    home = tmp_path / EVERYTHING.replace("/", "_")[:100]
    home.mkdir()
    antiphon = Antiphon(emulator, home)
    environment = {"HOME": os.fspath(tmp_path), "ANTIPHON_DATA_DIR": os.fspath(tmp_path / "data")}
    assert antiphon.run("-y", "-p", "go", script=["Done."], **environment).returncode == 0
    antiphon.environment |= environment
    for command in (("sessions", "--all"), ("sessions", "show"), ("trace",)):
        with antiphon.on_terminal(*command, script=[]) as program:
            assert program.ends() == 0
            assert obeyed_in(program.output.decode().replace("\r\n", "\n")) == []
