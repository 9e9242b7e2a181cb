"""A program that takes ripgrep's options and searches with our own small grep, under the name `rg`.

With it, a test knows what ripgrep was asked for, also where ripgrep is not installed.
"""

import json
import sys
from importlib.resources import files
from pathlib import Path

SCRIPT = """\
#!{python}
import json, os, subprocess, sys

arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps({{"arguments": arguments, "config": os.environ.get("RIPGREP_CONFIG_PATH")}}) + "\\n")
{behaviour}
options, paths = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
values = dict(option[2:].split("=", 1) for option in options if "=" in option)
ours = {{
    "pattern": values["regexp"],
    "ignore_case": "--ignore-case" in options,
    "multiline": "--multiline" in options,
    "context": int(values["context"]),
    "max_count": int(values["max-count"]) if "max-count" in values else None,
}}
sys.exit(subprocess.call([sys.executable, "-I", "-S", {grep!r}, json.dumps(ours), *reversed(paths)]))
"""


class FakeRg:
    """The program in a directory of its own.

    Attributes:
        directory: to be put on PATH.
    """

    def __init__(self, directory: Path, behaviour: str = "") -> None:
        directory.mkdir()
        self.directory = directory
        self._log = directory / "log"
        grep = str(files("antiphon.tools").joinpath("grep.py"))
        program = directory / "rg"
        program.write_text(SCRIPT.format(python=sys.executable, log=str(self._log), grep=grep, behaviour=behaviour))
        program.chmod(0o755)

    def runs(self) -> list[dict[str, object]]:
        """Return what it was asked for, each time."""
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []
