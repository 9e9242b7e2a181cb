"""What bash really runs of commands that were allowed: never what a rule denies, nor what no rule allows.

Commands are put together from tricks, wrapped in others and damaged; those that are allowed are run by a real bash, in
which the forbidden program leaves a mark.
"""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from permission_calls import command

from antiphon.policy import Permissions, Rule

CASES = 500
TRICKS = r"""
forbidden x | \forbidden x | forb''idden x | "forbidden" | $'forbidden' | $"forbidden" | $(echo forbidden) x
x=forbidden; $x y | forbid{den,den} x | ${x:-forbidden} | forb* | set -- forbidden x; $1 | read x <<< forbidden; $x
f() { forbidden; }; f | ls() { forbidden; }; ls | trap 'forbidden' EXIT | eval $(echo forbidden) | time forbidden
declare -i 'a[$(forbidden)]=1' | [[ -v a[$(forbidden)] ]] | test -v 'a[$(forbidden)]' | let 'a[$(forbidden)]=1'
a='x[$(forbidden)]'; echo $((a)) | a='x[$(forbidden)]'; [[ a -eq 1 ]] | x='$(forbidden)'; echo ${x@P} | ${x:=forbidden}
mapfile -C forbidden -c 1 a <<< y | xargs <<< forbidden | xargs -I{} {} x <<< forbidden | sh <<< forbidden
find . -maxdepth 0 -exec forbidden {} \; | echo `forbidden` | echo "$(forbidden)" | echo '$(forbidden)' | x=$(forbidden)
cat <(forbidden) | case x in x) forbidden;; esac | select i in a; do forbidden; done <<< 1 | echo forbidden
PATH=EVIL okay | PATH=EVIL; okay | export PATH=EVIL; okay | env PATH=EVIL okay | for PATH in EVIL; do okay; done
read PATH <<< EVIL; okay | printf -v PATH EVIL; okay | declare -n r=PATH; r=EVIL; okay | hash -p EVIL/okay okay; okay
alias okay=forbidden; okay | okay() { forbidden; }; okay | cat() { forbidden; }; cat | EVIL/okay | cd EVIL && ./okay
BASH_ENV=EVIL/okay bash -c okay | f=EVIL/okay; $f | X= PATH=EVIL okay | CI=$(forbidden) okay | PATH=EVIL command okay
okay | okay -y 2>&1 | okay $X | cat /dev/null | echo a | (okay) | { okay; } | if okay; then okay; fi | CI=1 okay
""".replace("\n", " | ")
WRAPPERS = r"""
% | % | % | env % | timeout 3 % | nice -n 5 % | nohup % | stdbuf -o0 % | command % | builtin % | eval % | eval '%'
bash -c '%' | sh -c "%" | echo a @ xargs % | echo a @ xargs -I_ % | ( % ) | { %; } | okay && % | false @@ % | okay; %
% @ cat | $(%) | echo "$(%)" | if okay; then %; fi | for i in a b; do %; done | f() { %; }; f | trap '%' EXIT | ! %
exec % | okay & % | % # rest | echo '%' @ bash | [ -n "$(%)" ] | find . -maxdepth 0 -exec % \; | okay $(%)
""".replace("\n", " | ")


def several(text: str) -> list[str]:
    return [one.strip() for one in text.split(" | ") if one.strip()]


def written(chance: random.Random, evil: Path) -> str:
    """Return some command."""
    text = chance.choice(several(TRICKS))
    for _ in range(chance.choice([0, 0, 1, 1, 2])):
        text = chance.choice(several(WRAPPERS)).replace("%", text)
    if chance.random() < 0.1:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(list("'\"\\`$# \n(){};&|<>")) + text[place:]
    return text.replace("@", "|").replace("EVIL", str(evil))


@pytest.fixture
def programs(tmp_path: Path) -> tuple[Path, Path]:
    """A directory with `okay` and `forbidden`, which leaves a mark, and one where `okay` is `forbidden`."""
    good, evil = tmp_path / "good", tmp_path / "evil"
    mark = f"#!/bin/sh\n: > {tmp_path}/mark\n"
    for path, text in ((good / "okay", "#!/bin/sh\n"), (good / "forbidden", mark), (evil / "okay", mark)):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return good, evil


@pytest.mark.parametrize(
    ("mode", "rules"),
    [
        ("bypass", [Rule("deny", "run_command", "forbidden:*")]),
        ("default", [Rule("allow", "run_command", "okay:*")]),
    ],
)
def test_nothing_runs_that_is_denied_or_that_nothing_allows(
    mode: str, rules: Sequence[Rule], programs: tuple[Path, Path], tmp_path: Path
) -> None:
    good, evil = programs
    work = tmp_path.resolve() / "work"
    work.mkdir()
    permissions = Permissions("bypass" if mode == "bypass" else "default", rules, root=work)
    chance = random.Random(1)
    ran: list[str] = []
    for _ in range(CASES):
        text = written(chance, evil)
        # A rule that denies knows a program by its name: under another it is another.
        if (mode == "bypass" and str(evil) in text) or permissions.decide(*command(text, cwd=work)).verdict != "allow":
            continue
        ran.append(text)
        environment = {"PATH": f"{good}:/usr/bin:/bin", "HOME": str(work)}
        subprocess.run(
            ["bash", "-c", text],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert not (tmp_path / "mark").exists(), text
    assert len(set(ran)) > 10
