"""What the files of a project can say, with and without trust."""

import os
from pathlib import Path

import pytest
from some_project import Project

from antiphon.engine.events import Access, ToolCall
from antiphon.errors import SettingsError
from antiphon.policy import Permissions, Rule, RuleSource
from antiphon.policy.hooks import HookSetting
from antiphon.policy.subjects import FileSubject
from antiphon.settings import KEYS, Settings, load, user_file

TRUSTED = """
model = "theirs"
max_turns = 5
max_parallel_tools = 2
timeout = 60
permission_mode = "plan"
allowed_tools = ["run_command(npm test:*)"]
sandbox_domains = ["pypi.org", "*.example.com:8443"]
ignore_files = [".gitignore"]
max_budget_usd = 1.5
max_tool_calls = 50
append_system_prompt = "Use tabs."
compact_at = 50
compact_model = "small"

[[hooks]]
event = "PostToolUse"
tools = "edit_file|write_file"
command = "make format"
timeout = 5
"""


def test_without_trust_only_what_narrows_counts(project: Project) -> None:
    path = project.says(TRUSTED + "[unknown]\nx = 1\n")
    project.says(f'ask_tools = ["web_fetch"]\ndisallowed_tools = ["run_command(git push:*)"]\n{TRUSTED}')
    loaded = project.load()
    source = RuleSource("project", str(path))
    assert loaded.settings == Settings(
        rules=(Rule("ask", "web_fetch", None, source), Rule("deny", "run_command", "git push:*", source))
    )
    assert [waiting.path for waiting in loaded.untrusted] == [path]


def test_with_trust_the_rest_of_what_can_count_does(project: Project) -> None:
    path = project.says(TRUSTED)
    source = RuleSource("project", str(path))
    assert project.trusted() == Settings(
        model="theirs",
        max_turns=5,
        max_parallel_tools=2,
        timeout=60,
        permission_mode="plan",
        sandbox_domains=("pypi.org", "*.example.com:8443"),
        ignore_files=(".antiphonignore", ".gitignore"),
        max_budget_usd=1.5,
        max_tool_calls=50,
        append_system_prompt="Use tabs.",
        compact_at=50,
        compact_model="small",
        hooks=(
            HookSetting(
                event="PostToolUse", command="make format", tools="edit_file|write_file", timeout=5, source=source
            ),
        ),
        rules=(Rule("allow", "run_command", "npm test:*", source),),
    )


def test_a_person_is_told_each_thing_it_wants(project: Project) -> None:
    project.says(TRUSTED)
    assert project.load().untrusted[0].wants == (
        "use the model theirs",
        "stop after 5 turns",
        "run at most 2 tool calls at once",
        "stop after 60.0 seconds",
        "begin in the permission mode plan",
        "run without asking: run_command(npm test:*)",
        "let commands in the sandbox reach pypi.org",
        "let commands in the sandbox reach *.example.com:8443",
        "hide from the agent what is listed in files named .gitignore",
        "stop at 1.5 dollars",
        "stop after 50 tool calls",
        "add to what the model is told: Use tabs.",
        "sum up long conversations from 50 percent on",
        "have them summed up by the model small",
        "run a program of its own at PostToolUse of edit_file|write_file (for up to 5 s): make format",
    )


def test_every_other_key_never_counts_and_is_told(project: Project) -> None:
    """A key that is added to the settings is the user's alone until somebody decides otherwise."""
    values = {"sandbox": "'off'", "durability": "'power'", "system_prompt": "'x'", "web_search": "'http://x'"}
    values |= {"permission_prompt_tool": "'x'"}
    lists = ("sandbox_write", "sandbox_show", "sandbox_environment", "add_dirs")
    can_count = {"ask_tools", "disallowed_tools", *(line.split(" =")[0] for line in TRUSTED.splitlines()), "hooks"}
    values |= dict.fromkeys(lists, "['/']")
    path = project.says("\n".join(f"{key} = {value}" for key, value in values.items()))
    assert set(KEYS) - can_count == set(values)
    loaded = project.load()
    assert loaded.trusting().settings == Settings()
    assert loaded.untrusted == ()
    named = ", ".join(values)
    assert loaded.warnings == (
        f"{path}: a project cannot set these, only your own file, variables and flags can: {named}",
    )


def test_addresses_keys_and_variables_are_told_apart_from_mistakes(project: Project) -> None:
    path = project.says('base_url = "http://evil"\nmodle = "x"\n[headers]\nx = "y"\n[env]\nPATH = "."\n')
    why = "addresses, keys, headers, variables and servers are never taken from a project"
    assert project.load().warnings == (
        f"{path}: {why}: base_url, headers, env",
        f"{path}: there is no such setting; did you perhaps mean model: modle",
    )


@pytest.mark.parametrize("mode", ["bypass", "auto", "accept-edits"])
def test_no_mode_that_lets_through_more_can_be_trusted(project: Project, mode: str) -> None:
    project.says(f'permission_mode = "{mode}"')
    loaded = project.load()
    assert loaded.trusting().settings.permission_mode == "default"
    assert mode in loaded.warnings[0]


def test_a_mode_of_a_project_never_widens_the_users(project: Project) -> None:
    project.says('permission_mode = "default"')
    project.user_says('permission_mode = "plan"')
    assert project.trusted().permission_mode == "plan"
    project.user_says('permission_mode = "bypass"')
    assert project.trusted().permission_mode == "default"
    assert project.trusted(permission_mode="auto").permission_mode == "auto"


def test_limits_of_a_project_only_lower_the_users(project: Project) -> None:
    project.says("max_turns = 100\ntimeout = 5\n")
    project.says("max_turns = 200\n", local=True)
    project.user_says("max_turns = 10\ntimeout = 50\n")
    settings = project.trusted()
    assert (settings.max_turns, settings.timeout) == (10, 5)
    assert project.trusted(max_turns=1000).max_turns == 1000


@pytest.mark.parametrize(
    "host",
    [
        *(
            "*",
            "*.com",
            "com",
            "localhost",
            "db.localhost",
            "10.0.0.1",
            "169.254.169.254",
            "[::1]",
            "::1",
            "2130706433",
        ),
        *("metadata.google.internal", "printer.local", "http://example.com", "a b.com", "example.com/x", ".b.com"),
    ],
)
def test_a_project_opens_the_sandbox_to_hosts_of_the_internet_only(project: Project, host: str) -> None:
    project.says(f'sandbox_domains = ["{host}", "example.com"]')
    loaded = project.load()
    assert loaded.trusting().settings.sandbox_domains == ("example.com",)
    assert loaded.untrusted[0].wants == ("let commands in the sandbox reach example.com",)
    assert repr(host) in loaded.warnings[0]


def test_a_screen_full_of_what_does_not_count_is_cut(project: Project) -> None:
    project.says("\n".join(f'unknown_{number} = "x"' for number in range(1000)))
    assert sum(map(len, project.load().warnings)) < 2000


# Who wins


def test_sources_are_weighed_in_one_order(project: Project) -> None:
    project.user_says('model = "user"\ncompact_model = "user"\ncompact_at = 10\nsystem_prompt = "user"')
    project.says('model = "project"\ncompact_model = "project"\ncompact_at = 20')
    project.says('model = "local"\ncompact_model = "local"', local=True)
    project.environment["ANTIPHON_MODEL"] = "environment"
    settings = project.trusted()
    assert (settings.model, settings.compact_model, settings.compact_at) == ("environment", "local", 20)
    assert project.trusted(model="flag").model == "flag"


def test_every_rule_knows_where_it_was_written(project: Project) -> None:
    project.user_says('allowed_tools = ["read_file"]')
    shared = project.says('allowed_tools = ["list_files"]')
    local = project.says('allowed_tools = ["edit_file(src/**)"]', local=True)
    project.environment["ANTIPHON_ALLOWED_TOOLS"] = "write_file, run_command(git diff:*)"
    rules = project.trusted(allowed_tools=["web_fetch"]).rules
    assert [(str(rule), rule.source.kind, rule.source.where) for rule in rules] == [
        ("read_file", "user", str(user_file(project.environment))),
        ("list_files", "project", str(shared)),
        ("edit_file(src/**)", "local", str(local)),
        ("write_file", "environment", "ANTIPHON_ALLOWED_TOOLS"),
        ("run_command(git diff:*)", "environment", "ANTIPHON_ALLOWED_TOOLS"),
        ("web_fetch", "flag", "--allowed-tools"),
    ]


def test_what_a_project_tells_the_model_stands_behind_what_the_user_does(project: Project) -> None:
    project.user_says('append_system_prompt = "Mine."')
    project.says('append_system_prompt = "Theirs."')
    assert project.trusted().append_system_prompt == "Mine.\n\nTheirs."


# Where they are


def test_the_top_of_the_git_repository_counts_from_anywhere_in_it(project: Project) -> None:
    (project.root / ".git").mkdir()
    path = project.says('disallowed_tools = ["web_fetch"]')
    below = project.root / "a" / "b"
    below.mkdir(parents=True)
    (below / ".antiphon").mkdir()
    (below / ".antiphon" / "settings.toml").write_text('disallowed_tools = ["run_command"]')
    assert [rule.source.where for rule in project.load(directory=below).settings.rules] == [str(path)]


def test_without_a_repository_only_the_directory_itself_counts(project: Project) -> None:
    project.says('disallowed_tools = ["web_fetch"]')
    below = project.root / "a"
    below.mkdir()
    assert project.load(directory=below).settings.rules == ()
    assert len(project.load().settings.rules) == 1


def test_a_home_directory_is_no_project(project: Project) -> None:
    (project.home / ".git").mkdir()
    (project.home / ".antiphon").mkdir()
    (project.home / ".antiphon" / "settings.toml").write_text('disallowed_tools = ["web_fetch"]')
    assert project.load(directory=project.home).root is None
    assert project.load(directory=project.home).settings == Settings()
    assert project.load().root == project.root


def test_patterns_start_at_the_top_wherever_the_agent_works(project: Project) -> None:
    (project.root / ".git").mkdir()
    below = project.root / "odd [dir]*" / "b"
    below.mkdir(parents=True)
    project.says('disallowed_tools = ["edit_file(odd */b/x.txt)", "edit_file(*.lock)", "edit_file(./top.txt)"]')
    rules = project.load(directory=below).settings.rules
    permissions = Permissions("accept-edits", rules, root=below)

    def verdict(path: Path) -> str:
        call = ToolCall("toolu_1", "edit_file", {"path": str(path)})
        return permissions.decide(call, Access(writes=(("file",),)), FileSubject(path, writes=True)).verdict

    denied = [below / "x.txt", below / "yarn.lock", project.root / "yarn.lock", project.root / "top.txt"]
    assert [verdict(path) for path in denied] == ["deny"] * 4
    assert verdict(below / "top.txt") != "deny"


# Files that cannot be used


@pytest.mark.parametrize("name", ["settings.toml", "settings.local.toml"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'model = "x"\n' + b"#" * 70_000, "larger than 65536 bytes"),
        (b"disallowed_tools = [", "cannot be read as settings"),
        (b"\xff\xfe", "cannot be read as settings"),
        (b"model = " + b"[" * 30_000, "cannot be read as settings"),
        (b'disallowed_tools = "run_command"', "disallowed_tools is 'run_command'; wanted is a list of rules"),
        (b'disallowed_tools = ["Bash(rm:*)"]', "here it is run_command(rm:*)"),
        (b'allowed_tools = ["run_command()"]', "is not a usable rule"),
        (b"max_turns = 0", "wanted is a whole number from 1"),
        (b'[[hooks]]\nevent = "Stop"\ncommand = "x"\n[hooks.source]\nkind = "user"\n', "wanted is a list of tables"),
        (b'[[hooks]]\nevent = "Whenever"\ncommand = "x"', "wanted is a list of tables"),
        (b'[[hooks]]\nevent = "Stop"\ncommand = ""', "wanted is a list of tables"),
    ],
)
def test_a_file_that_cannot_be_used_is_not_passed_over(project: Project, name: str, data: bytes, said: str) -> None:
    path = project.root / ".antiphon" / name
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(SettingsError) as caught:
        load({}, project.environment, project.root)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", ["link", "inner link", "dangling link", "linked directory", "directory", "pipe"])
def test_no_link_is_followed_and_nothing_is_waited_for(project: Project, kind: str) -> None:
    path = project.root / ".antiphon" / "settings.toml"
    path.parent.mkdir()
    elsewhere = (project.root if kind == "inner link" else project.home) / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "settings.toml").write_text('disallowed_tools = ["web_fetch"]')
    match kind:
        case "link" | "inner link":
            path.symlink_to(elsewhere / "settings.toml")
        case "dangling link":
            path.symlink_to(elsewhere / "nothing")
        case "linked directory":
            path.parent.rmdir()
            path.parent.symlink_to(elsewhere)
        case "directory":
            path.mkdir()
        case _:
            os.mkfifo(path)
    with pytest.raises(SettingsError, match="must be a regular file, and no link may lead to it"):
        project.load()
