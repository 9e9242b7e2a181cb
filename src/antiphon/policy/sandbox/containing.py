"""A command in a process space of its own: what waits for its end, and how that is told.

A small shell script runs the command. The kernel ends every process of the space when the script has ended, so the
script is the one that lingers while others live: until its input ends. On its errors, which the command does not have,
it says that it has begun, and with which code the command ended if somebody is left. What the sandbox itself has to say
when it cannot be set up arrives there too, before that.
"""

import re
from collections.abc import Sequence
from signal import Signals

# A shell says on its errors when a program was ended by a signal (but by SIGINT and SIGPIPE), which the exit code alone
# does not tell; so errors are redirected in the subshell only.
_SCRIPT = """
trap : TERM HUP INT
echo begun >&2
(exec "$@" </dev/null 2>&1)
code=$?
set -- /proc/[0-9]*
if [ $# -gt 2 ]; then
  exec >/dev/null
  echo "left $code" >&2
  read -r end
fi
exit $code
"""
_MOST = 65536
"""Characters that are looked at. A command can write there if it looks for the place; it fools nobody but itself."""
_BEGUN = "begun\n"
_LEFT = re.compile(r"^left (\d+)$", re.MULTILINE)


def contained(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs `argv` in a process space, as the first program of it."""
    return ("/bin/sh", "-c", _SCRIPT, "antiphon", *argv)


class Told:
    """What was told of a contained command so far.

    Attributes:
        begun: the command was about to be started.
        ended: it has ended, and others are left.
    """

    def __init__(self) -> None:
        self._text = ""
        self.begun = False
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Take what came from its errors."""
        if len(self._text) < _MOST:
            self._text += data.decode(errors="replace")
            self.begun = _BEGUN in self._text
            self.ended = _LEFT.search(self._text) is not None

    @property
    def trouble(self) -> str:
        """What was said before it began."""
        return self._text.partition(_BEGUN)[0].strip() or "it ended before it began"

    def code(self, code: int | None) -> int | None:
        """Return the exit code of the command, negative for a signal, given that of the sandbox."""
        _, _, said = self._text.partition(_BEGUN)
        left = _LEFT.search(said)
        value = int(left[1]) if left else code
        by_signal = bool(_LEFT.sub("", said).strip())
        if value is not None and by_signal and value - 128 in set(Signals):
            return 128 - value
        return value
