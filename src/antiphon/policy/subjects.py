"""What a call is about, as far as permissions can tell: files, a command, an address.

A tool says so of each call (`Tool.subject`); patterns of rules are compared with it. Pure data.
"""

from dataclasses import dataclass
from pathlib import Path

from antiphon.shell.script import Script


@dataclass(frozen=True, slots=True)
class FileSubject:
    """One file or directory, by its resolved path, and whether the call may change it."""

    path: Path
    writes: bool


@dataclass(frozen=True, slots=True)
class CommandSubject:
    """A shell command.

    Attributes:
        command: as the model wrote it.
        script: what it consists of; None where it was not understood.
        cwd: the resolved directory it starts in.
        reads: it is known to only read, and only in the workspace.
        sandbox: the name of the sandbox it will run in; empty for none.
        leaves_sandbox: there is a sandbox, and it is to run outside.
    """

    command: str
    script: Script | None
    cwd: Path
    reads: bool = False
    sandbox: str = ""
    leaves_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class WebSubject:
    """A page of the web: its address, and the host in lower case."""

    url: str
    host: str


Subject = FileSubject | CommandSubject | WebSubject
