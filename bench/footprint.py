"""What starting costs: CPU above bare Python, time to the first byte sent, packages and megabytes of an installation.

Goals: `--version` 30 ms and `--help` 60 ms of CPU above bare Python, 250 ms from a headless start to the first byte,
at most 20 packages and 20 MB.

    python dev.py bench footprint
"""

import importlib.metadata
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from measuring import Table

RUNS = 9


def cpu_of(command: list[str]) -> float:
    """Return the median CPU seconds of a command."""
    figures: list[float] = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(figures)


def seconds_to_first_byte() -> float:
    """Return the median seconds from starting `antiphon -p` until its request arrives."""
    figures: list[float] = []
    for _ in range(RUNS):
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            environment = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "bench"}
            started = time.perf_counter()
            with subprocess.Popen(
                [sys.executable, "-m", "antiphon", "-p", "hello"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                connection, _ = server.accept()
                connection.recv(1)
                figures.append(time.perf_counter() - started)
                connection.close()
                process.kill()
    return statistics.median(figures)


def installed() -> tuple[int, float]:
    """Return packages and megabytes that a base installation has, following the requirements of this one."""
    wanted, seen = ["antiphon"], dict[str, importlib.metadata.Distribution]()
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in seen:
            continue
        seen[name] = importlib.metadata.distribution(name)
        required = map(Requirement, seen[name].requires or [])
        wanted += [each.name for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
    files = [Path(str(file.locate())) for each in seen.values() for file in each.files or []]
    size = sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())
    return len(seen), size / 1e6


def main() -> None:
    """Print the figures."""
    bare = cpu_of([sys.executable, "-c", "pass"])
    table = Table("what", "figure", "goal")
    for flag, goal in (("--version", 30), ("--help", 60)):
        above = cpu_of([sys.executable, "-m", "antiphon", flag]) - bare
        table.row(f"{flag}, CPU above bare Python", f"{above * 1e3:.0f} ms", f"<= {goal} ms")
    table.row("headless start to first byte sent", f"{seconds_to_first_byte() * 1e3:.0f} ms", "<= 250 ms")
    packages, megabytes = installed()
    table.row("packages of a base installation", packages, "<= 20")
    table.row("their size", f"{megabytes:.1f} MB", "<= 20 MB")
    table.print()


if __name__ == "__main__":
    main()
