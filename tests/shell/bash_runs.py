"""Runs command lines in bash where no program is found, and tells what it looked for and what it wrote."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# bash calls this with the name of each program that it does not find. What goes round for ever is ended.
_HANDLER = r"""() { printf '%s\0' "$1" >> "$LOOKED_FOR"
IFS= read -r -N 900 many < "$LOOKED_FOR" && kill -9 $$
[ "$1" != c ]
}"""
_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/nonexistent",
    "BASH_FUNC_command_not_found_handle%%": _HANDLER,
    "FUNCNEST": "4",
    "LC_ALL": "C.UTF-8",
    "v": "one two",
    "w": "a[$(evil)]",
    "u": "$(evil)",
}
_LONGEST = 5.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did: names of programs that were looked for, and of files that are there afterwards."""

    programs: frozenset[str]
    files: frozenset[str]


def is_valid(text: str) -> bool:
    """Tell whether bash takes a text for a command line."""
    command = ["bash", "-n", "-c", text]
    return subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False).returncode == 0


def run(text: str, directory: Path) -> Ran:
    """Run a command line in an empty directory made for it."""
    place, log = directory / "place", directory / "log"
    place.mkdir(parents=True)
    log.touch()
    process = subprocess.Popen(
        ["/bin/bash", "-c", text],
        cwd=place,
        env={**_ENVIRONMENT, "LOOKED_FOR": str(log)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with suppress(subprocess.TimeoutExpired):  # what it had looked for until then counts
            process.wait(_LONGEST)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    looked_for = log.read_bytes().decode(errors="replace").split("\0")[:-1]
    return Ran(frozenset(looked_for), frozenset(path.name for path in place.iterdir()))
