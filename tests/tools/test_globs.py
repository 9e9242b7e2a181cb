"""Glob patterns."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.tools.globs import glob_matcher

PATHS = ["a.py", "src/a.py", "src/b/c.py", "src/b/c.ts", "src/b/d.tsx", "docs/a.md", ".github/x.yml", "src/[x].py"]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*.py", ["a.py", "src/a.py", "src/b/c.py", "src/[x].py"]),
        ("./*.md", ["docs/a.md"]),
        ("/a.py", ["a.py"]),
        ("src/*.py", ["src/a.py", "src/[x].py"]),
        ("src/**/*.py", ["src/a.py", "src/b/c.py", "src/[x].py"]),
        ("**/*.py", ["a.py", "src/a.py", "src/b/c.py", "src/[x].py"]),
        ("**", PATHS),
        ("**/**/a.*", ["a.py", "src/a.py", "docs/a.md"]),
        ("src/**", ["src/a.py", "src/b/c.py", "src/b/c.ts", "src/b/d.tsx", "src/[x].py"]),
        ("src/b/", ["src/b/c.py", "src/b/c.ts", "src/b/d.tsx"]),
        ("*.{ts,tsx}", ["src/b/c.ts", "src/b/d.tsx"]),
        ("{src,docs}/a.{py,md}", ["src/a.py", "docs/a.md"]),
        ("{a,src/{a,b/c}}.py", ["a.py", "src/a.py", "src/b/c.py"]),
        ("[ad].*", ["a.py", "src/a.py", "src/b/d.tsx", "docs/a.md"]),
        ("[!a].py", ["src/b/c.py"]),
        ("src/[[]x].py", ["src/[x].py"]),
        ("?.py", ["a.py", "src/a.py", "src/b/c.py"]),
        ("A.PY", []),
        ("*/c.py", []),
        ("{a}.py", []),
        ("*.yml", [".github/x.yml"]),
    ],
)
def test_a_pattern_matches_the_paths_it_should(pattern: str, matches: list[str]) -> None:
    wanted = glob_matcher(pattern)
    assert [path for path in PATHS if wanted(path)] == matches


@pytest.mark.parametrize(
    ("pattern", "message"), [("", "is empty"), ("./", "is empty"), ("{a,b}" * 7, "stand for more than 64")]
)
def test_a_pattern_that_means_nothing_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        glob_matcher(pattern)


@given(st.lists(st.sampled_from("ab/*?"), max_size=8).map("".join), st.lists(st.sampled_from("ab/"), max_size=8))
def test_a_path_matches_its_own_name_with_stars_in_it(pattern: str, letters: list[str]) -> None:
    path = "/".join(part for part in "".join(letters).split("/") if part)
    if path:
        assert glob_matcher(f"**/{path}")(path)
        assert glob_matcher(f"/{path}")(path)
    if pattern:
        glob_matcher(pattern)(path)


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    wanted = glob_matcher("/".join(["**", "*a*a*a*a*a*a*a*b"] * 20))
    assert not wanted("/".join(["a" * 200] * 40))
    assert time.process_time() - began < 2
