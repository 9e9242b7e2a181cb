"""What the proxy's benchmarks measure: processes between a client and an upstream, and what they take.

nginx as a plain relay is the floor: where it is not installed, its row is left out. LiteLLM is measured beside them
where it is asked for and installed.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 180.0  # LiteLLM takes its time
_CORES = sorted(os.sched_getaffinity(0))
_NGINX = """
worker_processes 1;
daemon off;
pid {place}/pid;
error_log {place}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    scgi_temp_path {place}/scgi;
    uwsgi_temp_path {place}/uwsgi;
    client_max_body_size 64m;
    client_body_buffer_size 2m;
    keepalive_requests 1000000;
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""
_LITELLM = """
model_list:
  - model_name: claude-sonnet-5
    litellm_params:
      model: anthropic/claude-sonnet-5
      api_base: http://127.0.0.1:{upstream}
      api_key: bench
general_settings:
  dangerously_permit_weak_or_unset_master_key: true
"""


@dataclass
class Relay:
    """Something that listens.

    Attributes:
        name: in tables.
        port: on loopback.
        pid: of its process, 0 where it is the upstream itself.
        ready: seconds from its start until it answered.
        queries: whether it passes on the query, which says how the upstream is to reply; else all replies are JSON.
    """

    name: str
    port: int
    pid: int = 0
    ready: float = 0.0
    queries: bool = True

    def cpu(self) -> float:
        """Return the seconds of CPU it has taken so far, with all its threads and processes."""
        return sum(_cpu_of(pid) for pid in self._family())

    def memory(self) -> float:
        """Return how much memory it holds now, in MiB."""
        return self._status("VmRSS:")

    def peak(self) -> float:
        """Return how much it held at most, in MiB."""
        return self._status("VmHWM:")

    def forget_peak(self) -> None:
        """Count the most it holds from now on."""
        for pid in self._family():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def files(self) -> int:
        """Return how many files and sockets it has open."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self._family())  # noqa: PTH208  (only counted)

    def _family(self) -> list[int]:
        if not self.pid:
            return []
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def _status(self, name: str) -> float:
        lines = (line for pid in self._family() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def _cpu_of(pid: int) -> float:
    """Return the seconds of CPU of a process, to the nanosecond: ticks are too coarse for short loads."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


@contextmanager
def pinned(core: int) -> Generator[None]:
    """Have everything that is started here run on one core; where there is but one, on that."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {_CORES[core % len(_CORES)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def upstream() -> Generator[Relay]:
    """Start the upstream."""
    script = Path(__file__).with_name("upstream.py")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the upstream has no standard output")
            yield Relay("direct", int(process.stdout.readline()))
        finally:
            process.kill()


@contextmanager
def ours(api: Relay, *flags: str) -> Generator[Relay]:
    """Start `antiphon proxy`."""
    port = free_port()
    url = f"http://127.0.0.1:{api.port}"
    command = [sys.executable, "-m", "antiphon", "proxy", "--upstream", url, "--profile", "anthropic"]
    with _started("antiphon", [*command, "--port", str(port), *flags], port, "/antiphon/health/ready") as relay:
        yield relay


@contextmanager
def nginx(api: Relay) -> Generator[Relay]:
    """Start an nginx of our own, as a plain relay."""
    program = nginx_program()
    if program is None:
        raise FileNotFoundError("nginx is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="antiphon-nginx-") as name:
        config = Path(name, "nginx.conf")
        config.write_text(_NGINX.format(place=name, port=port, upstream=api.port))
        command = [program, "-p", name, "-c", str(config), "-e", f"{name}/error.log"]
        with _started("nginx", command, port, "/v1/messages?reply=json") as relay:
            yield relay


def nginx_program() -> str | None:
    """Return where nginx is, or None where it is not installed."""
    # Where Debian puts it is not on everybody's path.
    return installed("nginx", os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))


def installed(program: str, path: str | None = None) -> str | None:
    """Return where a program is, or None where it is not installed."""
    return shutil.which(program, path=path)


@contextmanager
def litellm(api: Relay) -> Generator[Relay]:
    """Start LiteLLM's proxy."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="antiphon-litellm-") as name:
        config = Path(name, "config.yaml")
        config.write_text(_LITELLM.format(upstream=api.port))
        command = ["litellm", "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        with _started("litellm", command, port, "/health/readiness") as relay:
            relay.queries = False
            yield relay


BESIDE: dict[str, Callable[[Relay], contextlib.AbstractContextManager[Relay]]] = {"litellm": litellm}
"""What is measured only where it is asked for."""


@contextmanager
def _started(name: str, command: Sequence[str], port: int, path: str) -> Generator[Relay]:
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not _answers(port, path):
                if process.poll() is not None or time.perf_counter() - started > _PATIENCE:
                    raise RuntimeError(f"{name} does not start: {' '.join(command)}")
                time.sleep(0.002)
            yield Relay(name, port, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()


def _answers(port: int, path: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return connection.recv(15).startswith(b"HTTP/1.1 200")
    return False


def free_port() -> int:
    """Return a port that nobody listens on, just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
