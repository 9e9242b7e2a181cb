"""The examples of the documents run. docs/README.md says how they are marked."""

import argparse
import ast
import importlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import dev
from antiphon.cli.arguments import COMMANDS, build_parser, module_of
from antiphon.emulator import Emulator, parse_script
from documents import PAGES, name_of


@dataclass(frozen=True)
class Example:
    """A fenced block of a page.

    Attributes:
        page: the page's name.
        line: the line of its fence.
        info: what the fence says: `python`, `python test`, `console`, ...
        text: what it holds.
        script: the emulator script in the comment above it, or an empty text.
        prints: the text block that follows it directly, or None.
    """

    page: str
    line: int
    info: str
    text: str
    script: str
    prints: str | None

    def __str__(self) -> str:
        """Name it, for pytest."""
        return f"{self.page}:{self.line}"


FENCE = re.compile(
    r"(?:^<!--\s*the model answers:\n(?P<script>.*?)-->\n+)?"
    r"^```(?P<info>[a-z][^\n]*)\n(?P<text>.*?)^```$"
    r"(?=(?:\n+^```text\n(?P<prints>.*?)^```$)?)",
    re.MULTILINE | re.DOTALL,
)


def examples_of(page: Path) -> Iterator[Example]:
    """Yield the fenced blocks of a page."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("info")) + 1
        yield Example(name_of(page), line, found["info"], found["text"], found["script"] or "", found["prints"])


def run(arguments: list[str], place: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run Python for somebody who has an empty home and these variables."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env={"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONWARNINGS": "error", **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def program(example: Example, place: Path) -> None:
    """A program runs, is never refused by the API, and prints what the page says."""
    (place / "example.py").write_text(example.text)
    with Emulator(example.script or None) as emulator:
        ran = run(["example.py"], place, ANTHROPIC_API_KEY="any", ANTHROPIC_BASE_URL=emulator.url)
        assert [record.text for record in emulator.refused] == []
    assert (ran.returncode, ran.stderr) == (0, "")
    if example.prints is not None:
        assert ran.stdout == example.prints


def suite(example: Example, place: Path) -> None:
    """The tests of an example pass, in a directory where nothing else is."""
    (place / "test_example.py").write_text(example.text)
    ran = run(["-m", "pytest", "-q", "-p", "no:cacheprovider"], place)
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^\d+ passed in", ran.stdout, re.MULTILINE), ran.stdout


def commands(example: Example, _place: Path) -> None:
    """The commands are understood by the programs they are for."""
    for line in example.text.splitlines():
        assert line.startswith("$ "), f"{line!r} is no command"
        for command in line.removeprefix("$ ").split(" | "):
            match shlex.split(command, comments=True):
                case ["python3", "dev.py", *arguments]:
                    dev.command_line().parse_known_args(arguments)
                case ["python3", "-m", module, *_]:
                    assert importlib.util.find_spec(module) is not None, f"there is no module {module}"
                case ["antiphon", *arguments]:
                    understood_by_antiphon(arguments)
                case ["curl" | "export" | "git" | "pip", *_]:
                    pass
                case words:
                    pytest.fail(f"{words[:1]} is no command that this test knows")


def understood_by_antiphon(arguments: list[str]) -> None:
    """Let the command line's own parsers read some arguments."""
    parser = build_parser()
    if arguments and arguments[0] in COMMANDS:
        parser = argparse.ArgumentParser(allow_abbrev=False)
        importlib.import_module(module_of(arguments.pop(0))).add_arguments(parser)
    # For help the parser would leave, as it does when it does not understand.
    parser.parse_args([argument for argument in arguments if argument != "--help"])


def fragment(example: Example, _place: Path) -> None:
    """A fragment is Python."""
    compile(example.text, str(example), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def nothing(_example: Example, _place: Path) -> None:
    """A text is for people."""


KINDS: dict[str, Callable[[Example, Path], object]] = {
    "python": program,
    "python test": suite,
    "python fragment": fragment,
    "console": commands,
    "json": lambda example, _place: json.loads(example.text),
    "toml": lambda example, _place: tomllib.loads(example.text),
    "yaml script": lambda example, _place: parse_script(example.text),
    "text": nothing,
}
EXAMPLES = [example for page in PAGES for example in examples_of(page)]


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.info != "text"], ids=str)
def test_an_example_keeps_its_word(example: Example, tmp_path: Path) -> None:
    assert example.info in KINDS, f"```{example.info} is not a kind of example that can be checked"
    KINDS[example.info](example, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_closed_and_says_what_it_is(page: Path) -> None:
    fences = re.findall(r"^ *```", page.read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(list(examples_of(page)))
