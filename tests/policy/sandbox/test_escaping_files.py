"""Commands that try to change or read files outside of what they may."""

import os
import re
from pathlib import Path

import anyio
import pytest
from cells import Cell, Place, cell

from antiphon.policy.ignoring import NothingHidden, open_ignored
from antiphon.policy.sandbox.choosing import KeeperName
from antiphon.policy.workspace import Workspace

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns").exists(), reason="these sandboxes are Linux's")

WAYS_TO_WRITE = {
    "by its path": "echo taken > {outside}/mine",
    "by a path that climbs": "echo taken > ../outside/mine",
    "by a link": "ln -s {outside} link && echo taken > link/mine",
    "by a link to the file": "ln -s {outside}/mine link && echo taken > link",
    "by a hard link": "ln {outside}/mine link && echo taken > link",
    "by moving over it": "echo taken > new && mv new {outside}/mine",
    "by emptying it": "truncate -s 0 {outside}/mine",
    "by removing it": "rm {outside}/mine",
    "by moving it": "mv {outside}/mine here",
    "by a descriptor": "exec 3<>{outside}/mine && echo taken >&3",
    "by unpacking": "tar -cf - -C / etc/hostname --transform 's,.*,{outside}/mine,' -P | tar -xPf -",
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE.values(), ids=WAYS_TO_WRITE)
async def test_a_file_outside_cannot_be_changed(jail: Cell, way: str) -> None:
    mine = jail.place.give(jail.place.outside / "mine", "mine")
    script = way.format(outside=jail.place.outside)
    await jail(script)
    assert mine.exists()
    assert (mine.read_text(), mine.stat().st_mode & 0o777) == ("mine", 0o644)
    await jail.free(f"rm -f link here new; {script}")
    assert not mine.exists() or (mine.read_text(), mine.stat().st_mode & 0o777) != ("mine", 0o644)


async def test_nor_by_a_link_that_changes_between_a_look_and_its_use(jail: Cell) -> None:
    mine = jail.place.give(jail.place.outside / "mine", "mine")
    await jail(
        f"touch real; (while :; do ln -sfn real link; ln -sfn {mine} link; done) & "
        "for i in $(seq 300); do [ -L link ] && echo taken > link; done 2>/dev/null; kill %1; exit 0"
    )
    assert mine.read_text() == "mine"


async def test_the_system_cannot_be_changed(jail: Cell) -> None:
    places = ("/etc/escaped", "/usr/bin/escaped", "/escaped", "/var/lib/escaped")
    for place in places:
        assert "failed" in await jail(f"echo taken > {place}")
    assert not any(map(os.path.exists, places))


async def test_nor_can_the_kernel(jail: Cell) -> None:
    # The value that is there already, in case it does get through.
    for file in ("kernel/core_pattern", "kernel/modprobe", "vm/swappiness", "fs/suid_dumpable"):
        assert "failed" in await jail(f'now=$(cat /proc/sys/{file}); echo "$now" > /proc/sys/{file}')
    assert "failed" in await jail(": > /proc/sysrq-trigger")
    written = await jail("find /proc/sys /proc/irq /proc/bus /sys -type f -writable 2>/dev/null | wc -l")
    assert jail.kind == "landlock" or written == "0"


async def test_the_mode_and_the_times_of_a_file_outside_stay(jail: Cell) -> None:
    if jail.kind == "landlock":
        return  # It knows neither; docs/sandbox.md says so.
    mine = jail.place.give(jail.place.outside / "mine", "mine")
    before = mine.stat()
    await jail(f"chmod 777 {mine}; touch -d 2000-01-01 {mine}; chown 1 {mine}; setfattr -n user.x -v 1 {mine}")
    after = mine.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_uid) == (before.st_mode, before.st_mtime_ns, before.st_uid)


async def test_the_workspace_and_temporary_files_can_be_changed(jail: Cell) -> None:
    assert await jail("mkdir -p a/b && echo one > a/b/c && mv a/b/c d && cat d && rm -r a && ln d e && rm e") == "one"
    assert (jail.place.root / "d").read_text() == "one\n"
    assert await jail('echo two > "$TMPDIR/x-of-a-cell"; echo three > $(mktemp)') == ""
    # The next command finds them, and nobody else.
    assert await jail('cat "$TMPDIR/x-of-a-cell"') == "two"
    assert list(jail.place.top.parent.glob("x-of-a-cell")) == []


async def test_the_home_directory_is_hidden_and_what_is_written_there_stays_inside(jail: Cell) -> None:
    secrets = [".ssh/id_ed25519", ".netrc", ".aws/credentials", ".config/gh/hosts.yml", "documents/diary"]
    for name in secrets:
        jail.place.give(jail.place.home / name, "secret")
    jail.place.give(jail.place.home / ".gitconfig", "[user]\n\tname = Somebody\n")
    paths = " ".join(f"{jail.place.home}/{name}" for name in secrets)
    assert "secret" not in await jail(f"cat {paths}; grep -rs secret ~ {jail.place.home}; cp -r {jail.place.home} mine")
    assert await jail.free(f"cat {paths}") == "secret" * len(secrets)
    await jail(f"echo hi > {jail.place.home}/.bashrc; echo hi > ~/.bashrc; mkdir -p ~/.config/fish")
    assert not (jail.place.home / ".bashrc").exists()


async def test_what_is_to_be_seen_of_the_home_directory_is_seen(kind: tuple[KeeperName, bool], ground: Place) -> None:
    ground.give(ground.home / ".gitconfig", "[user]\n\tname = Somebody\n")
    ground.give(ground.home / ".ssh" / "known_hosts", "example.com")
    ground.give(ground.home / ".ssh" / "id", "secret")
    async with cell(kind[0], ground, show=[ground.home / ".ssh" / "known_hosts"]) as jail:
        assert await jail("git config user.name") == "Somebody"
        assert await jail("cat ~/.ssh/known_hosts") == "example.com"
        assert "secret" not in await jail(f"cat ~/.ssh/id {ground.home}/.ssh/id; git config --global user.name Other")
    assert "Somebody" in (ground.home / ".gitconfig").read_text()


async def test_programs_of_the_home_directory_can_be_used_and_not_changed(
    kind: tuple[KeeperName, bool], ground: Place
) -> None:
    tool = ground.give(ground.home / ".local" / "bin" / "tool", "#!/bin/sh\necho works\n")
    tool.chmod(0o755)
    ground.env["PATH"] = f"{ground.home}/.local/bin:{ground.env['PATH']}"
    async with cell(kind[0], ground) as jail:
        assert await jail("tool") == "works"
        await jail(f"echo evil > {tool}; rm -rf {tool}; mv {tool.parent} x")
    assert "works" in tool.read_text()


async def test_more_may_be_written_where_the_user_says_so(kind: tuple[KeeperName, bool], ground: Place) -> None:
    async with cell(kind[0], ground, write=[ground.outside]) as jail:
        assert await jail(f"echo hi > {ground.outside}/there") == ""
    assert (ground.outside / "there").read_text() == "hi\n"


class Hides(NothingHidden):
    """Hides these files."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths

    def hidden(self) -> list[Path]:
        return [path for path in self._paths if path.exists()]


async def test_hidden_files_cannot_be_read_by_any_name(kind: tuple[KeeperName, bool], ground: Place) -> None:
    files = [ground.give(ground.root / name, "secret") for name in (".env", "a/b/key", "vault/one")]
    ground.give(ground.root / "plain", "plain")
    workspace = Workspace(
        ground.root, ignored=Hides(ground.root / ".env", ground.root / "a/b/key", ground.root / "vault")
    )
    async with cell(kind[0], ground, workspace) as jail:
        for script in (
            "cat .env a/b/key vault/one",
            "grep -r . .",
            "cp .env x && cat x",
            "mv .env x && cat x",
            "ln .env y && cat y",
            "ln -s .env z && cat z",
            "mv a moved && cat moved/b/key",
            "mv vault moved && cat moved/one",
            "tar -c . | tar -xO",
            "python3 -c \"print(open('.env').read())\"",
        ):
            assert "secret" not in await jail(f"{script}; true"), script
            assert "secret" not in await jail("cat x y z moved/b/key moved/one .env; true"), script
        assert await jail("cat plain") == "plain"
        assert "secret" in await jail.free("grep -rh . .")
    assert [path.name for path in files if path.exists()]


async def test_what_hides_files_cannot_be_changed_by_who_would_see_them(
    kind: tuple[KeeperName, bool], ground: Place
) -> None:
    # Landlock puts back what is at the top; it cannot refuse a change of one file further down.
    place, name = (ground.root, ".antiphonignore") if kind[0] == "landlock" else (ground.root / "a" / "b", ".hidden")
    ground.give(place / name, "key\n")
    ground.give(place / "key", "secret")
    workspace = Workspace(ground.root, ignored=open_ignored(ground.root, [name]))
    async with cell(kind[0], ground, workspace) as jail:
        for script in (f"rm -f {name}", f"echo > {name}", f"mv {name} x", f"mv {ground.root}/a {ground.root}/moved"):
            await jail(f"cd {place}; {script}; true")
            assert "secret" not in await jail(f"cat {place}/key {ground.root}/moved/b/key; true"), script
    assert (place / name).read_text() == "key\n"


def _contents(directory: str, name: str) -> list[str]:
    return [path.read_text() for path in Path(directory).rglob(name)]


async def test_what_was_taken_away_is_kept_where_the_result_says(kind: tuple[KeeperName, bool], ground: Place) -> None:
    async with cell(kind[0], ground) as jail:
        await jail("mkdir .vscode; echo mine > .vscode/tasks.json")
        said = re.search(r"kept in (\S+) until the session ends", str(jail.notes))
        assert said is not None
        assert _contents(said[1], "tasks.json") == ["mine\n"]
    assert not (ground.root / ".vscode").exists()


async def test_nobody_gets_out_through_a_workspace_that_is_the_home_directory(
    kind: tuple[KeeperName, bool], ground: Place
) -> None:
    ground.give(ground.home / ".ssh" / "id", "secret")
    ground.give(ground.home / "plain", "plain")
    async with cell(kind[0], ground, Workspace.at(ground.home)) as jail:
        assert await jail(f"cat {ground.home}/plain") == "plain"
        assert "secret" not in await jail(f"cat {ground.home}/.ssh/id; mv {ground.home}/.ssh x; cat x/id")
        await jail(f"echo evil > {ground.home}/.bashrc")
        assert "protected" in jail.notes
    assert not (ground.home / ".bashrc").exists()


async def test_no_command_prepares_the_places_where_the_next_ones_directories_are_mounted(jail: Cell) -> None:
    if jail.kind == "landlock":
        return  # It mounts nothing.
    mine = jail.place.give(jail.place.outside / "mine", "mine")
    top, home, root = jail.place.top, jail.place.home, jail.place.root
    for place in (top, root, home, home / ".cache"):
        await jail(f"mv {place} /tmp/moved; rm -rf {place}; ln -s /oldroot{jail.place.outside} {place}; true")
        assert await jail("echo still here > file; cat file") == "still here"
    assert (root / "file").read_text() == "still here\n"
    assert mine.read_text() == "mine"
    assert [path.name for path in jail.place.outside.iterdir()] == ["mine"]


async def test_links_that_are_made_while_commands_start_lead_nowhere(
    kind: tuple[KeeperName, bool], ground: Place
) -> None:
    secret = ground.give(ground.outside / "b" / "key", "secret")
    ground.give(ground.root / "a" / "b" / "key", "hidden")
    ground.give(ground.root / "a" / "b" / "plain", "plain")
    workspace = Workspace(ground.root, ignored=Hides(ground.root / "a" / "b" / "key"))
    async with cell(kind[0], ground, workspace) as jail:
        swap = f"while :; do mv a x; ln -s {ground.outside} a; rm a; mv x a; done 2>/dev/null"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jail, swap, 60)
            for _ in range(15):
                said = await jail("cat a/b/key; true")
                assert "secret" not in said
                await jail("echo evil > a/b/key; true")
            tasks.cancel_scope.cancel()
    assert secret.read_text() == "secret"
