"""`antiphon rewind`: back to before a prompt, files or conversation or both.

Knows flags, and what people are told and asked. What is kept of files is the business of `checkpoints`, what is kept
of conversations that of `sessions`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from typing import Any

import anyio

from antiphon.checkpoints import Change, Checkpoints, Restored
from antiphon.cli.ages import age
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.layout import fitted
from antiphon.cli.safe_text import one_line, safe
from antiphon.cli.screen import Piece
from antiphon.cli.session_commands.place import Place, confirmed, counted, named
from antiphon.errors import SettingsError
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.places import data_directory, workspace_directory
from antiphon.sessions.replay import Prompt, checkpoint_before

_SHOWN = 20
"""How many changed files are listed before the question."""
_ID = 10
"""Characters shown of a checkpoint's id."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", type=int, metavar="N", help="go back to before prompt N; without it, prompts are listed")
    where.add_argument(
        "--checkpoint", metavar="ID", help="give files the state of this checkpoint, as to undo a rewind"
    )
    where.add_argument("--list", action="store_true", help="only list the prompts")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--files", action="store_true", help="the files, not the conversation")
    what.add_argument("--conversation", action="store_true", help="the conversation, not the files")
    what.add_argument("--both", action="store_true", help="files and conversation (the default)")
    parser.add_argument("--diff", action="store_true", help="show what has changed in files since; change nothing")
    parser.add_argument(
        "-s", "--session", metavar="ID", help="id, name or part of the title; without it, the latest of this directory"
    )
    parser.add_argument("-C", "--cd", metavar="DIR", help="the directory whose session is meant")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked for and return the exit code.

    Raises:
        SettingsError: a flag cannot be used, or there is nobody to ask.
        SessionError: there is no such session, or it cannot be read or copied.
        CheckpointError: files cannot be kept or brought back.
    """
    arguments.all = arguments.with_secrets = False
    place = Place.of(arguments)
    summary = place.find(arguments.session)
    prompts = place.sessions.state(summary.id).prompts
    rewind = Rewind(place, summary, prompts, as_json=arguments.json)
    if arguments.checkpoint is not None:
        if arguments.conversation or arguments.both:
            raise SettingsError("a checkpoint is of files only; --to N goes back to a prompt.")
        return rewind.go(_Target(arguments.checkpoint), diff=arguments.diff, yes=arguments.yes)
    number = arguments.to
    if number is None:
        rewind.show_list()
        asks = not (arguments.list or arguments.json or arguments.yes) and sys.stdin.isatty() and sys.stderr.isatty()
        number = _asked() if asks and prompts else None
        if number is None:
            if arguments.diff or arguments.yes:
                raise SettingsError("say where to: --to N.")
            return ExitCode.OK
    target = rewind.before(number, files=not arguments.conversation, conversation=not arguments.files)
    return rewind.go(target, diff=arguments.diff, yes=arguments.yes)


def _asked() -> int | None:
    sys.stderr.write("Back to before which prompt? A number; nothing to stay. ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if not answer:
        return None
    if not answer.isdecimal():
        raise SettingsError(f"{one_line(answer)} is no number of a prompt.")
    return int(answer)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to go back to.

    Attributes:
        checkpoint: the files; empty when they are to stay, or nothing has changed them since.
        prompt: the conversation is to end before it; None when it is to stay.
        asked: the prompt that the user named, if any.
    """

    checkpoint: str
    prompt: Prompt | None = None
    asked: Prompt | None = None


@dataclass(slots=True)
class Rewind:
    """Going back in one session."""

    place: Place
    summary: Summary
    prompts: Sequence[Prompt]
    as_json: bool
    told: dict[str, Any] = field(default_factory=dict[str, Any])

    def show_list(self) -> None:
        """Print the prompts, and the checkpoint that each led to."""
        if self.as_json:
            self.told["session"] = self.summary.id
            self.told["prompts"] = [
                {"number": one.number, "at": one.at, "text": one.text, "checkpoint": one.checkpoint or None}
                for one in self.prompts
            ]
            self._print_json()
            return
        for row in self._rows():
            pieces = fitted(row, self.place.width) if self.place.width else row
            self._say(self.place.terminal.styled(pieces))
        if not self.prompts:
            self._say(f"Nothing was said in session {named(self.summary)} yet.")
        cut = self._unfinished()
        if cut:
            self._say(cut)

    def _rows(self) -> Iterator[list[Piece]]:
        for one in self.prompts:
            yield [
                (f"{one.number:>3}  ", "active"),
                (f"{age(one.at, self.place.now):>11}  ", "quiet"),
                (f"{one.checkpoint[:_ID] or '-':<{_ID}}  ", "quiet"),
                (one_line(one.text), ""),
            ]

    def _unfinished(self) -> str:
        """Return what to say of a rewind whose process died, if there was one."""
        if not Path(self.summary.workspace).is_dir():
            return ""
        cut = self._checkpoints().unfinished()
        if cut is None:
            return ""
        return (
            "Going back was cut short: some files are as they were then, others are not. To go on with it: "
            f"antiphon rewind --checkpoint {cut.to[:_ID]}; to undo it: antiphon rewind --checkpoint {cut.before[:_ID]}"
        )

    def before(self, number: int, *, files: bool, conversation: bool) -> _Target:
        """Return where one has to go back to for things to be as before a prompt.

        Raises:
            SettingsError: there is no such prompt.
        """
        if not 1 <= number <= len(self.prompts):
            there = f"it has {counted(len(self.prompts), 'prompt')}" if self.prompts else "nothing was said in it yet"
            raise SettingsError(f"session {named(self.summary)} has no prompt {number}; {there}.")
        asked = self.prompts[number - 1]
        kept = checkpoint_before(self.prompts, number)
        return _Target(kept if files else "", asked if conversation else None, asked)

    def go(self, target: _Target, *, diff: bool, yes: bool) -> int:
        """Show what has changed, ask, go back, and tell; return the exit code."""
        self.told["session"] = self.summary.id
        if target.asked is not None:
            self.told["prompt"] = target.asked.number
        if diff:
            return self._show_diff(target)
        restored = None
        if target.checkpoint:
            checkpoints = self._checkpoints()
            changes = anyio.run(checkpoints.changes, target.checkpoint)
            if changes:
                if not yes and not self.as_json:
                    self._show_changes(changes)
                if not confirmed(self._question(target, len(changes)), yes=yes):
                    self._say("Nothing was changed.")
                    return ExitCode.OK
                restored = anyio.run(checkpoints.restore, target.checkpoint)
        self._tell_files(target, restored)
        if target.prompt is not None:
            self._branch(target.prompt)
        if self.as_json:
            self._print_json()
        return ExitCode.ERROR if restored is not None and restored.kept else ExitCode.OK

    def _question(self, target: _Target, changed: int) -> str:
        there = f"before prompt {target.asked.number}" if target.asked else f"checkpoint {target.checkpoint[:_ID]}"
        live = " The session is open in another Antiphon, which will not know." if self.summary.live else ""
        return f"Go back to {there}, and change {counted(changed, 'file')}?{live}"

    def _show_diff(self, target: _Target) -> int:
        text = anyio.run(self._checkpoints().diff, target.checkpoint) if target.checkpoint else ""
        if self.as_json:
            self.told["diff"] = text
            self._print_json()
        else:
            self.place.terminal.write(safe(text) if text else "No file has changed since.\n")
        return ExitCode.OK

    def _show_changes(self, changes: Sequence[Change]) -> None:
        for change in changes[:_SHOWN]:
            lines = "" if change.added is None else f"  +{change.added} -{change.removed}"
            self._say(f"  {change.kind:<8}  {one_line(change.path)}{lines}")
        if len(changes) > _SHOWN:
            self._say(f"  and {counted(len(changes) - _SHOWN, 'more file')}; --diff shows all")

    def _tell_files(self, target: _Target, restored: Restored | None) -> None:
        if restored is None:
            if target.checkpoint or (target.asked is not None and target.prompt is None):
                self._say("The files are as they were then.")
            return
        self.told["files"] = {
            "checkpoint": restored.to.id,
            "before": restored.before.id,
            "written": restored.written,
            "deleted": restored.deleted,
            "kept": [{"path": one.path, "reason": one.reason} for one in restored.kept],
        }
        created = f", {len(restored.deleted):,} deleted that did not exist then" if restored.deleted else ""
        self._say(f"{counted(len(restored.written), 'file')} brought back{created}.")
        for one in restored.kept:
            self._say(f"Left as it is: {one_line(one.path)}: {one_line(one.reason)}.")
        self._say(f"To undo it: antiphon rewind --checkpoint {restored.before.id[:_ID]}")

    def _branch(self, prompt: Prompt) -> None:
        """Let the conversation go on in a copy that ends before a prompt; the session stays as it is."""
        if prompt.number == 1:
            self.told["conversation"] = None
            self._say("Nothing was said before that prompt: antiphon begins a new session.")
            return
        with self.place.sessions.fork(self.summary.id, before=prompt.entry) as session:
            self.told["conversation"] = session.id
            self._say(f"The conversation up to there: antiphon --resume {session.id}")
            self._say(f"What was said then: {one_line(prompt.text, 200)}")

    def _checkpoints(self) -> Checkpoints:
        root = Path(self.summary.workspace).resolve()
        return Checkpoints(root, workspace_directory(data_directory(environ), root) / "checkpoints")

    def _say(self, line: str) -> None:
        if not self.as_json:
            self.place.terminal.write(line.rstrip() + "\n")

    def _print_json(self) -> None:
        self.place.terminal.write(json.dumps(self.told, indent=2) + "\n")
