from pathlib import Path

from antiphon.policy.sandbox.bubblewrap import arguments
from antiphon.policy.sandbox.profile import Profile


def mounts(profile: Profile) -> list[tuple[str, str]]:
    """Return where something is mounted and how, in order."""
    found = arguments(profile, Path("/"))
    return [(found[at + 2], found[at]) for at in range(len(found)) if found[at] in {"--bind", "--ro-bind"}]


def test_later_mounts_are_below_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    profile = Profile(
        scratch=Path("/scratch"),
        writable=(Path("/work"),),
        pinned=(Path("/work/.git"), Path("/work/a")),
        read_only=(Path("/work/.git/modules/x/hooks"), Path("/work/.git/hooks")),
        hidden=(Path("/work/a/key"),),
    )
    assert mounts(profile)[2:] == [
        ("/work", "--bind"),
        ("/work/.git", "--bind"),
        ("/work/a", "--bind"),
        ("/work/.git/hooks", "--ro-bind"),
        ("/work/a/key", "--ro-bind"),
        ("/work/.git/modules/x/hooks", "--ro-bind"),
    ]


def test_of_several_decisions_about_one_path_the_strictest_holds() -> None:
    path = Path("/work/x")
    profile = Profile(scratch=Path("/scratch"), pinned=(path,), read_only=(path,), hidden=(path,))
    found = arguments(profile, Path("/"))
    assert found.count("/work/x") == 1
    assert found[found.index("/work/x") - 1] == "/dev/null"


def test_a_hidden_directory_is_empty_and_cannot_be_entered(tmp_path: Path) -> None:
    found = arguments(Profile(scratch=Path("/scratch"), hidden=(tmp_path,)), Path("/"))
    at = found.index(str(tmp_path))
    assert found[at - 5 : at + 3] == [
        "--perms",
        "0000",
        "--size",
        "4096",
        "--tmpfs",
        str(tmp_path),
        "--remount-ro",
        str(tmp_path),
    ]


def test_the_network_is_there_only_when_it_is_open() -> None:
    assert "--unshare-net" in arguments(Profile(scratch=Path("/scratch")), Path("/"))
    assert "--unshare-net" in arguments(Profile(scratch=Path("/scratch"), network="proxy"), Path("/"))
    assert "--unshare-net" not in arguments(Profile(scratch=Path("/scratch"), network="open"), Path("/"))


def test_what_lies_among_temporary_files_is_reached_through_a_directory_that_is_made_anew() -> None:
    found = arguments(Profile(scratch=Path("/scratch"), writable=(Path("/tmp/a/b/work"),)), Path("/"))
    assert found[found.index("/tmp/a") - 1] == "--tmpfs"
    assert found.index("/tmp") < found.index("/tmp/a") < found.index("/tmp/a/b/work")


def test_roots_files_of_the_kernel_are_covered() -> None:
    assert "/proc/sys" not in arguments(Profile(scratch=Path("/scratch")), Path("/"))
    found = arguments(Profile(scratch=Path("/scratch")), Path("/"), root=True)
    assert found.index("--proc") < found.index("/proc/sys")
