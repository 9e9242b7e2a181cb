"""What a person can type at the prompt instead of a prompt: `/help`, `/model`, `/resume` and so on."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from antiphon.cli.changing_permissions import change_permissions
from antiphon.cli.figures import context_lines, usage_text
from antiphon.cli.going_back import go_back
from antiphon.cli.invocation import Which
from antiphon.cli.opening import SHORT_ID, begin_session, open_session
from antiphon.cli.safe_text import one_line
from antiphon.errors import SessionError, SettingsError
from antiphon.sessions.listing.summary import Summary

if TYPE_CHECKING:
    from antiphon.cli.interactive import Talk

_COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*))?$", re.DOTALL)
COMMANDS: Mapping[str, str] = {
    "/help": "this list",
    "/permissions [...]": "what may run without a question; `mode NAME` and `allow RULE` change it",
    "/model [NAME]": "show the model, or go on with another one",
    "/continue": "let the model go on where it was interrupted",
    "/clear": "leave this session and begin a new one",
    "/resume [ID]": "leave this session and go on with another one",
    "/fork": "go on in a copy of this session, which stays as it is",
    "/rewind [N]": "go back to before prompt N: files, conversation or both",
    "/name [TEXT]": "show the name of the session, or give it one",
    "/context": "how full the context is, and of what",
    "/compact [TEXT]": "sum the conversation up to make room; TEXT says what to keep in mind",
    "/cost": "what has been used so far",
    "/exit": "leave (also Ctrl-D)",
}
"""What each command does, as `/help` says it."""
_ALSO = """\
A line that ends in \\ goes on in the next one; so does everything between triple quotes.
Ctrl-C stops the turn and keeps what is done; twice leaves."""


class Leave(Exception):
    """The person wants to leave."""


class SlashCommands:
    """The commands, carried out in a person's talk with the agent."""

    def __init__(self, talk: "Talk") -> None:
        """Carry out commands there."""
        self._talk = talk
        self._commands: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "permissions": self._permissions,
            "model": self._model,
            "continue": self._continue,
            "clear": self._clear,
            "resume": self._resume,
            "fork": self._fork,
            "rewind": self._rewind,
            "name": self._name,
            "context": self._context,
            "compact": self._compact,
            "cost": self._cost,
            "exit": self._exit,
            "quit": self._exit,
        }

    def carry_out(self, line: str) -> bool:
        """Carry out a command; False for a line that is none and so is a prompt.

        Raises:
            Leave: the person wants to.
        """
        match = _COMMAND.match(line)
        if match is None:
            return False
        command = self._commands.get(match[1])
        if command is None:
            self._talk.say(f"There is no command /{match[1]}; /help lists them.", "bad")
            return True
        try:
            command((match[2] or "").strip())
        except (SessionError, SettingsError) as problem:
            self._talk.say(one_line(str(problem)), "bad")
        return True

    def _help(self, _argument: str) -> None:
        width = max(len(name) for name in COMMANDS)
        for name, text in COMMANDS.items():
            self._talk.say(f"{name:<{width}}  {text}", "")
        for line in _ALSO.splitlines():
            self._talk.say(line, "")

    def _permissions(self, argument: str) -> None:
        change_permissions(self._talk, argument)

    def _model(self, name: str) -> None:
        if name:
            self._talk.agent.use_model(name)
        self._talk.say(f"The model is {one_line(self._talk.agent.model)}.")

    def _continue(self, _argument: str) -> None:
        if self._talk.agent.waits_for_reply:
            self._talk.run(None)
        else:
            self._talk.say("The model has answered; there is nothing to go on with. Say something.")

    def _clear(self, _argument: str) -> None:
        talk = self._talk
        talk.enter(begin_session(talk.sessions, talk.workbench.workspace.root), model=talk.agent.model)
        talk.say("A new session.")

    def _resume(self, text: str) -> None:
        talk = self._talk
        root, current = talk.workbench.workspace.root, talk.agent.session_id
        if not text:

            def choose(found: Sequence[Summary]) -> Summary | None:
                return talk.choose([summary for summary in found if summary.id != current])

            talk.enter(open_session(Which("choose"), talk.sessions, root, choose))
        elif talk.sessions.find(text, root).id == current:
            talk.say("That is the session you are in.")
        else:
            talk.enter(open_session(Which("named", text), talk.sessions, root))

    def _fork(self, _argument: str) -> None:
        talk = self._talk
        if talk.agent.session is None:
            talk.say("This session is not recorded, so there is nothing to copy.", "bad")
            return
        talk.enter(
            open_session(Which("named", talk.agent.session.id, fork=True), talk.sessions, talk.workbench.workspace.root)
        )

    def _rewind(self, argument: str) -> None:
        go_back(self._talk, argument)

    def _name(self, name: str) -> None:
        session = self._talk.agent.session
        if session is None:
            self._talk.say("This session is not recorded, so it cannot have a name.", "bad")
        elif name:
            session.rename(name)
            self._talk.say(f"The session is named {one_line(name)}.")
        else:
            title = self._talk.sessions.state(session.id).title
            self._talk.say(f"Session {session.id[:SHORT_ID]}: {one_line(title)}")

    def _context(self, _argument: str) -> None:
        for line in context_lines(self._talk.agent.context, self._talk.workbench.settings.compact_at):
            self._talk.say(line, "")

    def _compact(self, instructions: str) -> None:
        self._talk.compact(instructions)

    def _cost(self, _argument: str) -> None:
        self._talk.say(f"{usage_text(self._talk.used)}.")

    def _exit(self, _argument: str) -> None:
        raise Leave
