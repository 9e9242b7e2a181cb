"""Everything a developer runs, from a fresh checkout: needs Python 3.11+ and pip, and does all other set-up itself.

Only the step `browser` needs something from outside, Chromium and its driver, and says so where they are missing.

::

    python3 dev.py demo       play the main job on this machine: no key, no network
    python3 dev.py check      the whole check, which is also what CI runs
    python3 dev.py newest     the same check with the newest versions the ranges allow, instead of the pins
    python3 dev.py bench      the benchmarks
    python3 dev.py fix        format, and repair what the linter can repair
    python3 dev.py env        only set up the environment, and say how to enter it
    python3 dev.py pins       write the newest versions into constraints.txt

Everything is installed into `.venv` beside this file (or where `--venv` or `ANTIPHON_VENV` says), and again only when
pyproject.toml or constraints.txt has changed. Settings of pip and uv in the environment are passed on as they are.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import venv
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  (an older Python is told so)
    sys.exit("dev.py: Antiphon needs Python 3.11 or newer; this is " + sys.version.split()[0])

ROOT = Path(__file__).resolve().parent
PINS = ROOT / "constraints.txt"
STEP_SECONDS = 1800
"""No step takes this long. A hanging one is ended, and then fails like any other."""
MOST_PACKAGES = 20
MOST_MEGABYTES = 20.0
"""What a base installation may be: docs/decisions/0002-dependencies.md."""


class Failed(Exception):
    """A command or a condition of a step failed; the message says which."""


# Talking to the person who started this.

COLOURS = {"good": "32", "bad": "31", "dim": "2", "bold": "1"}


def paint(text: str, colour: str) -> str:
    """Colour a text, on a terminal only."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def say(text: str, colour: str = "dim") -> None:
    """Print a line now, so that it stands in order with what started programs print."""
    print(paint(text, colour), flush=True)


# Running programs.


def surroundings(environment: "Environment") -> dict[str, str]:
    """Return the variables for programs of a check: ours, with the environment's programs first on the path.

    Without those of a model's API: a check talks to nobody and must not depend on who runs it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "CLAUDE_"))}
    path = os.pathsep.join((str(environment.programs), kept.get("PATH", os.defpath)))
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(environment.path)}


@dataclass
class Output:
    """What the programs of one step printed; shown at once when `live`, else only if the step fails."""

    live: bool
    lines: list[str] = field(default_factory=list[str])

    def add(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)
        if self.live:
            print(line, flush=True)


def run(
    command: Sequence[str | Path],
    output: Output,
    *,
    cwd: Path = ROOT,
    variables: dict[str, str] | None = None,
    seconds: float = STEP_SECONDS,
) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        Failed: when it does not end well, or not in time. No process of it is left then.
    """
    words = [str(word) for word in command]
    output.add("$ " + " ".join(words))
    first = len(output.lines)
    # A group of its own: pytest has workers, and they must not survive it.
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    watchdog = threading.Timer(seconds, end, [process])
    watchdog.start()
    try:
        with process:
            for line in process.stdout or ():
                output.add(line.rstrip("\n"))
    finally:
        overdue = not watchdog.is_alive()
        watchdog.cancel()
        end(process)
        process.wait()
    if overdue:
        raise Failed(f"{Path(words[0]).name} did not end in {seconds:g} seconds")
    if process.returncode != 0:
        raise Failed(f"{Path(words[0]).name} ended with exit code {process.returncode}")
    return "\n".join(output.lines[first:])


def end(process: "subprocess.Popen[str]") -> None:
    """End a program and all it started; does nothing when they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


# The environment.


@dataclass(frozen=True)
class Environment:
    """A virtual environment of this checkout.

    Attributes:
        path: where it is.
        pinned: install the versions of constraints.txt; else the newest that the ranges in pyproject.toml allow.
    """

    path: Path
    pinned: bool = True

    @property
    def programs(self) -> Path:
        """The directory of its programs."""
        return self.path / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"

    def prepare(self, *, development: bool) -> None:
        """Make it fit for running the project, or (`development`) for checking it. Quick when it already is.

        Raises:
            Failed: when something cannot be installed; says what to do.
        """
        wanted = f"{'development' if development else 'base'} {self._fingerprint()}"
        stamp = self.path / "antiphon-installed"
        if self._works() and stamp.is_file() and wanted in stamp.read_text().splitlines():
            return
        started = time.monotonic()
        say(f"Setting up {self.path} with Python {sys.version.split()[0]} (once; a minute or so)", "bold")
        output = Output(live=False)
        try:
            self._create(output)
            say("  installing Antiphon" + (", and what its check needs" if development else ""))
            project = [".", "--group", "dev"] if development else ["."]
            self.install(self.python, ["-e", *project], output)
        except Failed:
            print("\n".join(output.lines), file=sys.stderr)
            raise
        # Development contains the base, so a demo after a check installs nothing.
        stamp.write_text(f"{wanted}\nbase {self._fingerprint()}\n")
        say(f"  ready after {time.monotonic() - started:.0f} s")

    def install(self, python: Path, what: Sequence[str | Path], output: Output) -> None:
        """Install into the environment of an interpreter, this one or another."""
        pins = ["-c", PINS, "-b", PINS] if self.pinned else ["--upgrade"]
        run([self.programs / "uv", "pip", "install", "--python", python, *pins, *what], output)

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(sys.version.encode())
        for file in (ROOT / "pyproject.toml", PINS):
            digest.update(file.read_bytes())
        if not self.pinned:
            # What is newest changes without us: at most a day old.
            digest.update(time.strftime("%Y-%m-%d").encode())
        return digest.hexdigest()[:16]

    def _works(self) -> bool:
        if not self.python.exists():
            return False
        same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
        return subprocess.run([self.python, "-c", same], check=False).returncode == 0

    def _create(self, output: Output) -> None:
        if not self._works():
            if self.path.exists() and any(self.path.iterdir()) and not (self.path / "pyvenv.cfg").is_file():
                raise Failed(f"{self.path} exists and is no virtual environment; name another place with --venv")
            # Without pip: Debian keeps what venv needs for that in a package of its own. Our own pip does the rest.
            venv.EnvBuilder(clear=True, symlinks=True, prompt="antiphon").create(self.path)
        say("  installing uv")
        pins = ["-c", PINS] if self.pinned else ["--upgrade"]
        run([*self._pip(output), "install", "--quiet", *pins, "uv"], output)

    def _pip(self, output: Output) -> list[str | Path]:
        """Return the command of a pip that installs into this environment."""
        bases = dict.fromkeys((getattr(sys, "_base_executable", sys.executable), sys.executable))
        for base in bases:
            if subprocess.run([base, "-c", "import pip"], check=False, capture_output=True).returncode == 0:
                return [base, "-m", "pip", "--python", self.python]
        if importlib.util.find_spec("ensurepip"):
            run([self.python, "-m", "ensurepip"], output)
            return [self.python, "-m", "pip"]
        raise Failed(f"{sys.executable} has no pip. Install it (on Debian and Ubuntu: apt install python3-pip).")


# The steps of a check.


@dataclass(frozen=True)
class Step:
    """One thing that is checked.

    Attributes:
        name: what `--only` takes.
        what: a few words on it.
        do: does it; raises Failed.
    """

    name: str
    what: str
    do: Callable[[Environment, Output], None]


def program(name: str, *arguments: str) -> Callable[[Environment, Output], None]:
    """Return a step's doing: one program of the environment."""

    def do(environment: Environment, output: Output) -> None:
        run([environment.programs / name, *arguments], output, variables=surroundings(environment))

    return do


def check_package(environment: Environment, output: Output) -> None:
    """Build the wheel, install it where nothing else is, measure that, and play the demo from it."""
    variables = surroundings(environment)
    uv = environment.programs / "uv"
    with tempfile.TemporaryDirectory(prefix="antiphon-package-") as name:
        place = Path(name)
        pins = ["--build-constraints", PINS] if environment.pinned else []
        run([uv, "build", "--wheel", "--out-dir", place, *pins, ROOT], output, variables=variables)
        wheel = next(place.glob("*.whl"))
        missing = sorted(shipped_files() - set(zipfile.ZipFile(wheel).namelist()))
        if missing:
            raise Failed(f"the wheel lacks {', '.join(missing)}")

        empty = place / "empty"
        run([uv, "venv", "--python", environment.python, empty], output, variables=variables)
        environment.install(empty / "bin/python", [wheel], output)
        measure(empty, output)
        antiphon = empty / "bin/antiphon"
        for arguments in (["--version"], ["--help"], ["rule", "TU003"], ["demo"], ["demo", "--completion-order"]):
            run([antiphon, *arguments], output, cwd=place, variables=variables)


def shipped_files() -> set[str]:
    """Return the names in the wheel of all files of the package: code, tool descriptions, `py.typed`, rule pages."""
    package = ROOT / "src"
    files = (path for path in (package / "antiphon").rglob("*") if path.is_file())
    pages = {f"antiphon/rule_pages/{path.name}" for path in (ROOT / "docs/rules").glob("*.md")}
    return pages | {path.relative_to(package).as_posix() for path in files if path.suffix != ".pyc"}


def measure(environment: Path, output: Output) -> None:
    """Check how much a base installation is, bytecode not counted."""
    site = next((environment / "lib").glob("python3.*/site-packages"))
    packages = [path.name.removesuffix(".dist-info") for path in sorted(site.glob("*.dist-info"))]
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and path.suffix != ".pyc") / 1e6
    output.add(f"{len(packages)} packages, {size:.1f} MB: {', '.join(packages)}")
    if len(packages) > MOST_PACKAGES or size > MOST_MEGABYTES:
        raise Failed(f"a base installation is {len(packages)} packages and {size:.1f} MB, more than promised")


STEPS = (
    Step("format", "ruff format", program("ruff", "format", "--check", ".")),
    Step("lint", "ruff check", program("ruff", "check", ".")),
    Step("types", "basedpyright, strict", program("basedpyright")),
    Step("layers", "import-linter", program("lint-imports")),
    Step("tests", "pytest, examples of documents included", program("pytest", "-n", "2", "--hypothesis-profile=ci")),
    Step("browser", "pages that are looked at, in Chromium", program("pytest", "tests/browser")),
    Step("schedules", "200,000 random schedules of the engine", program("python", "-m", "antiphon.testing.schedules")),
    Step(
        "damages",
        "20,000 damaged conversations",
        program("python", "-m", "antiphon.testing.damages", "--cases", "20000"),
    ),
    Step("changelog", "towncrier", program("towncrier", "build", "--draft", "--version", "next", "--date", "today")),
    Step("package", "the wheel, in an empty environment", check_package),
)


# The commands.


@dataclass(frozen=True)
class Order:
    """What the command line asked for.

    Attributes:
        environment: where to work.
        rest: the arguments after the command that are not ours.
        only: the names of the steps to run; all when empty.
        verbose: show what steps print at once.
        command: its name.
    """

    environment: Environment
    rest: Sequence[str]
    only: Sequence[str]
    verbose: bool
    command: str


def demo(order: Order) -> int:
    """Play the main job in this terminal."""
    order.environment.prepare(development=False)
    return subprocess.run([order.environment.programs / "antiphon", "demo", *order.rest], check=False).returncode


def check(order: Order, steps: Sequence[Step] = STEPS) -> int:
    """Run the steps to the end, also past one that fails."""
    order.environment.prepare(development=True)
    rows: list[tuple[Step, float, str]] = []
    summary = ""
    for step in steps:
        if order.only and step.name not in order.only:
            continue
        print(f"{step.name:<10} {paint(step.what, 'dim')}", flush=True)
        output, started, problem = Output(order.verbose), time.monotonic(), ""
        try:
            step.do(order.environment, output)
        except Failed as failed:
            problem = str(failed)
            if not order.verbose:
                print("\n".join(output.lines))
            say(f"{step.name}: {problem}. Alone: python3 dev.py {order.command} --only {step.name}\n", "bad")
        if step.name == "tests":
            summary = next((line for line in reversed(output.lines) if line.strip()), "")
        rows.append((step, time.monotonic() - started, problem))

    print()
    for step, seconds, problem in rows:
        verdict = paint("failed", "bad") if problem else paint("ok    ", "good")
        print(f"{verdict} {step.name:<10} {seconds:6.1f} s  {paint(problem or step.what, 'dim')}")
    print(f"       {'all':<10} {sum(seconds for _, seconds, _ in rows):6.1f} s")
    if summary:
        # In pytest's own words, and last: how many tests ran and passed.
        print(summary)
    return 1 if any(problem for _, _, problem in rows) else 0


def bench(order: Order) -> int:
    """Run the benchmarks that are named, or all of them; each prints its own figures."""
    order.environment.prepare(development=True)
    scripts = benchmarks()
    unknown = [name for name in order.rest if name not in scripts]
    if unknown:
        raise Failed(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(scripts)}")
    code = 0
    for name in order.rest or scripts:
        say(name, "bold")
        command = [order.environment.python, scripts[name]]
        code = max(code, subprocess.run(command, env=surroundings(order.environment), check=False).returncode)
    return code


def benchmarks() -> dict[str, Path]:
    """Return the benchmarks by name: the scripts in bench/ that say how they are run."""
    scripts = sorted((ROOT / "bench").glob("*.py"))
    return {script.stem: script for script in scripts if f"dev.py bench {script.stem}" in script.read_text()}


def fix(order: Order) -> int:
    """Let ruff repair and format what it can."""
    order.environment.prepare(development=True)
    ruff = order.environment.programs / "ruff"
    return max(
        subprocess.run([ruff, *arguments, "."], cwd=ROOT, check=False).returncode
        for arguments in (["check", "--fix"], ["format"])
    )


def show(order: Order) -> int:
    """Set the environment up and say how to enter it."""
    order.environment.prepare(development=True)
    print(f". {order.environment.programs / 'activate'}")
    return 0


def renew_pins(order: Order) -> int:
    """Write the newest versions that the ranges allow into constraints.txt, for all Pythons and systems at once."""
    order.environment.prepare(development=True)
    kept = [line for line in PINS.read_text().splitlines() if line.startswith("#")]
    options = ["--universal", "--quiet", "--no-header", "--no-annotate", "--all-extras", "--group", "dev"]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as tools:
        tools.write("hatchling\nuv\n")  # what installs and builds, and so is no dependency
        tools.flush()
        output = Output(live=False)
        command = [order.environment.programs / "uv", "pip", "compile", "pyproject.toml", tools.name, *options]
        pins = run([*command, "--python-version", "3.11.0"], output)
    PINS.write_text("\n".join((*kept, pins)) + "\n")
    return 0


def command_line() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    description = (__doc__ or "").replace("::\n\n", "")
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, do: Callable[[Order], int], what: str, epilog: str | None = None) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=what, description=what, epilog=epilog)
        command.set_defaults(do=do, only=[], verbose=False)
        place = Path(os.environ.get("ANTIPHON_VENV") or ROOT / ".venv")
        command.add_argument("--venv", type=Path, default=place, help=f"where to install (now: {place})")
        return command

    add("demo", demo, "play the main job; arguments are passed on to antiphon demo")
    for name, what in (("check", "run the whole check"), ("newest", "run it with the newest versions")):
        steps = "; ".join(f"{step.name}: {step.what}" for step in STEPS)
        checking = add(name, check, what, f"The steps: {steps}.")
        names = [step.name for step in STEPS]
        checking.add_argument("--only", nargs="+", choices=names, metavar="STEP", help="run these steps alone")
        checking.add_argument("-v", "--verbose", action="store_true", help="show what the steps print at once")
    add("bench", bench, "run the benchmarks, or those that are named")
    add("fix", fix, "format, and repair what the linter can repair")
    add("pins", renew_pins, "write the newest versions into constraints.txt")
    add("env", show, "set up the environment and say how to enter it")

    return parser


def end_when_told() -> None:
    """Let SIGTERM and SIGHUP end this program as Ctrl-C does, so that nothing it started stays behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)


def main() -> int:
    """Do what the command line says; return the exit code."""
    end_when_told()
    parser = command_line()
    options, rest = parser.parse_known_args()
    if rest and options.command not in {"demo", "bench"}:
        parser.error(f"unknown: {' '.join(rest)}")
    path = options.venv.absolute()
    if options.command == "newest":
        environment = Environment(path.with_name(f"{path.name}-newest"), pinned=False)
    else:
        environment = Environment(path)
    return options.do(Order(environment, rest, options.only, options.verbose, options.command))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(paint(f"dev.py: {failed}", "bad"))
    except KeyboardInterrupt:
        sys.exit(130)
