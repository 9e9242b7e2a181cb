"""`antiphon` without a command: works out what is wanted, and starts a session or answers one prompt."""

import argparse
import os
import select
import sys
from importlib import import_module

from antiphon.cli.invocation import Invocation, invocation_of, setting_flags
from antiphon.cli.models import own_models
from antiphon.cli.trusting import settled
from antiphon.errors import SettingsError
from antiphon.policy.sandbox.self_protection import protect_ourselves
from antiphon.providers.models import using
from antiphon.settings import load_all

SECONDS_FOR_STDIN = 3.0
"""How long standard input may stay silent when there is a prompt already: it may be open for ever and never speak."""


def run(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> int:
    """Run the agent as these arguments want it, and return the exit code."""
    # Commands that run without a sandbox are of the same user, and our environment holds keys.
    protect_ourselves()
    invocation = invocation_of(parser, parsed, terminal=sys.stdin.isatty() and sys.stdout.isatty())
    if parsed.cd is not None:
        try:
            os.chdir(parsed.cd)
        except OSError as problem:
            raise SettingsError(f"--cd {parsed.cd} cannot be entered: {problem.strerror}.") from problem
    loaded = load_all(setting_flags(parser, parsed), os.environ)
    settings = settled(loaded, trust=invocation.trust, interactive=not invocation.headless)
    with using(own_models(os.environ)):
        if not invocation.headless:
            return import_module("antiphon.cli.interactive").run(settings, invocation)
        prompt = _with_stdin(parser, invocation)
        return import_module("antiphon.cli.headless").run(settings, invocation, prompt)


def _with_stdin(parser: argparse.ArgumentParser, invocation: Invocation) -> str:
    """Return the prompt with what stands on standard input; `-` stands for that alone.

    A session that goes on needs none: then the model goes on where it was interrupted.
    """
    prompt = invocation.prompt
    from_stdin = prompt == "-" or (not prompt and not sys.stdin.isatty())
    piped = "" if sys.stdin.isatty() and not from_stdin else _read_stdin(wait=from_stdin)
    whole = piped if from_stdin else "\n\n".join(part for part in (prompt, piped) if part.strip())
    if not whole.strip() and invocation.which.kind == "new":
        parser.error("there is no prompt: give one as an argument or on standard input")
    return whole


def _read_stdin(*, wait: bool) -> str:
    if wait and sys.stdin.isatty():
        # `antiphon -p -` on a terminal: the person types, and ends with Ctrl-D.
        return sys.stdin.read()
    if not wait and not select.select([sys.stdin], [], [], SECONDS_FOR_STDIN)[0]:
        sys.stderr.write(
            "antiphon: nothing came on standard input; going on without it (< /dev/null avoids the wait)\n"
        )
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace")
