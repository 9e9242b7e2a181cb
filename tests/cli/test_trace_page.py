"""docs/trace.md says what the command does."""

import argparse
import json
import re

from antiphon.cli import trace as command
from antiphon.cli.tracing.as_json import described
from antiphon.cli.tracing.choosing import choose
from antiphon.sessions.tracing.replaying import trace
from antiphon.sessions.tracing.values import MarkKind, PhaseKind
from traced_page import PAGE, PICTURE, parts
from traced_sessions import killed, shop


def test_the_page_and_its_picture_are_what_the_command_draws() -> None:
    page, picture = parts()
    assert PAGE.read_text("utf-8") == page, "run: python tests/traced_page.py"
    assert PICTURE.read_text("utf-8") == picture, "run: python tests/traced_page.py"


def test_the_page_has_every_flag() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    flags = [flag for action in parser._actions for flag in action.option_strings if flag not in ("-h", "--help")]
    page = PAGE.read_text("utf-8")
    assert [flag for flag in flags if f"`{flag}" not in page] == []


def test_the_page_has_every_key_of_the_json() -> None:
    page = PAGE.read_text("utf-8")
    sessions = [trace(story.entries) for story in (shop(), killed())]
    keys: set[str] = set()
    for session in sessions:
        written = json.dumps(described(session, choose(session)))
        keys |= set(re.findall(r'"(\w+)": ', written))
    of_usage_and_arguments = {
        "input",
        "output",
        "cache_read",
        "cache_written",
        "path",
        "pattern",
        "command",
        "old",
        "new",
    }
    assert [key for key in sorted(keys - of_usage_and_arguments) if f"`{key}`" not in page] == []
    kinds = [*MarkKind.__args__, *PhaseKind.__args__]
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []
