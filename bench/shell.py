"""What it costs to understand a command line, and to tell whether it only reads.

Commands as models write them, from one word to a commit with a here document. Beside ours stand `shlex.split`, which
takes words apart and knows no structure, and bashlex, a parser in Python, where it is installed. A command is
understood once, when the model asks for it.

    python dev.py bench shell
"""

import importlib
import importlib.util
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from antiphon.shell.parsing import parse
from antiphon.shell.reading import Places, only_reads
from measuring import Table

COMMANDS = {
    "one word": "ls",
    "a search": "grep -rn --include='*.py' 'import os' src 2>/dev/null | head -20",
    "a list": "cd src && ls -la && cat a.py | wc -l; git status --short",
    "a test run": "CI=1 timeout 60 npm test -- --watch=false 2>&1 | tail -40",
    "a loop": 'for f in $(git ls-files "*.py"); do echo "$f: $(wc -l < "$f")"; done | sort -k2 -n',
    "a commit": "git add -A && git commit -m \"$(cat <<'END'\nSay why\n\n" + "A line of text.\n" * 20 + 'END\n)"',
    "a file": "cat > src/new.py <<'END'\n" + "def f(x):\n    return x + 1\n" * 200 + "END\npython src/new.py",
}
ROUNDS = 200


def microseconds(work: Callable[[], object]) -> float:
    """Return the median time of a call."""
    times: list[float] = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def bashlex_parse() -> Callable[[str], object] | None:
    """Return the other parser, where it is installed."""
    return importlib.import_module("bashlex").parse if importlib.util.find_spec("bashlex") else None


def figure(work: Callable[[], object]) -> str:
    """Return the time of a call as text, or that it fails."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  (whatever others raise is their answer)
        return type(error).__name__
    return f"{microseconds(work):.0f}"


def main() -> None:
    """Print one table."""
    started = time.perf_counter()
    parse("ls")
    print(f"the first command, with loading the grammar: {(time.perf_counter() - started) * 1000:.1f} ms")
    other = bashlex_parse()
    table = Table("command", "characters", "parse us", "only_reads us", "shlex us", "bashlex us", "only reads")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(os.path.realpath(directory))
        (root / "src").mkdir()
        places = Places(root, (root,), lambda _: False, tuple)
        for name, command in COMMANDS.items():
            script = parse(command)
            table.row(
                name,
                len(command),
                figure(lambda command=command: parse(command)),
                figure(lambda script=script: only_reads(script, places)),
                figure(lambda command=command: shlex.split(command)),
                "-" if other is None else figure(lambda command=command: other(command)),
                only_reads(script, places),
            )
    table.print()


if __name__ == "__main__":
    sys.exit(main())
