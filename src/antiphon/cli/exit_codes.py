"""What the process's exit code says."""

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `antiphon`. Those above 100 are the ones shells and `timeout` use."""

    OK = 0
    ERROR = 1
    USAGE = 2
    MAX_TURNS = 53
    MAX_BUDGET = 54
    MAX_CALLS = 55
    REPETITION = 56
    TIMEOUT = 124
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "The model was done.",
    ExitCode.ERROR: "The run stopped early: an error of the API or network, a refusal, a hook, a full context window.",
    ExitCode.USAGE: "A flag, a setting or a file of settings cannot be used; nothing was sent.",
    ExitCode.MAX_TURNS: "The run reached `--max-turns`.",
    ExitCode.MAX_BUDGET: "The run reached `--max-budget-usd`.",
    ExitCode.MAX_CALLS: "The run reached `--max-tool-calls`.",
    ExitCode.REPETITION: "The model made the same calls, or calls that failed, again and again.",
    ExitCode.TIMEOUT: "The run reached `--timeout`.",
    ExitCode.INTERRUPTED: "Stopped by Ctrl-C.",
    ExitCode.BROKEN_PIPE: "Whoever read the output went away.",
    ExitCode.TERMINATED: "Stopped by SIGTERM or SIGHUP; no process is left behind.",
}
