"""Keeps our own memory and environment from other processes of the same user, those of commands without a sandbox too.

A process that cannot be dumped cannot be traced, and its files in `/proc` belong to root: no `/proc/PID/environ`,
`mem`, `fd`. Children are as they ever were once they have started a program.
"""

import ctypes
import resource
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4


def protect_ourselves() -> bool:
    """Close this process to others of the same user; return whether the system could. Root is not kept out.

    Also leaves no image of our memory behind should we crash. Debuggers cannot attach any more either.
    """
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform != "linux":
        return False
    answer: int = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return answer == 0
