"""Rules that a person always allows are written into the project's local settings, and nothing else there changes."""

import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_project import Project

from antiphon.errors import SettingsError
from antiphon.policy import Rule
from antiphon.settings.local_rules import add_local_rule, with_rule

NPM = Rule("allow", "run_command", "npm test:*")
GIT = Rule("allow", "run_command", 'git commit -m "a \\ b"')


def add(project: Project, rule: Rule, directory: Path | None = None) -> Path:
    return add_local_rule(rule, directory or project.root, project.environment)


def allowed(project: Project, directory: Path | None = None) -> list[str]:
    return [str(rule) for rule in project.load(directory=directory).settings.rules if rule.verdict == "allow"]


def test_the_first_rule_makes_the_file_and_counts_at_once(project: Project) -> None:
    path = add(project, NPM)
    assert path == project.root / ".antiphon" / "settings.local.toml"
    assert allowed(project) == ["run_command(npm test:*)"]
    assert project.load().settings.rules[0].source.kind == "local"
    assert path.read_text() == (
        "# Settings for this copy of the project alone. Antiphon adds what you always allow.\n"
        'allowed_tools = [\n  "run_command(npm test:*)",\n]\n'
    )


def test_more_rules_stand_beside_it_and_none_twice(project: Project) -> None:
    for rule in (NPM, GIT, NPM, Rule("allow", "web_fetch", "domain:example.com")):
        add(project, rule)
    assert sorted(allowed(project)) == sorted(["web_fetch(domain:example.com)", str(GIT), str(NPM)])
    assert project.load().untrusted == ()


def test_what_the_person_wrote_stays_as_it_is(project: Project) -> None:
    text = (
        "# Mine.\n\nmodel = 'm' # why\nallowed_tools = [ # these\n  'read_file', # harmless\n]\n\n"
        '[[hooks]]\nevent = "Stop"\ncommand = """\nallowed_tools = [\n]"""\n'
    )
    path = project.says(text, local=True)
    project.trusted()
    add(project, NPM)
    assert path.read_text() == text.replace("[ # these", '[\n  "run_command(npm test:*)", # these', 1)
    assert sorted(allowed(project)) == ["read_file", "run_command(npm test:*)"]


def test_a_list_of_denied_tools_is_no_list_of_allowed_ones(project: Project) -> None:
    project.says('disallowed_tools = ["web_fetch"]\n[[hooks]]\nevent = "Stop"\ncommand = "x"\n', local=True)
    project.trusted()
    add(project, NPM)
    add(project, Rule("ask", "web_search"))
    assert {(rule.verdict, rule.tool) for rule in project.load().settings.rules} == {
        ("deny", "web_fetch"),
        ("ask", "web_search"),
        ("allow", "run_command"),
    }
    assert len(project.load().settings.hooks) == 1


def test_nothing_is_added_to_what_nobody_has_trusted(project: Project) -> None:
    path = project.says('allowed_tools = ["run_command"]', local=True)
    with pytest.raises(SettingsError, match="you have not trusted"):
        add(project, NPM)
    assert path.read_text() == 'allowed_tools = ["run_command"]'
    assert allowed(project) == []


def test_the_trust_of_the_shared_file_is_another_matter(project: Project) -> None:
    project.says('allowed_tools = ["run_command"]')
    add(project, NPM)
    assert allowed(project) == [str(NPM)]
    assert len(project.load().untrusted) == 1


def test_git_leaves_it_alone(project: Project) -> None:
    subprocess.run(["git", "init", "-q", str(project.root)], check=True)
    directory = project.root / ".antiphon"
    directory.mkdir()
    (directory / ".gitignore").write_text("cache")
    add(project, NPM)
    add(project, GIT)
    assert (directory / ".gitignore").read_text() == "cache\nsettings.local.toml\n"
    status = ["git", "-C", str(project.root), "status", "--porcelain", "-uall"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == "?? .antiphon/.gitignore\n"


def test_from_further_down_it_is_written_for_the_whole_project(project: Project) -> None:
    (project.root / ".git").mkdir()
    below = project.root / "pkg"
    below.mkdir()
    path = add(project, Rule("allow", "edit_file", "src/**"), below)
    add(project, Rule("allow", "edit_file", "*.md"), below)
    assert path.parent.parent == project.root
    assert sorted(allowed(project)) == ["edit_file(/pkg/**/*.md)", "edit_file(/pkg/src/**)"]


def test_a_home_directory_has_no_local_settings(project: Project) -> None:
    with pytest.raises(SettingsError, match="is no project"):
        add(project, NPM, project.home)


@pytest.mark.parametrize("name", [".antiphon", ".antiphon/settings.local.toml", ".antiphon/.gitignore"])
def test_no_link_is_followed(project: Project, name: str) -> None:
    elsewhere = project.home / "elsewhere"
    path = project.root / name
    path.parent.mkdir(exist_ok=True)
    if name == ".antiphon":
        elsewhere.mkdir()
    else:
        elsewhere.write_text("")
    path.symlink_to(elsewhere)
    with pytest.raises(SettingsError):
        add(project, NPM)
    assert not (list(elsewhere.iterdir()) if elsewhere.is_dir() else elsewhere.read_text())


def test_a_file_that_is_written_strangely_is_left_alone(project: Project) -> None:
    path = project.says('"allowed_tools" = ["read_file"]\n', local=True)
    project.trusted()
    with pytest.raises(SettingsError, match=r"add run_command\(npm test:\*\) to it yourself"):
        add(project, NPM)
    assert path.read_text() == '"allowed_tools" = ["read_file"]\n'


def test_a_file_that_is_broken_or_read_only_is_left_alone(project: Project) -> None:
    path = project.says("allowed_tools = [", local=True)
    with pytest.raises(SettingsError, match="cannot be read as settings"):
        add(project, NPM)
    path.write_text("")
    path.chmod(0o444)
    with pytest.raises(SettingsError, match="read-only"):
        add(project, NPM)
    assert path.read_text() == ""


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sampled_from(
        [
            "",
            "# c\r\nmodel = 'm'\r\n",
            "allowed_tools = []",
            "allowed_tools=['a','b']\n[t]\nallowed_tools = ['c']\n",
            "x = '''\nallowed_tools = [\n'''\nallowed_tools = [\n  'a',\n  # last\n]\n",
            "[t]\nallowed_tools = []\n",
        ]
    ),
)
def test_whatever_the_rule_it_is_added_and_all_else_stays(rule: str, text: str) -> None:
    changed = with_rule(text, "allowed_tools", rule)
    assert changed is not None
    before, after = tomllib.loads(text), tomllib.loads(changed)
    assert sorted(after.pop("allowed_tools")) == sorted({*before.pop("allowed_tools", []), rule})
    assert after == before
