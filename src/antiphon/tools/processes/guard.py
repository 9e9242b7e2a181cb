"""Ends what a call started when the agent itself is killed, and can end nothing any more.

A small program waits beside each child. It has one end of a pipe; the other is the agent's, and closed by the system
whatever the agent dies of. Then it kills the child's group and, where `/proc` tells, all that carry the call's mark.
Knows nothing of how children end while the agent lives: `running.py`.
"""

import subprocess
from contextlib import suppress

# $1: the mark. The group comes as a line, since nobody waits unless it is there before the child is.
_WAIT = """
trap '' HUP INT TERM
read -r group
read -r end
[ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null
for round in 1 2 3; do
  for file in $(grep -lsF -e "$1" /proc/[0-9]*/environ 2>/dev/null); do
    process=${file#/proc/}
    kill -KILL "${process%/environ}" 2>/dev/null
  done
done
"""


class Guard:
    """Waits for the agent's death, until it is dismissed."""

    def __init__(self, mark: str) -> None:
        """Start it, before the child: where no program can be started, there is nobody to guard either.

        Args:
            mark: what the environment of the child and of all that it starts holds, and of nothing else.
        """
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603  (a fixed script; the mark is ours)
                ["/bin/sh", "-c", _WAIT, "antiphon-guard", mark],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": "/usr/bin:/bin"},
                start_new_session=True,
            )

    def watch(self, group: int) -> None:
        """Say which process group the child leads."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(b"%d\n" % group)
                self._process.stdin.flush()

    def dismiss(self) -> None:
        """The child and all it started are gone: end without doing anything."""
        if self._process is not None:
            self._process.kill()
            if self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()
            self._process.wait()
