"""What the benchmarks share: the server process, and tables of figures."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving() -> Generator[str]:
    """Start the benchmark server as its own process and give its URL."""
    script = Path(__file__).with_name("server.py")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the server has no standard output")
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


class Table:
    """Figures in columns."""

    def __init__(self, *head: str) -> None:
        """Name the columns."""
        self._rows: list[list[str]] = [list(head)]

    def row(self, *cells: object) -> None:
        """Add a row."""
        self._rows.append([str(cell) for cell in cells])

    def print(self) -> None:
        """Print the table, columns aligned to the right."""
        widths = [max(len(row[column]) for row in self._rows) for column in range(len(self._rows[0]))]
        for row in self._rows:
            print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
