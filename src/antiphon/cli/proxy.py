"""`antiphon proxy`: repairs what other clients send, until it is stopped."""

import argparse
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.paint import Paint
from antiphon.cli.safe_text import one_line
from antiphon.errors import SettingsError

if TYPE_CHECKING:
    from antiphon.proxy import Exchange, Proxy

_PORT = 8787
_MEGABYTE = 2**20
_PROFILES = ("anthropic", "bedrock", "compatible", "openai", "template", "vertex")
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104  (names them, does not bind to them)
_TOKEN = "ANTIPHON_PROXY_TOKEN"  # noqa: S105  (the name of a variable)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    add = parser.add_argument
    add(
        "--upstream",
        action="append",
        default=[],
        metavar="URL",
        help="who answers (https://api.anthropic.com); several as /PREFIX=URL; 'URL as PROFILE' names its kind",
    )
    add(
        "--profile",
        "--dialect",
        choices=_PROFILES,
        help="what kind of upstream it is; found out from its host unless given",
    )
    add("--port", type=_port, default=_PORT, metavar="N", help="where to listen; 0 takes a free port (%(default)s)")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="which address to listen on (%(default)s)")
    add(
        "--token",
        metavar="TEXT",
        help=f"what clients have to send in the header antiphon-token; needed on any address but loopback. Better in"
        f" {_TOKEN}, which others on this machine cannot read",
    )
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name, beside localhost, under which clients may call the proxy",
    )
    add("--cache", action="store_true", help="add cache breakpoints for clients whose own do not move")
    add(
        "--sort-results",
        choices=("auto", "always", "never"),
        default="auto",
        help="put results into the order of their calls where the API takes any: for clients known to need it (auto)",
    )
    add(
        "--retries",
        type=int,
        choices=range(6),
        default=0,
        metavar="N",
        help="send a request again up to N times if the upstream is overloaded or breaks the connection (0)",
    )
    add("--max-body", type=_megabytes, default=32, metavar="MB", help="the largest request that is looked at (32)")
    add(
        "--read-timeout",
        type=_seconds,
        default=600.0,
        metavar="SECONDS",
        help="how long an upstream may be silent (600)",
    )
    add(
        "--record",
        metavar="DIR",
        help="write what was repaired or refused into DIR, for reports of bugs, without what was said in it",
    )
    add("--record-all", action="store_true", help="record every exchange")
    add("--record-content", action="store_true", help="record also what was said: never show that to others")
    add("--log-format", choices=("text", "json"), default="text", help="json: a line for every request")
    add("--quiet", action="store_true", help="show nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        SettingsError: an upstream or the address cannot be used, or what the proxy needs is not installed.
    """
    anyio.run(_serve, _proxy(arguments), arguments)
    return ExitCode.OK


def _proxy(arguments: argparse.Namespace) -> "Proxy":
    try:
        from antiphon import proxy  # noqa: PLC0415  (only this command needs it, and what it stands on may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiohttp":
            raise
        raise SettingsError('the proxy needs aiohttp: pip install "antiphon[proxy]"') from error
    record = None
    if arguments.record:
        record = proxy.Recording(
            directory=Path(arguments.record), every=arguments.record_all, content=arguments.record_content
        )
    elif arguments.record_all or arguments.record_content:
        raise SettingsError("--record-all and --record-content say what is recorded; say where to with --record DIR.")
    limits = proxy.Limits(body=arguments.max_body * _MEGABYTE, read=arguments.read_timeout)
    options = proxy.Options(
        host=arguments.host,
        port=arguments.port,
        token=arguments.token or os.environ.get(_TOKEN) or None,
        hosts=frozenset(arguments.allow_host),
        sort=arguments.sort_results,
        cache=arguments.cache,
        retries=arguments.retries,
        record=record,
        limits=limits,
    )
    return proxy.Proxy(*arguments.upstream, options=options, profile=arguments.profile, told=_log(arguments))


async def _serve(proxy: "Proxy", arguments: argparse.Namespace) -> None:
    if arguments.record_content:
        warning = "they hold everything that is said, keys and files included. Show them to nobody."
        sys.stderr.write(f"antiphon: careful with the recordings in {arguments.record}: {warning}\n")
    _collect_seldom()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with proxy:
            if arguments.log_format == "json":
                _write(json.dumps({"event": "listening", "url": proxy.url}) + "\n")
            elif not arguments.quiet:
                _write(_greeting(proxy))
            await anext(signals)
    if arguments.log_format == "text" and not arguments.quiet:
        _write(_farewell(proxy))


def _collect_seldom() -> None:
    """Look for garbage that refers to itself less often: conversations are thousands of objects, and never do.

    A request of 1 MB that is repaired costs two thirds then (`bench/proxy.py`).
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _greeting(proxy: "Proxy") -> str:
    url, paint = _callable(proxy), _paint()
    lines = [f"Listening on {paint(proxy.url, 'strong')}"]
    for upstream in proxy.upstreams:
        what = f"{upstream.prefix}/..." if upstream.prefix else "requests"
        lines.append(f"  {what} go to {upstream.url} ({upstream.profile.name})")
    lines.append("What would be refused there is repaired; all else passes untouched. Tell your client:")
    base = f"{url}{proxy.upstreams[0].prefix}"
    setting = f"export {'OPENAI' if _speaks_openai(proxy) else 'ANTHROPIC'}_BASE_URL={base}"
    lines.append(f"  {paint(setting, 'strong')}")
    if proxy.options.token:
        lines.append("and have it send the token in the header antiphon-token.")
    if proxy.options.record is not None:
        what = "Every exchange" if proxy.options.record.every else "What is repaired or refused"
        how = "with all that is said" if proxy.options.record.content else "without what is said"
        lines.append(f"{what} is recorded in {proxy.options.record.directory}, {how}.")
    lines.append(f"What was repaired: {url}/antiphon/    Ctrl-C stops it.")
    return "\n".join(lines) + "\n"


def _callable(proxy: "Proxy") -> str:
    """Return the URL by which clients call the proxy: an address that means all of them is none."""
    if proxy.options.host not in _EVERYWHERE:
        return proxy.url
    name = next(iter(sorted(proxy.options.hosts)), "127.0.0.1")
    return f"http://{name}" if ":" in name else f"http://{name}:{proxy.url.rpartition(':')[2]}"


def _farewell(proxy: "Proxy") -> str:
    counts = proxy.metrics.as_json()
    requests = f"{counts['requests']} request{'' if counts['requests'] == 1 else 's'}"
    repaired = f", {counts['repaired']} of them repaired" if counts["repaired"] else ""
    # Not on the line where the terminal shows ^C.
    start = "\n" if sys.stdout.isatty() else ""
    return f"{start}Stopped after {requests}{repaired}.\n"


def _speaks_openai(proxy: "Proxy") -> bool:
    return proxy.upstreams[0].profile.name == "openai"


def _log(arguments: argparse.Namespace) -> "Callable[[Exchange], None] | None":
    from antiphon.proxy import telling  # noqa: PLC0415  (as above)

    if arguments.log_format == "json":
        return lambda exchange: _write(f"{telling.as_json(exchange)}\n")
    return None if arguments.quiet else lambda exchange: _tell(telling.as_text(exchange), exchange)


def _tell(line: str, exchange: "Exchange") -> None:
    if line:
        paint = _paint()
        head, _, told = one_line(line).partition(": ")
        _write(f"{paint(f'{head}:', 'quiet')} {paint(told, _style(exchange))}\n")


def _style(exchange: "Exchange") -> str:
    if exchange.status >= 400 or exchange.outcome in {"refused", "failed", "broken"}:
        return "bad"
    return "wait" if exchange.failed_open else "ok"


def _paint() -> Paint:
    return Paint.of(sys.stdout, os.environ)


def _write(text: str) -> None:
    # Whoever read what is shown may be gone; those who are served need not know.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(text)
        sys.stdout.flush()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to 65535 are")
    return int(text)


def _megabytes(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value
