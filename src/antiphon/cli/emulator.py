"""`antiphon emulator`: a strict fake of the Messages API on this machine, until it is stopped."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

import anyio

from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.safe_text import one_line
from antiphon.emulator import Emulator, Record, load_script, serve
from antiphon.protocol.dialects import DIALECTS

_PORT = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    add = parser.add_argument
    add("--port", type=_port, default=_PORT, metavar="N", help="where to listen; 0 takes a free port (%(default)s)")
    add("--host", default="127.0.0.1", metavar="NAME", help="which address to listen on (%(default)s)")
    add("--script", type=Path, metavar="FILE", help="what the model says: YAML, or Python that names it `script`")
    # It speaks the Messages API; other wire forms have no place here.
    names = sorted(name for name, dialect in DIALECTS.items() if dialect.form is None)
    add("--dialect", choices=names, default="anthropic", help="whose rules hold (%(default)s)")
    add("--strict-order", action="store_true", help="want results in the order of their calls, as some servers do")
    add("--latency", type=_seconds, default=0.0, metavar="SECONDS", help="time added before every answer (0)")
    add("--log", type=Path, metavar="FILE", help="append a line of JSON for each request")
    add("--quiet", action="store_true", help="do not show requests")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        SettingsError: the script, the log file or the address cannot be used.
    """
    emulator = Emulator(
        None if arguments.script is None else load_script(arguments.script),
        dialect=arguments.dialect,
        strict_order=arguments.strict_order,
        latency=arguments.latency,
        log=arguments.log,
        told=None if arguments.quiet else _show,
        host=arguments.host,
        port=arguments.port,
    )
    anyio.run(_serve, emulator)
    return ExitCode.OK


async def _serve(emulator: Emulator) -> None:
    stopped = anyio.Event()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, emulator, _greet, stopped, name="emulator")
            await anext(signals)
            stopped.set()


def _greet(url: str) -> None:
    _write(f"Listening on {url}\n  export ANTHROPIC_BASE_URL={url}\n  export ANTHROPIC_API_KEY=any\nCtrl-C stops it.\n")


def _show(record: Record) -> None:
    rules = f" {' '.join(record.rules)}" if record.rules else ""
    text = f" {record.text}" if record.text else ""
    outcome = "" if record.outcome == "complete" else f" ({record.outcome})"
    _write(one_line(f"{record.method} {record.path} {record.status or '---'}{outcome}{rules}{text}") + "\n")


def _write(text: str) -> None:
    # Whoever read what is shown may be gone; those who are served need not know.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text)
        sys.stdout.flush()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 0xFFFF:
        raise argparse.ArgumentTypeError(f"{port} is no port: 0 to 65535 are")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds < 0:
        raise argparse.ArgumentTypeError("time does not run backwards")
    return seconds
