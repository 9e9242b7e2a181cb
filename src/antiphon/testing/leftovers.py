"""What a call left behind: tasks, child processes, threads that are busy."""

import sys
import threading
from pathlib import Path
from types import FrameType

import anyio

_IDLE = ("/anyio/_backends/_asyncio.py", "/queue.py", "/threading.py")
"""Where all frames of a worker thread are that waits for work."""
_POOL = "/concurrent/futures/thread.py"
"""Where the threads of the loop's own pool wait, and work: in `_worker` they wait, in `run` they work."""


class Leftovers:
    """What is there that was not when this was made.

    Child processes are found where `/proc` is.
    """

    def __init__(self) -> None:
        """Look at what is there now."""
        self._before = set(_present())

    async def after(self, seconds: float) -> str:
        """Wait until nothing new is left, for at most so many seconds; return what is, or ""."""
        with anyio.move_on_after(seconds):
            while self._new():  # noqa: ASYNC110  (threads and processes tell no event)
                await anyio.sleep(0.01)
        return self._new()

    def _new(self) -> str:
        return ", ".join(name for key, name in _present().items() if key not in self._before)


def _present() -> dict[tuple[str, int], str]:
    """Return tasks, processes and busy threads: what they are known by, and what to call them."""
    frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the documented way to see where threads are
    tasks = {("task", task.id): f"the task {task.name!r}" for task in anyio.get_running_tasks()}
    processes = {("process", pid): f"the process {pid}" for pid in _children()}
    threads = {
        ("thread", thread.ident or 0): f"the thread {thread.name!r}"
        for thread in threading.enumerate()
        if _is_busy(frames.get(thread.ident or 0))
    }
    return {**tasks, **processes, **threads}


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*"):
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:  # the thread has ended
            continue
    return found


def _is_busy(frame: FrameType | None) -> bool:
    while frame is not None:
        file = frame.f_code.co_filename.replace("\\", "/")
        waits = file.endswith(_POOL) and frame.f_code.co_name == "_worker"
        if not waits and not file.endswith(_IDLE):
            return True
        frame = frame.f_back
    return False
