"""What a confined command finds in its environment: no secrets, and no addresses of ways out."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from antiphon.redaction.names import looks_secret

_STARTS_PROGRAMS = re.compile(r"BASH_ENV|ENV|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|BASH_FUNC_.*|LD_PRELOAD|LD_AUDIT")
"""Has a shell run something, or load something into every program, before the command that was asked for and judged."""

_WAYS_OUT = re.compile(
    r"SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|DBUS_.*|DOCKER_HOST|CONTAINER_HOST|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY"
    r"|XDG_RUNTIME_DIR|TMUX|STY|VSCODE_IPC_.*|VSCODE_GIT_.*|GIT_ASKPASS|SSH_ASKPASS|KUBECONFIG|WSL_INTEROP"
)
"""Leads to a program outside that does things for whoever asks."""


# Each command asks again about the same variables.
_secret = lru_cache(maxsize=1000)(looks_secret)


def without_preludes(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would run before the command; for every command, confined or not."""
    return {name: value for name, value in environment.items() if not _STARTS_PROGRAMS.fullmatch(name)}


def confined_environment(environment: Mapping[str, str], kept: Collection[str] = ()) -> dict[str, str]:
    """Return the environment of a confined command.

    Args:
        environment: what it would have without a sandbox.
        kept: names of variables that it gets although they look like secrets.
    """
    return {
        name: value
        for name, value in without_preludes(environment).items()
        if name in kept or not (_WAYS_OUT.fullmatch(name) or _secret(name, value))
    }
