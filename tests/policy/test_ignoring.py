import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.errors import SettingsError
from antiphon.policy import ignore_files
from antiphon.policy.ignore_files import IgnoreFiles
from antiphon.policy.ignore_patterns import IgnorePatterns, UnusableIgnoreFile
from antiphon.policy.ignoring import NOTHING_HIDDEN, open_ignored

NAME = ".antiphonignore"


def tree(root: Path, files: Mapping[str, str]) -> IgnoreFiles:
    """Make these files; return what says which are hidden."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return IgnoreFiles(root, [NAME])


def relative(root: Path, ignored: IgnoreFiles) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in ignored.hidden())


@pytest.mark.parametrize(
    ("pattern", "hidden", "shown"),
    [
        (".env", [".env", "a/.env", ".env/x"], [".env.example", "xenv", ".envrc"]),
        ("*.pem", ["a.pem", "a/b/c.pem"], ["a.pem.txt", "pem"]),
        ("/build", ["build", "build/a/b"], ["a/build", "builds"]),
        ("secrets/", ["secrets/a", "a/secrets/b"], ["secrets", "a/secrets"]),  # a file of that name is none
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z/y"], ["z", "b/a/z", "a/zz"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("**/a/b", ["a/b", "x/a/b", "x/y/a/b/c"], ["a/x/b"]),
        ("*\n!keep.txt", ["a", "a/b", "a/keep.txt"], ["keep.txt"]),
        ("*\n!a/\n!a/keep", ["b", "a/other"], ["a/keep"]),
        ("a[0-9]?.txt", ["a1x.txt"], ["a1.txt", "ax1.txt", "a1/.txt"]),
        ("\\!x\n\\#y\nz\\ ", ["!x", "#y", "z "], ["x", "y", "z"]),
        ("# a\n\n   \nb", ["b"], ["a", "# a", " "]),
        ("crlf\r\nnext\r\n", ["crlf", "next"], []),
        ("b\xfccher", ["b\xfccher/x"], ["bucher"]),
    ],
)
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path, pattern: str, hidden: list[str], shown: list[str]) -> None:
    (tmp_path / NAME).write_bytes(pattern.encode())
    ignored = IgnoreFiles(tmp_path, [NAME])
    assert [path for path in hidden if not ignored.hides(tmp_path / path)] == []
    assert [path for path in shown if ignored.hides(tmp_path / path)] == []


PIECES = st.sampled_from(["a", "b", "ab", "*", "**", "?", "a*", "*b", "[ab]", "a*b", "*a*", "[!a]b", "a.b"])


def written(start: str, pieces: list[str], end: str) -> str:
    return start + "/".join(pieces) + end


PATTERNS = st.builds(
    written,
    st.sampled_from(["", "!", "/", "!/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "aab", "a.b", "ba"]), min_size=1, max_size=4).map("/".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PATTERNS, min_size=1, max_size=5), st.lists(PATHS, min_size=5, max_size=30))
def test_git_itself_says_the_same(repository: Path, patterns: list[str], paths: list[str]) -> None:
    (repository / ".gitignore").write_text("\n".join(patterns))
    argv = ["git", "check-ignore", "--no-index", "-v", "-z", "--stdin"]
    asked = subprocess.run(argv, cwd=repository, input="\0".join(paths).encode(), capture_output=True, check=False)
    # Of each path that a line is about: file, line, pattern, path. A line with `!` shows it.
    told = asked.stdout.decode().split("\0")
    by_git = {path for pattern, path in zip(told[2::4], told[3::4], strict=True) if not pattern.startswith("!")}
    ignored = IgnoreFiles(repository, [".gitignore"])
    assert {path for path in paths if ignored.hides(repository / path)} == by_git


def test_the_line_that_hides_is_named(tmp_path: Path) -> None:
    ignored = tree(tmp_path, {NAME: "# none\n*.key\n", f"sub/{NAME}": "x"})
    assert ignored.why(tmp_path / "a.key") == ".antiphonignore, line 2"
    assert ignored.why(tmp_path / "sub/x/y") == "sub/.antiphonignore, line 1"
    assert ignored.why(tmp_path / "a") is None
    assert ignored.why(tmp_path) is None
    assert ignored.why(Path("/etc/passwd.key")) is None


def test_an_ignore_file_further_down_hides_more_and_shows_nothing_that_one_above_hides(tmp_path: Path) -> None:
    ignored = tree(tmp_path, {NAME: ".env", f"sub/{NAME}": "!.env\n/local\n*.x\n!a.x"})
    assert ignored.hides(tmp_path / "sub/.env")
    assert ignored.hides(tmp_path / "sub/local")
    assert not ignored.hides(tmp_path / "local")
    assert ignored.hides(tmp_path / "sub/deep/b.x")
    assert not ignored.hides(tmp_path / "sub/deep/a.x")


def test_several_names_are_read_each_for_itself(tmp_path: Path) -> None:
    tree(tmp_path, {NAME: "a", ".rooignore": "b\n!a"})
    ignored = open_ignored(tmp_path, [NAME, ".rooignore"])
    assert [ignored.hides(tmp_path / name) for name in ("a", "b", "c")] == [True, True, False]


def test_added_directories_have_ignore_files_of_their_own(tmp_path: Path) -> None:
    tree(tmp_path, {f"one/{NAME}": "a", f"two/{NAME}": "b", "one/a": "", "two/b": "", "two/a": ""})
    one, two = tmp_path / "one", tmp_path / "two"
    ignored = open_ignored(one, [NAME], [two])
    assert [ignored.hides(path) for path in (one / "a", one / "b", two / "a", two / "b")] == [True, False, False, True]
    assert ignored.why(two / "b") == ".antiphonignore, line 1"
    assert list(map(ignored.glance(), [one / "a", two / "a", two / "b"])) == [True, False, True]
    assert sorted(ignored.hidden()) == [one / "a", two / "b"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "../.antiphonignore", "/etc/passwd"])
def test_a_name_that_is_none_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="ignore_files"):
        open_ignored(tmp_path, [name])


def test_without_names_nothing_is_hidden(tmp_path: Path) -> None:
    assert open_ignored(tmp_path, []) is NOTHING_HIDDEN
    assert not NOTHING_HIDDEN.glance()(tmp_path)


def test_an_ignore_file_that_appears_changes_or_goes_counts_at_once(tmp_path: Path) -> None:
    ignored = tree(tmp_path, {"a": "", "b": "", "sub/a": ""})
    assert relative(tmp_path, ignored) == []
    file = tmp_path / NAME
    for text, hidden in (("a", ["a", "sub/a"]), ("b", ["b"]), ("c", [])):
        file.write_text(text)  # of the same size, within the same tick of the clock
        assert [ignored.hides(tmp_path / name) for name in ("a", "b")] == ["a" in hidden, "b" in hidden]
        assert relative(tmp_path, ignored) == hidden
    file.unlink()
    (tmp_path / "sub" / NAME).write_text("a")
    assert relative(tmp_path, ignored) == ["sub/a"]
    assert ignored.sources() == [tmp_path / "sub" / NAME]


@pytest.mark.parametrize("kind", ["directory", "invalid", "broken set", "endless", "large", "pipe"])
def test_what_is_beside_an_ignore_file_that_cannot_be_used_is_hidden(tmp_path: Path, kind: str) -> None:
    ignored = tree(tmp_path, {"a": "", "sub/b": "", "sub/c/d": ""})
    file = tmp_path / "sub" / NAME
    match kind:
        case "directory":
            file.mkdir()
        case "invalid":
            file.write_text("fine\n!\n")
        case "broken set":
            file.write_text("fine\n[abc\n")
        case "endless":
            file.write_text("**/a/**/a/**/a/**/a/**/a/**/b")
        case "large":
            file.write_bytes(b"a\n" * 600_000)
        case _:
            os.mkfifo(file)
    assert ignored.hides(tmp_path / "sub/b")
    assert ignored.hides(tmp_path / "sub/c/d")
    assert "sub/.antiphonignore, which cannot be used: " in (ignored.why(tmp_path / "sub/b") or "")
    assert not ignored.hides(tmp_path / "a")
    assert not ignored.hides(tmp_path / "sub")
    assert relative(tmp_path, ignored) == ["sub/.antiphonignore", "sub/b", "sub/c"]


def test_names_that_are_no_text_are_hidden_too(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"*.key\n\xff\xfe\n")
    ignored = IgnoreFiles(tmp_path, [NAME])
    assert ignored.hides(tmp_path / "a\nb" / "x\n.key")
    assert ignored.hides(tmp_path / os.fsdecode(b"\xff\xfe"))
    assert not ignored.hides(tmp_path / os.fsdecode(b"\xff"))


def test_where_the_file_system_ignores_case_so_do_the_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).write_text("Secret.txt\nKIND[A-Z]\ne\u0301\n")
    assert not IgnoreFiles(tmp_path, [NAME]).hides(tmp_path / "SECRET.TXT")
    monkeypatch.setattr(ignore_files, "_ignores_case", bool)
    ignored = IgnoreFiles(tmp_path, [NAME])
    assert [ignored.hides(tmp_path / name) for name in ("SECRET.TXT", "kindx", "\xe9", "\xc9", "other")] == [
        *(True, True, True, True),
        False,
    ]


def test_only_topmost_hidden_paths_are_listed_and_nothing_behind_links_or_in_git(tmp_path: Path) -> None:
    files = {NAME: "secrets/\n*.key\n/private", "secrets/a/b.key": "", "x/b.key": "", ".git/c.key": "", "private": ""}
    ignored = tree(tmp_path, {**files, "plain": "", "shown/d": ""})
    (tmp_path / "loop").symlink_to(tmp_path)
    assert relative(tmp_path, ignored) == ["private", "secrets", "x/b.key"]


def test_of_a_hidden_link_what_it_leads_to_is_listed(tmp_path: Path) -> None:
    ignored = tree(tmp_path, {NAME: "*.key", "real": "", "sub/a": ""})
    (tmp_path / "a.key").symlink_to("real")
    (tmp_path / "b.key").symlink_to("/etc/passwd")
    (tmp_path / "c.key").symlink_to("missing")
    (tmp_path / "d.key").symlink_to(".")
    (tmp_path / "e.key").symlink_to("sub")
    assert relative(tmp_path, ignored) == ["real", "sub"]


def test_what_was_read_before_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = tree(tmp_path, {NAME: "*.key", "a/x.key": "", "b/c/d": "", "b/e": ""})
    read: list[str] = []
    really = IgnoreFiles._read_directory

    def counted(self: IgnoreFiles, directory: str, *others: Any) -> Any:
        read.append(os.path.relpath(directory, tmp_path))
        return really(self, directory, *others)

    monkeypatch.setattr(IgnoreFiles, "_read_directory", counted)
    monkeypatch.setattr(ignore_files, "_SETTLED_NS", 0)
    time.sleep(0.02)  # beyond the granularity of the file system's times
    assert relative(tmp_path, ignored) == ["a/x.key"]
    assert sorted(read) == [".", "a", "b", "b/c"]
    read.clear()
    assert relative(tmp_path, ignored) == ["a/x.key"]
    assert read == []
    (tmp_path / "b" / "y.key").touch()
    os.utime(tmp_path / "b", ns=(0, 0))  # whoever sets the time back is seen
    assert relative(tmp_path, ignored) == ["a/x.key", "b/y.key"]
    assert read == ["b"]
    read.clear()
    time.sleep(0.02)
    (tmp_path / NAME).write_text("d")
    assert relative(tmp_path, ignored) == ["b/c/d"]
    assert sorted(read) == [".", "a", "b", "b/c"]


def test_a_file_that_appears_in_the_same_tick_as_the_last_look_is_seen(tmp_path: Path) -> None:
    ignored = tree(tmp_path, {NAME: "*.key"})
    for number in range(50):
        (tmp_path / f"{number}.key").touch()
        assert len(ignored.hidden()) == number + 1


@pytest.mark.parametrize("pattern", ["*a" * 20 + "b", "**/" + "*a" * 20 + "b/c", "*" * 50 + "b", "a**" * 4 + "b"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    began = time.monotonic()
    assert IgnorePatterns(pattern).hiding("a" * 255) is None
    assert IgnorePatterns(pattern).hiding("/".join(["a" * 255] * 15)) is None
    assert time.monotonic() - began < 5


def test_stars_find_what_they_should_even_so() -> None:
    assert IgnorePatterns("*ab*ab*").hiding("xabaabx") == 1
    assert IgnorePatterns("a*?b*[cd]*e").hiding("axxbbdxe") == 1
    assert IgnorePatterns("*.test.*.snap").hiding("a.test.test.b.snap") == 1


def test_a_line_that_is_no_pattern_is_named() -> None:
    with pytest.raises(UnusableIgnoreFile, match=r"line 2 is no pattern: '\[a'"):
        IgnorePatterns("b\n[a\n")


def test_who_has_no_ignore_file_does_not_pay_for_patterns(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from antiphon.policy.ignoring import open_ignored\n"
        "root = Path(sys.argv[1]); ignored = open_ignored(root, ['.antiphonignore'])\n"
        "ignored.hidden(); ignored.hides(root / 'a' / 'b')\n"
        "print('pathspec' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
