"""Trust in what a project's settings want: the question at the start, and `antiphon permissions trust | distrust`.

What a project says may be hostile, so it is shown as it is, each wish on one line, and nothing is trusted by default.
"""

import argparse
import os
import sys
import termios
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from antiphon.cli.safe_text import one_line
from antiphon.errors import SettingsError
from antiphon.settings import Loaded, Settings, load_all
from antiphon.settings.project import DIRECTORY, FILES, project_directory
from antiphon.settings.trust import TrustStore


def settled(loaded: Loaded, *, trust: bool, interactive: bool) -> Settings:
    """Return the settings that count, after a person has been asked for trust where one is there.

    Warnings go to standard error.

    Args:
        loaded: the settings of all sources.
        trust: the person has said beforehand that they trust the project's settings as they are.
        interactive: a person can be asked.
    """
    if loaded.untrusted and (trust or (interactive and _agreed(loaded))):
        loaded = loaded.trusting()
    for warning in loaded.warnings:
        _warn(warning)
    if not interactive:
        for waiting in loaded.untrusted:
            _warn(
                f"{waiting.path} is not trusted, so it counts only where it denies or asks. "
                "--trust trusts it as it is now; antiphon permissions trust shows what it wants"
            )
    return loaded.settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `trust` and `distrust`."""
    parser.add_argument(
        "directory", nargs="?", default=".", metavar="DIR", help="the project (default: that of this directory)"
    )


def run_trust(arguments: argparse.Namespace) -> int:
    """Show what the settings of a project want, and trust that; on a terminal after a yes. Returns the exit code.

    Raises:
        SettingsError: the settings cannot be used, or the trust cannot be kept.
    """
    loaded = load_all({}, os.environ, _directory(arguments))
    for warning in loaded.warnings:
        _warn(warning)
    if not loaded.untrusted:
        _say("Nothing here waits for trust.")
        return 0
    if sys.stdin.isatty():
        trusted = _agreed(loaded)
    else:
        _say(*_wishes(loaded))
        trusted = True
    if trusted:
        loaded.store.trust(file for file in loaded.files if file.on_trust)
    _say("This is trusted now, until it changes." if trusted else "This is not trusted.")
    return 0 if trusted else 1


def run_distrust(arguments: argparse.Namespace) -> int:
    """Forget that a project was trusted.

    Raises:
        SettingsError: it cannot be forgotten.
    """
    home = Path(os.environ.get("HOME", "~")).expanduser()
    root = project_directory(_directory(arguments), home)
    paths = [] if root is None else [root / DIRECTORY / name for name in FILES.values()]
    forgotten = TrustStore.of(os.environ).distrust(paths)
    for path in forgotten:
        _say(f"{one_line(str(path))} is not trusted any more.")
    if not forgotten:
        _say("Nothing here was trusted.")
    return 0


def _wishes(loaded: Loaded) -> Iterator[str]:
    """Yield what a project wants, line by line and safe to print."""
    for waiting in loaded.untrusted:
        path = one_line(str(waiting.path))
        if waiting.before is None:
            yield f"{path} wants to"
            yield from _listed(waiting.wants, "-")
            continue
        yield f"{path} has changed since you trusted it. It wants to"
        yield from _listed([want for want in waiting.wants if want not in waiting.new], "-")
        yield from _listed(waiting.new, "+")
        if waiting.gone:
            yield "and not any more to"
            yield from _listed(waiting.gone, "-")


def _listed(wants: Iterable[str], mark: str) -> Iterator[str]:
    """Yield one line for each; all of them, since what is not shown would be trusted unseen."""
    # A line feed ends a command: it must not look like a space between two words of one.
    shown = (want.replace("\n", "\\n") for want in wants)
    return (f"  {mark} {one_line(each)}" for each in shown)


def _agreed(loaded: Loaded) -> bool:
    """Show what a project wants, and tell whether the person trusts it; only a plain yes is one."""
    _say("This project brings settings that count only if you trust them.")
    _say(*_wishes(loaded))
    # What was typed before the question was there is no answer to it.
    with suppress(termios.error):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    sys.stdout.write("Trust this? [y]es until it changes, [n]o go on without (default: no) ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _directory(arguments: argparse.Namespace) -> Path:
    directory = Path(arguments.directory)
    if not directory.is_dir():
        raise SettingsError(f"{directory} is not a directory.")
    return directory.resolve()


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _warn(sentence: str) -> None:
    sys.stderr.write(f"antiphon: {one_line(sentence)}.\n")
