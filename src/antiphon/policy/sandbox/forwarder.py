"""Runs a command where loopback is all the network there is, and leads its connections to the proxy outside.

A program of its own, run as `python -I -S forwarder.py SOCKET NO_PROXY -- COMMAND...` in the network namespace of a
sandbox: it listens on loopback there, which is nobody else's, and passes every connection on to a Unix socket. It ends
as the command ends. Standard library only, little of that, and nothing of ours: it is started for each command.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType

_MOST_CONNECTIONS = 200
"""Passed on at once; further ones wait."""
_CHUNK = 65536
_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_NOT_FOUND, _NOT_STARTED = 127, 126
"""What shells say of a command that is not there, and of one that cannot be run."""


def main(argv: list[str]) -> int:
    """Run the command; return its exit code, or end by the signal that ended it."""
    place, direct, _, *command = argv
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    environment = {**os.environ, **proxy_environment(f"http://127.0.0.1:{port}", direct)}
    # Signals that arrive before there is a command to have them wait.
    old = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    child = os.fork()  # before there is a thread
    if child == 0:
        _become(command, environment, old)
    # What is sent to the command's group reaches the command; to pass it on as well would tell it twice.
    with contextlib.suppress(PermissionError):
        os.setpgid(0, 0)
    for number in _PASSED_ON:
        signal.signal(number, _passing_on(child))
    threading.Thread(target=_accept, args=(listener, place), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, old)
    _, status = os.waitpid(child, 0)
    return _end_like(status)


def proxy_environment(url: str, direct: str) -> dict[str, str]:
    """Return the variables that lead programs to a proxy; an empty one takes away what was inherited."""
    leading = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), url)
    without = dict.fromkeys(("no_proxy", "NO_PROXY"), direct)
    return {**leading, **without, "all_proxy": "", "ALL_PROXY": "", "NODE_USE_ENV_PROXY": "1"}


def _become(command: list[str], environment: dict[str, str], mask: "set[signal.Signals] | set[int]") -> None:
    """Be the command from now on. Never returns."""
    code = _NOT_STARTED
    try:
        # Python ignores these, and what is ignored stays so in the command.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execvpe(command[0], command, environment)  # noqa: S606  (the very command)
    except OSError as error:
        code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_STARTED
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _passing_on(child: int) -> "Callable[[int, FrameType | None], None]":
    def pass_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    return pass_on


def _end_like(status: int) -> int:
    """Return the exit code; a command that was ended by a signal takes us along, so that others see the same."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    number = signal.Signals(-code)
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 - code  # as the first process of a namespace, which no signal ends


def _accept(listener: socket.socket, place: str) -> None:
    room = threading.BoundedSemaphore(_MOST_CONNECTIONS)
    while True:
        room.acquire()
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, place, room), daemon=True).start()


def _serve(connection: socket.socket, place: str, room: threading.BoundedSemaphore) -> None:
    try:
        with connection, socket.socket(socket.AF_UNIX) as outside:
            outside.connect(place)
            back = threading.Thread(target=_pump, args=(outside, connection), daemon=True)
            back.start()
            _pump(connection, outside)
            back.join()
    except OSError:
        pass  # the proxy is gone, or the command
    finally:
        room.release()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until its end, and then the end: the other direction may go on."""
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # Broken one way is broken both ways: whoever waits on the other two ends wakes up.
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
