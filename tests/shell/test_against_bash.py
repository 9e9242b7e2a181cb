"""What is understood is what bash does: no program runs, and no file is written, that was not found in the text.

`SHELL_CASES=100000 SHELL_SEED=7 pytest tests/shell/test_against_bash.py` tries more of them.
"""

import os
import shutil
from pathlib import Path
from random import Random

from bash_runs import is_valid, run
from fragments import command_line

from antiphon.shell.parsing import parse
from antiphon.shell.wrappers import unfolded

CASES = int(os.environ.get("SHELL_CASES", "300"))
SEED = int(os.environ.get("SHELL_SEED", "1"))


def test_bash_runs_and_writes_nothing_that_was_not_found(tmp_path: Path) -> None:
    random = Random(SEED)
    understood = 0
    looked_for = 0
    for _ in range(CASES):
        text = command_line(random)
        script = parse(text)
        if script is None:
            continue
        assert is_valid(text), text
        commands = unfolded(script.commands)
        names = {command.words[0].text for command in commands or () if command.words}
        if commands is None or None in names:
            continue
        understood += 1
        ran = run(text, tmp_path / "run")
        looked_for += bool(ran.programs)
        targets = {
            "" if redirection.target is None else redirection.target.text
            for command in commands
            for redirection in command.redirections
            if redirection.writes
        }
        assert ran.programs <= names, text
        assert None in targets or ran.files <= targets, text
        shutil.rmtree(tmp_path / "run")
    assert understood > CASES / 5
    assert looked_for > CASES / 6
