"""Which commands may run without approval, early and beside others: a wall, so what gets through is counted."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.shell.parsing import parse
from antiphon.shell.reading import only_reads, part_only_reads
from antiphon.shell.reading_git import safe_git
from antiphon.tools.base import Workspace
from antiphon.tools.command_places import places_of


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    # Only what is installed is known; these are not on every machine.
    installed = tmp_path / "bin"
    installed.mkdir()
    for name in ("rg", "tree", "file", "git"):
        (installed / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{installed}")
    root = tmp_path / "work"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("a\n")
    (root / "out").symlink_to("/etc")
    (root / "src" / "passwd").symlink_to("/etc/passwd")
    return Workspace.at(root)


def reads(workspace: Workspace, command: str) -> bool:
    return only_reads(parse(command), places_of(workspace, workspace.root))


ONLY_READ = """
ls
ls -la src
ls *.py src/*.py
pwd
cat src/a.py
cat -n src/a.py | head -5
head -n 20 src/a.py
tail -n +5 src/a.py
tail -20 src/a.py
wc -l src/*.py
grep -rn "import os" src
grep -rn --include='*.py' 'foo$' .
grep -E 'a|b' src/a.py && echo found || echo 'not found'
rg -n --glob '*.py' 'foo.*bar' src
find . -name '*.py' -type f
find src -name \\*.py -not -path './node_modules/*'
find . ! -name a.py -print
sed -n '1,20p' src/a.py
sed -n 5p src/a.py
sort -u src/a.py | uniq -c | sort -rn -k 1
cut -d: -f1 src/a.py
tr a-z A-Z
tree -L 2 src
stat -c %s src/a.py
du -sh src
df -h .
file src/a.py
which python3
date +%F
date -u '+%Y-%m-%d %H:%M'
echo "hello world" it\\'s
ls src 2>/dev/null
ls src 2>&1 | head
cat src/a.py;ls
cd src && ls -l | wc -l
cd src && cd .. && cat src/a.py
diff src/a.py src/b.py
sha256sum src/a.py
git status
git status -s
git status --porcelain=v2
git log --oneline -5
git log -n 3 --format='%h %s'
git diff
git diff HEAD~1 -- src/a.py
git diff --stat main..feature
git show HEAD
git show 'HEAD@{1}:src/a.py'
git branch --list
git branch -a
git remote -v
git blame -L 1,5 src/a.py
git ls-files src
git rev-parse --abbrev-ref HEAD
git --no-pager log
git stash list
""".strip().splitlines()


@pytest.mark.parametrize("command", ONLY_READ)
def test_it_only_reads(workspace: Workspace, command: str) -> None:
    assert reads(workspace, command)


UNCLEAR = """
rm -rf src
touch x
ls > files
ls >> files
ls 2>errors
ls &> all
ls >/dev/tcp/127.0.0.1/80
cat < /etc/passwd
cat < src/passwd
cat < src/*
cat <> src/a.py
cat <& 3
cat <<< text
cat <<EOF
ls &
ls & rm x
ls &&& rm x
ls |& cat
ls || rm x
ls; rm x
ls && rm x
ls | xargs rm
ls | tee x
ls | sh
ls $(rm x)
ls `rm x`
ls "$(rm x)"
ls "`rm x`"
echo $HOME
echo ${HOME}
echo "$ANTHROPIC_API_KEY"
ls <(rm x)
(rm x)
{ rm x; }
ls {a,b}
X=1 ls
PATH=. ls
env
printenv
export A=1
alias ls=rm
exec ls
eval ls
command rm x
builtin cd
time ls
if true; then rm x; fi
! rm x
ls # comment
ls 'unfinished
ls "unfinished
ls \\
*
./ls
/bin/ls
src/ls
LS
ls ~
ls ~root
ls foo=~
cat /etc/passwd
cat ../secret
cat src/../../secret
cat out/passwd
cat src/passwd
cat src/*
head *
grep root /etc/passwd
grep -f/etc/passwd x
grep -f /etc/passwd x
grep --file=/etc/passwd x
grep -R x .
grep -r x out
diff -r src out
ls out
ls ../*
ls */*
echo /etc/*
cd / && ls
cd .. && ls
cd out && ls
cd src; ls
cd src || ls
cd src && ls; cat ../secret
cd src | ls
ls && cd src && cat ../../secret
cd
cd -
cd src
find . -delete
find . -exec rm {} ;
find . -exec rm {} \\;
find . -execdir rm x +
find . -ok rm x +
find . -fprint x
find . -fprintf x y
find . -fls x
find -L . -name x
find / -name x
sed -i s/a/b/ src/a.py
sed s/a/b/ src/a.py
sed -n 'w x' src/a.py
sed -n '1e rm x' src/a.py
sed -n '1p;w x' src/a.py
sed -n 1p -i src/a.py
sort -o x src/a.py
sort -ox src/a.py
sort -uo x src/a.py
sort --output=x src/a.py
sort --outp x src/a.py
sort --compress-program=sh src/a.py
sort -T src src/a.py
sort *
uniq src/a.py out.txt
uniq src/*
tree -o x
tree -l
file -C -m x
file -z x
date -s 2020-01-01
date 010100002020
date --set=x
tail -f src/a.py
tail --follow src/a.py
rg --pre sh x
rg --pre=sh x
rg -L x
rg -z x
rg --hostname-bin=x y
awk 1 src/a.py
python3 -c 1
less src/a.py
xargs rm
test -f x
kill 1
git
git push
git commit -m x
git checkout main
git branch new
git branch -d main
git branch -D main
git branch -m a b
git tag v1
git remote add x y
git stash
git stash pop
git fetch
git gc
git config x y
git -c core.pager=sh log
git -C .. status
git --git-dir=x log
git --exec-path=x log
git diff --output=x
git diff --ext-diff
git diff /etc/passwd /etc/hosts
git log --show-signature
git log --format=%GK
git log --output=x
git grep -O x
git blame --contents /etc/passwd x
git archive HEAD
git worktree add x
git show --textconv HEAD
git -p log
""".strip().splitlines()


ODD = ["", " ", "ls\nrm x", "ls\rrm x", "ls \0", "ls '\0'", "ls " + "x" * 5000, "ls \xa0x"]


@pytest.mark.parametrize("command", [*UNCLEAR, *ODD])
def test_it_is_unclear(workspace: Workspace, command: str) -> None:
    assert not reads(workspace, command)


class Hiding:
    """Hides some paths, as an ignore file does."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths

    def hides(self, path: Path) -> bool:
        return any(path.is_relative_to(hidden) for hidden in self._paths)

    def hidden(self) -> Sequence[Path]:
        return self._paths


@pytest.mark.parametrize(
    "command",
    ["cat .env", "cat < .env", "cat src/../.env", "grep -r KEY", "grep -rn KEY .", "rg KEY", "rg KEY .", "ls",
     "ls -la .", "find", "find .", "find -name '*'", "tree", "du -a", "wc *", "git log -p", "git show HEAD:.env",
     "cd src && rg KEY .."],
)  # fmt: skip
def test_what_shows_hidden_files_does_not_only_read(workspace: Workspace, command: str) -> None:
    (workspace.root / ".env").write_text("KEY=1\n")
    assert reads(workspace, command)
    assert not reads(replace(workspace, ignored=Hiding(workspace.root / ".env")), command)


@pytest.mark.parametrize(
    "command", ["cat src/a.py", "grep -rn x src", "rg x src", "ls src", "find src -name a.py", "cat src/a.py | grep x"]
)
def test_beside_hidden_files_reading_goes_on(workspace: Workspace, command: str) -> None:
    assert reads(replace(workspace, ignored=Hiding(workspace.root / ".env")), command)


@pytest.mark.parametrize(
    ("command", "number"),
    [("ls src && npm test", 0), ("npm test 2>&1 | tail -20", 1), ("echo $(cat src/a.py)", 1), ("(ls)", 0)],
)
def test_a_part_that_reads_is_known_beside_others(workspace: Workspace, command: str, number: int) -> None:
    script = parse(command)
    assert script is not None
    assert part_only_reads(script.commands[number], places_of(workspace, workspace.root))


@pytest.mark.parametrize(
    "command", ["cat $x", "cat 'a\tb' >f", "X=1 ls", "X=1", "npm test", "cat /etc/passwd", "$x ls"]
)
def test_other_parts_are_unclear(workspace: Workspace, command: str) -> None:
    script = parse(command)
    assert script is not None
    assert not part_only_reads(script.commands[0], places_of(workspace, workspace.root))


def test_a_part_of_git_is_judged_by_what_it_does_without_safe_settings(workspace: Workspace) -> None:
    repository = workspace.root / ".git"
    repository.mkdir()
    (repository / "config").write_text("[core]\n\tbare = false\n")
    script = parse("git status && npm test")
    assert script is not None
    places = places_of(workspace, workspace.root)
    assert part_only_reads(script.commands[0], places)
    (repository / "config").write_text("[core]\n\tfsmonitor = touch x\n")
    assert only_reads(parse("git status"), places)
    assert not part_only_reads(script.commands[0], places)


def test_a_directory_that_looks_like_a_repository_is_unclear_without_safe_settings(workspace: Workspace) -> None:
    script = parse("git log")
    assert script is not None
    places = places_of(workspace, workspace.root)
    assert part_only_reads(script.commands[0], places)
    (workspace.root / "HEAD").write_text("ref: refs/heads/main\n")
    (workspace.root / "objects").mkdir()
    assert not part_only_reads(script.commands[0], places)


def test_a_program_of_the_workspace_is_not_trusted_by_its_name(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = workspace.root / "ls"
    fake.write_text("#!/bin/sh\nrm x\n")
    fake.chmod(0o755)
    path = os.environ["PATH"]
    assert reads(workspace, "ls")
    for hostile in (f"{workspace.root}:{path}", f".:{path}", f":{path}"):
        monkeypatch.setenv("PATH", hostile)
        assert not reads(workspace, "ls")


def test_where_cd_may_lead_elsewhere_it_is_unclear(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDPATH", "/")
    assert not reads(workspace, "cd src && ls")


HOSTILE = {
    "a monitor": ("core.fsmonitor", "touch {proof}; false"),
    "a filter": ("filter.x.clean", "touch {proof}; cat"),
    "a converter": ("diff.x.textconv", "touch {proof}; cat"),
    "a diff driver": ("diff.x.command", "touch {proof}; true"),
    "a diff program": ("diff.external", "touch {proof}; true"),
    "more configuration": ("include.path", "{repository}/more"),
}
GIT_COMMANDS = ["git status", "git diff", "git log -p", "git show", "git ls-files --modified --others"]


@pytest.mark.parametrize(("key", "value"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_repository_that_names_programs_gets_nothing_run_without_approval(
    tmp_path: Path, key: str, value: str
) -> None:
    repository, proof = tmp_path / "work", tmp_path / "proof"
    repository.mkdir()

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        subprocess.run(["git", *who, *arguments], cwd=repository, check=True, capture_output=True)

    git("init", "-q")
    (repository / ".gitattributes").write_text("* filter=x diff=x\n")
    (repository / "a.txt").write_text("one\n")
    git("add", ".")
    git("commit", "-qm", "first")
    (repository / "a.txt").write_text("two\n")
    (repository / "more").write_text(f'[filter "x"]\n\tclean = touch {proof}; cat\n')
    git("config", key, value.format(proof=proof, repository=repository))
    proof.unlink(missing_ok=True)
    workspace = Workspace.at(repository)
    for command in GIT_COMMANDS:
        if reads(workspace, command):
            env = safe_git({"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
            subprocess.run(["bash", "-c", command], cwd=repository, env=env, check=True, capture_output=True)
            assert not proof.exists(), command


def test_reading_a_plain_repository_changes_no_byte_of_it(tmp_path: Path) -> None:
    repository = tmp_path / "work"
    repository.mkdir()

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        subprocess.run(["git", *who, *arguments], cwd=repository, check=True, capture_output=True)

    def state() -> dict[str, tuple[bytes, int]]:
        return {
            str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in repository.rglob("*") if path.is_file()
        }

    git("init", "-q")
    (repository / "a.txt").write_text("one\n")
    git("add", ".")
    git("commit", "-qm", "first")
    os.utime(repository / "a.txt", (1, 1))  # same contents, other time: git would like to note that
    workspace = Workspace.at(repository)
    before = state()
    for command in GIT_COMMANDS:
        assert reads(workspace, command)
        env = safe_git({"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_COUNT": "0"})
        subprocess.run(["bash", "-c", command], cwd=repository, env=env, check=True, capture_output=True)
    assert state() == before


@pytest.mark.parametrize("sign", ["config.worktree", "commondir"])
def test_a_repository_with_configuration_elsewhere_is_unclear(workspace: Workspace, sign: str) -> None:
    repository = workspace.root / ".git"
    repository.mkdir()
    (repository / "config").write_text("[core]\n\tbare = false\n")
    assert reads(workspace, "git status")
    (repository / sign).write_text("")
    assert not reads(workspace, "git status")


def test_a_linked_worktree_or_a_link_is_unclear(workspace: Workspace) -> None:
    (workspace.root / ".git").write_text("gitdir: /elsewhere\n")
    assert not reads(workspace, "git status")
    (workspace.root / ".git").unlink()
    (workspace.root / ".git").symlink_to("/nowhere")
    assert not reads(workspace, "git status")


def test_settings_for_git_that_are_there_already_are_kept() -> None:
    env = safe_git({"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"})
    count = int(env["GIT_CONFIG_COUNT"])
    keys = [env[f"GIT_CONFIG_KEY_{number}"] for number in range(count)]
    assert keys[0] == "a.b"
    assert "core.fsmonitor" in keys
    assert all(f"GIT_CONFIG_VALUE_{number}" in env for number in range(count))
