"""Programs that run another one, and where among their arguments it stands. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How to find the command among the arguments of a program that runs it.

    Attributes:
        short: letters of its short options.
        valued: letters of those that take a value, in the same word or the next.
        long: its long options. Those that take a value end in `=`.
        before: how many other arguments stand before the command.
        ends: options with which it runs nothing.
        assigns: assignments may stand before the command.
        appends: it adds arguments that are not known.
        numeric: `-5` is an option.
    """

    short: str = ""
    valued: str = ""
    long: frozenset[str] = frozenset()
    before: int = 0
    ends: frozenset[str] = frozenset()
    assigns: bool = False
    appends: bool = False
    numeric: bool = False


def _long(names: str) -> frozenset[str]:
    return frozenset(f"--{name}" for name in names.split())


WRAPPERS: Mapping[str, Wrapper] = {
    "builtin": Wrapper(),
    "busybox": Wrapper(),
    "caffeinate": Wrapper("disum", "tw"),
    "chroot": Wrapper(long=_long("userspec= groups= skip-chdir"), before=1),
    "chrt": Wrapper("abdfiorv", "TPD", before=1),
    "command": Wrapper("p", ends=frozenset({"-v", "-V", "-pv", "-pV"})),
    "doas": Wrapper("n", "u"),
    "env": Wrapper("iv0", "uC", _long("ignore-environment null unset= chdir= debug"), assigns=True),
    "exec": Wrapper("cl", "a"),
    "flock": Wrapper("nsxueoF", "wE", _long("nonblock shared exclusive unlock wait= timeout= close"), before=1),
    "ionice": Wrapper("t", "cn", _long("class= classdata= ignore"), ends=frozenset({"-p"})),
    "ltrace": Wrapper("cCfhirStTV", "aAeFlnopsuwxDL"),
    "nice": Wrapper(valued="n", long=_long("adjustment="), numeric=True),
    "nohup": Wrapper(),
    "pkexec": Wrapper(long=_long("user= disable-internal-agent keep-cwd")),
    "setsid": Wrapper("cfw", long=_long("ctty fork wait")),
    "stdbuf": Wrapper(valued="ioe", long=_long("input= output= error=")),
    "strace": Wrapper("ACcdDfFhiknNqrtTvVwxyYzZ", "aebIoOpPsSuUEX"),
    "sudo": Wrapper("AbEHknPS", "CghprtuU", _long("preserve-env non-interactive user= group= stdin"), assigns=True),
    "taskset": Wrapper("ac", before=1, ends=frozenset({"-p", "-pc", "-cp"})),
    "time": Wrapper("p"),
    "timeout": Wrapper("v", "ks", _long("preserve-status foreground verbose kill-after= signal="), before=1),
    "toybox": Wrapper(),
    "watch": Wrapper("bcdegptw", "nq", _long("differences interval= no-title color")),
    "xargs": Wrapper(
        "0rtpxo",
        "adEILnPs",
        _long("null no-run-if-empty verbose interactive exit arg-file= delimiter= max-args= max-procs= max-lines="),
        appends=True,
    ),
}
UNKNOWABLE = frozenset(
    """
    at batch csh expect fish ksh mksh nsenter parallel pwsh rbash runuser screen script su systemd-run tcsh tmux
    unshare zsh
    """.split()  # noqa: SIM905  (a list of names reads best so)
)
"""Programs that run what they are told in ways that are not known here."""
