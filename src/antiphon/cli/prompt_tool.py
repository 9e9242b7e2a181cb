"""Asks a program about calls, where no person is: `--permission-prompt-tool`.

The program gets one question as JSON on its standard input, and answers with JSON on its standard output. Whatever is
no clear yes is a no that says why. Several may run at once, one for each question.
"""

import json
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream, Process

from antiphon.errors import SettingsError
from antiphon.policy import Approval, ApprovalRequest
from antiphon.protocol.encoding import encode
from antiphon.protocol.messages import is_object
from antiphon.tools.processes.environment import command_environment
from antiphon.tools.processes.starting import running

SECONDS = 300.0
"""How long a program may think about one call."""
_MOST = 1 << 20
"""Bytes of an answer that are read."""
_SAID = 300
"""Characters of what it says on standard error that are passed on."""
_DRAIN = 1.0
"""Seconds to wait for the rest of the output of a program that has ended: another one may hold it open."""
_KNOWN = frozenset({"behavior", "message", "updatedInput"})


class PromptTool:
    """A program that decides about calls."""

    def __init__(self, command: str, cwd: Path, environment: Mapping[str, str], *, timeout: float = SECONDS) -> None:
        """Ask a program.

        Args:
            command: program and arguments, split like a shell would; no shell runs.
            cwd: where it runs.
            environment: ours; it gets that without our keys.
            timeout: seconds it has for a question.

        Raises:
            SettingsError: there is no such program.
        """
        try:
            self._argv = shlex.split(command)
        except ValueError as problem:
            raise SettingsError(f"--permission-prompt-tool {command} cannot be read: {problem}.") from problem
        if not self._argv or shutil.which(self._argv[0], path=environment.get("PATH")) is None:
            raise SettingsError(f"--permission-prompt-tool: there is no program {command}.")
        self._cwd = cwd
        self._environment = command_environment(environment)
        self._timeout = timeout
        self._name = Path(self._argv[0]).name

    async def approve(self, request: ApprovalRequest) -> Approval:
        """Ask whether a call may run. Cancelling ends the program."""
        question = {
            "tool_name": request.call.name,
            "input": request.call.input,
            "tool_use_id": request.call.id,
            "reason": request.reason,
            "cwd": str(self._cwd),
        }
        answer: tuple[int | None, bytes, bytes] | None = None
        # A file and no pipe: a program that does not read all of its input holds up nobody.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(encode(question))
            stdin.seek(0)
            with anyio.move_on_after(self._timeout):
                try:
                    answer = await self._run(stdin.fileno())
                except OSError as problem:
                    return self._no(f"could not be started: {problem.strerror or problem}")
        if answer is None:
            return self._no(f"gave no answer within {self._timeout:g} seconds")
        code, said, errors = answer
        if code != 0:
            why = " ".join(errors.decode("utf-8", "replace").split())[-_SAID:]
            return self._no(f"ended with exit code {code}{': ' if why else ''}{why}")
        return self._read(said, request)

    async def _run(self, stdin: int) -> tuple[int | None, bytes, bytes]:
        async with running(self._argv, stdin=stdin, cwd=self._cwd, env=self._environment) as process:
            said, errors = bytearray(), bytearray()
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_collect, process.stdout, said)
                    tasks.start_soon(_collect, process.stderr, errors)
                    await process.wait()
                    tasks.cancel_scope.deadline = anyio.current_time() + _DRAIN
            finally:
                _end_group(process)
            return process.returncode, bytes(said), bytes(errors)

    def _read(self, said: bytes, request: ApprovalRequest) -> Approval:
        """Return what an answer means; one that is not understood to its end allows nothing."""
        try:
            answer: Any = json.loads(said)
        except (ValueError, RecursionError):
            return self._no("did not answer with JSON")
        behavior: Any = answer.get("behavior") if is_object(answer) else None
        if not is_object(answer) or behavior not in ("allow", "deny"):
            return self._no('answered neither {"behavior": "allow"} nor {"behavior": "deny"}')
        message: Any = answer.get("message")
        if behavior == "deny":
            return Approval(allowed=False, reason=message if isinstance(message, str) else "")
        if answer.get("updatedInput", request.call.input) != request.call.input:
            return self._no("wanted to change the input (updatedInput), but what was checked is what runs")
        unknown = sorted(answer.keys() - _KNOWN)
        if unknown:
            # It may be a condition.
            return self._no(f"allowed it with something that is not known here: {', '.join(unknown)}")
        return Approval(allowed=True)

    def _no(self, why: str) -> Approval:
        return Approval(allowed=False, reason=f"{self._name}, which was to decide, {why}.")


async def _collect(stream: ByteReceiveStream | None, into: bytearray) -> None:
    """Read to the end, and keep no more than the first part."""
    if stream is not None:
        with suppress(anyio.BrokenResourceError):
            async for data in stream:
                into += data[: max(0, _MOST - len(into))]


def _end_group(process: Process) -> None:
    """End what the program has started, if it is ended before it ended by itself."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
