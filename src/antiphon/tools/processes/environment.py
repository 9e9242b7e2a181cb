"""What a command finds in its environment: what we were started with, without our keys and without prompts.

Nor what would have the shell run something else first. `policy/sandbox/environment.py` takes more out in a sandbox.
"""

import re
from collections.abc import Collection, Mapping

from antiphon.policy.sandbox.environment import without_preludes

_OUR_SECRETS = re.compile(
    r"ANTHROPIC_\w*(?:KEY|TOKEN|SECRET|HEADERS|PASSWORD)\w*|AWS_BEARER_TOKEN_BEDROCK|CLAUDE_CODE_OAUTH_TOKEN"
)
"""Credentials for model APIs, which no command needs. Others (for GitHub, for a cloud) are what commands work with."""

_PLAIN_OUTPUT = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    # Nobody is there to answer.
    "GIT_TERMINAL_PROMPT": "0",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
    # Or live output would come in blocks of some kilobytes.
    "PYTHONUNBUFFERED": "1",
}


def command_environment(environment: Mapping[str, str], hidden: Collection[str] = ()) -> dict[str, str]:
    """Return the environment of a command.

    Args:
        environment: ours.
        hidden: names of further variables that no command may see.
    """
    kept = {
        name: value
        for name, value in without_preludes(environment).items()
        if not _OUR_SECRETS.fullmatch(name) and name not in hidden
    }
    # These ask for colours even where NO_COLOR forbids them.
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        kept.pop(name, None)
    return {**kept, **_PLAIN_OUTPUT}
