import pytest

from antiphon.policy.sandbox.environment import confined_environment, without_preludes


@pytest.mark.parametrize("name", ["BASH_ENV", "ENV", "BASH_FUNC_ls%%", "LD_PRELOAD", "LD_AUDIT", "PROMPT_COMMAND"])
def test_nothing_runs_before_the_command(name: str) -> None:
    assert without_preludes({name: "/evil", "PATH": "/bin"}) == {"PATH": "/bin"}
    assert confined_environment({name: "/evil"}, [name]) == {}


@pytest.mark.parametrize(
    "name", ["SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "VSCODE_IPC_HOOK_CLI", "DISPLAY", "KUBECONFIG"]
)
def test_ways_out_are_not_told(name: str) -> None:
    assert confined_environment({name: "/somewhere", "LANG": "C"}) == {"LANG": "C"}


def test_secrets_are_kept_back_unless_they_are_named() -> None:
    environment = {"GITHUB_TOKEN": "ghp_0123456789", "DB_PASSWORD": "hunter22", "HOME": "/home/me", "PWD": "/work"}
    assert confined_environment(environment) == {"HOME": "/home/me", "PWD": "/work"}
    assert confined_environment(environment, ["DB_PASSWORD"]) == {
        "DB_PASSWORD": "hunter22",
        "HOME": "/home/me",
        "PWD": "/work",
    }
