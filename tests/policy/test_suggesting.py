"""Which rules are offered to somebody who does not want to be asked again."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from permission_calls import ROOT, command, file, page

from antiphon.engine.events import INDEPENDENT, Access, ToolCall
from antiphon.policy import Permissions
from antiphon.policy.rules import parse_rule, split_rules
from antiphon.policy.subjects import Subject


def offered(call: tuple[ToolCall, Access, Subject | None], *allow: str) -> list[str]:
    return [str(rule) for rule in Permissions.of(allow=allow, root=ROOT).suggestions(call[0], call[2])]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("npm test --watch", ["run_command(npm test:*)"]),
        ("npm run build -- --x", ["run_command(npm run build:*)"]),
        ("git commit -m 'x y'", ["run_command(git commit:*)"]),
        ("cargo build --release", ["run_command(cargo build:*)"]),
        ("docker compose up -d", ["run_command(docker compose up:*)"]),
        ("uv run pytest -q", ["run_command(uv run pytest:*)"]),
        ("npx tsc --noEmit", ["run_command(npx tsc:*)"]),
        ("python -m pytest x", ["run_command(python -m pytest:*)"]),
        ("python3.12 tools/x.py a", ["run_command(python3.12 tools/x.py:*)"]),
        ("uv run python x.py", ["run_command(uv run python x.py:*)"]),
        ("./build.sh --fast", ["run_command(./build.sh:*)"]),
        ("pytest $X", ["run_command(pytest:*)"]),
        ("make test", ["run_command(make test)"]),
        ("npm test && cargo build && npm test", ["run_command(npm test:*)", "run_command(cargo build:*)"]),
        ("npm test > out/x.txt", ["run_command(npm test:*)", "write_file(out/**)"]),
        ("npm test > x.txt", ["run_command(npm test:*)", "write_file(/x.txt)"]),
    ],
)
def test_the_narrowest_rule_of_use_is_offered_for_each_part(text: str, rules: list[str]) -> None:
    assert offered(command(text)) == rules
    assert offered(command(text), *rules) == []


def test_parts_that_are_allowed_need_no_rule() -> None:
    assert offered(command("npm test && cargo build"), "run_command(npm:*)") == ["run_command(cargo build:*)"]


@pytest.mark.parametrize(
    "text",
    [
        "rm x",
        "sudo npm test",
        "bash build.sh",
        "bash -c 'npm test'",
        "/bin/bash build.sh",
        "python -c 'print(1)'",
        "python",
        "node -e 1",
        "uv run python -c 1",
        "npx node -e 1",
        "npx",
        "npm --prefix x test",
        "git -C x push",
        "git config x y",
        "git",
        "docker run x",
        "curl example.com",
        "env A=b x",
        "xargs npm test",
        "find . -delete",
        "sed -i s/a/b/ x",
        "cp a b",
        "cd ..",
        "PATH=/x npm test",
        "make $X",
        "$X",
        "np* test",
        "if nothing",
        "npm test &",
        "npm test > $X",
        "npm test > .envrc",
        "npm test && rm x",
        "'odd name' x",
    ],
)
def test_none_is_offered_that_would_allow_as_good_as_all_or_would_not_help(text: str) -> None:
    assert offered(command(text)) == []


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("src/a.py", ["edit_file(src/**)"]),
        ("src/x/a.py", ["edit_file(src/x/**)"]),
        ("a.py", ["edit_file(/a.py)"]),
        ("[id]/a.ts", [r"edit_file(\[id\]/**)"]),
        ("a (1), b/x", ["edit_file(a (1), b/**)"]),
        ("odd)/x", ["edit_file(odd)/**)"]),
        ("two, (words/x", []),
        ("line\nfeed/x", []),
        (".envrc", []),
        (".vscode/x", []),
    ],
)
def test_for_a_file_its_directory_is_offered(name: str, rules: list[str]) -> None:
    assert offered(file("edit_file", name)) == rules
    assert offered(file("edit_file", name), *rules) == []


def test_for_a_file_in_an_added_directory_its_place_is_offered() -> None:
    assert offered(file("edit_file", "a", root=Path("/elsewhere/x"))) == ["edit_file(//elsewhere/x/**)"]


def test_for_a_page_its_host_is_offered_and_for_other_tools_their_name() -> None:
    assert offered(page("docs.example.com")) == ["web_fetch(domain:docs.example.com)"]
    assert offered((ToolCall("a", "mcp__store__add", {}), INDEPENDENT, None)) == ["mcp__store__add"]


def test_nothing_is_offered_where_a_rule_asks() -> None:
    permissions = Permissions.of("bypass", ask=["run_command(npm publish:*)"], root=ROOT)
    call, _, subject = command("npm publish")
    assert permissions.suggestions(call, subject) == ()


@given(st.lists(st.text(min_size=1).filter(lambda text: "/" not in text and text not in {".", ".."}), min_size=1))
@example(["~"])
@example(["~", "a"])
def test_what_is_offered_for_a_file_can_be_written_down_and_allows_it(names: list[str]) -> None:
    call = file("write_file", "/".join(names))
    rules = Permissions(root=ROOT).suggestions(call[0], call[2])
    for rule in rules:
        assert split_rules(str(rule)) == [str(rule)]
        assert parse_rule(str(rule), "allow", rule.source) == rule
    if rules:
        assert Permissions("default", rules, root=ROOT).decide(*call).verdict == "allow"
