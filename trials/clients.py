"""Programs that speak a model's API and are not ours: where they come from, and how each is pointed at an address.

Versions are what the registries serve on the day. Each client gets an empty home and a folder with three small files;
what it is asked leads it through the calls of the script.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MODEL = "claude-sonnet-4-5"
OPENAI_MODEL = "gpt-5.1"
PROMPT = "Compare the files."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client runs.

    Attributes:
        home: its home.
        work: the folder it works in.
        programs: where its program was installed.
        url: the base URL it is to use, without `/v1`.
        model: which model it is to ask.
    """

    home: Path
    work: Path
    programs: Path
    url: str
    model: str

    def write(self, path: str, value: object) -> None:
        """Write a file into the home: a text as it is, all else as JSON."""
        target = self.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(value if isinstance(value, str) else json.dumps(value))


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        package: what is installed: an npm package, or `pypi:` and a package.
        tool: the name of its tool that runs a command; empty where it calls none.
        command: writes what it must find, and returns its command line.
        variables: its environment. The address stands here or in a file, as the client's users set it: in one place
            only, so that a trial shows that this is enough.
        api: which API it speaks: the Messages API, or one of OpenAI's.
        argument: what that tool calls the command.
    """

    package: str
    tool: str
    command: Callable[[Place], list[str]]
    variables: Callable[[Place], Mapping[str, str]] = lambda _: {}
    api: Literal["messages", "openai"] = "messages"
    argument: str = "command"

    @property
    def model(self) -> str:
        """The model it is to ask if nobody wants another."""
        return MODEL if self.api == "messages" else OPENAI_MODEL


def _claude_code(place: Place) -> list[str]:
    program = str(place.programs / "claude")
    return [program, "-p", PROMPT, "--model", place.model, "--allowedTools", "Bash"]


def _opencode(place: Place) -> list[str]:
    options = {"baseURL": f"{place.url}/v1", "apiKey": "any"}
    place.write(
        ".config/opencode/opencode.json",
        {"provider": {"anthropic": {"options": options}}, "autoupdate": False, "share": "disabled"},
    )
    return [str(place.programs / "opencode"), "run", "-m", f"anthropic/{place.model}", PROMPT]


def _kilo(place: Place) -> list[str]:
    options = {"baseURL": f"{place.url}/v1", "apiKey": "any"}
    place.write(
        ".config/kilo/kilo.json",
        {"provider": {"anthropic": {"options": options}}, "autoupdate": False, "share": "disabled"},
    )
    # The package of one system: it has no link in `.bin`.
    program = place.programs.parent / "@kilocode/cli-linux-x64/bin/kilo"
    return [str(program), "run", "--auto", "-m", f"anthropic/{place.model}", PROMPT]


def _pi(place: Place) -> list[str]:
    place.write(".pi/agent/models.json", {"providers": {"anthropic": {"baseUrl": place.url}}})
    return [str(place.programs / "pi"), "-p", "--provider", "anthropic", "--model", place.model, PROMPT]


def _qwen(place: Place) -> list[str]:
    place.write(
        ".qwen/settings.json",
        {"security": {"auth": {"selectedType": "anthropic"}}, "model": {"name": place.model}},
    )
    return [str(place.programs / "qwen"), "-p", PROMPT, "--yolo"]


def _cline(place: Place) -> list[str]:
    settings = {"provider": "anthropic", "apiKey": "any", "model": place.model, "baseUrl": f"{place.url}/v1"}
    place.write(
        ".cline/data/settings/providers.json",
        {
            "version": 1,
            "lastUsedProvider": "anthropic",
            "modes": {},
            "providers": {
                "anthropic": {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
            },
        },
    )
    return [str(place.programs / "cline"), "-P", "anthropic", "-m", place.model, PROMPT]


def _aider(place: Place) -> list[str]:
    program = str(place.programs / "aider")
    options = "--no-git --no-check-update --no-show-model-warnings --analytics-disable --yes-always --no-stream"
    return [program, *options.split(), "--model", f"anthropic/{place.model}", "--message", PROMPT]


def _python_sdk(place: Place) -> list[str]:
    return [str(place.programs / "python"), str(Path(__file__).with_name("python_sdk.py")), place.model, PROMPT]


def _typescript_sdk(place: Place) -> list[str]:
    script = place.programs.parent.parent / "trial.mjs"
    script.write_text(Path(__file__).with_name("typescript_sdk.mjs").read_text())
    return ["node", str(script), place.model, PROMPT]


def _codex(place: Place) -> list[str]:
    settings = f"""model = "{place.model}"
model_provider = "trial"

[model_providers.trial]
name = "trial"
base_url = "{place.url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""
    place.write(".codex/config.toml", settings)
    program = str(place.programs / "codex")
    return [program, "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", PROMPT]


def _opencode_chat(place: Place) -> list[str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{place.url}/v1", "apiKey": "any"},
        "models": {place.model: {"tool_call": True}},
    }
    place.write(
        ".config/opencode/opencode.json", {"provider": {"trial": provider}, "autoupdate": False, "share": "disabled"}
    )
    return [str(place.programs / "opencode"), "run", "-m", f"trial/{place.model}", PROMPT]


def _pi_openai(api: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        model = {"id": place.model, "contextWindow": 200_000, "maxTokens": 4096}
        provider = {"baseUrl": f"{place.url}/v1", "api": api, "apiKey": "any", "models": [model]}
        place.write(".pi/agent/models.json", {"providers": {"trial": provider}})
        return [str(place.programs / "pi"), "-p", "--provider", "trial", "--model", place.model, PROMPT]

    return command


def _qwen_chat(place: Place) -> list[str]:
    place.write(
        ".qwen/settings.json", {"security": {"auth": {"selectedType": "openai"}}, "model": {"name": place.model}}
    )
    return [str(place.programs / "qwen"), "-p", PROMPT, "--yolo"]


def _openai_sdk(api: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        script = str(Path(__file__).with_name("openai_sdk.py"))
        return [str(place.programs / "python"), script, api, place.model, PROMPT]

    return command


def _openai_address(place: Place) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{place.url}/v1"}


def _address(place: Place) -> dict[str, str]:
    return {"ANTHROPIC_BASE_URL": place.url}


CLIENTS: Mapping[str, Client] = {
    "claude-code": Client(
        "@anthropic-ai/claude-code",
        "Bash",
        _claude_code,
        lambda place: {
            **_address(place),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
    ),
    "opencode": Client("opencode-ai", "bash", _opencode),
    "kilo": Client("@kilocode/cli-linux-x64", "bash", _kilo, lambda _: {"KILO_TELEMETRY_LEVEL": "off"}),
    "pi": Client("@mariozechner/pi-coding-agent", "bash", _pi),
    "qwen-code": Client(
        "@qwen-code/qwen-code",
        "run_shell_command",
        _qwen,
        lambda place: {**_address(place), "ANTHROPIC_MODEL": place.model},
    ),
    "cline": Client("cline", "run_commands", _cline),
    "aider": Client("pypi:aider-chat", "", _aider, lambda place: {"ANTHROPIC_API_BASE": place.url}),
    "anthropic-python": Client("pypi:anthropic", "run", _python_sdk, _address),
    "anthropic-typescript": Client("@anthropic-ai/sdk", "run", _typescript_sdk, _address),
    "codex": Client("@openai/codex", "exec_command", _codex, api="openai", argument="cmd"),
    "opencode-chat": Client("opencode-ai", "bash", _opencode_chat, api="openai"),
    "qwen-code-chat": Client("@qwen-code/qwen-code", "run_shell_command", _qwen_chat, _openai_address, api="openai"),
    "pi-chat": Client("@mariozechner/pi-coding-agent", "bash", _pi_openai("openai-completions"), api="openai"),
    "pi-responses": Client("@mariozechner/pi-coding-agent", "bash", _pi_openai("openai-responses"), api="openai"),
    "openai-python-chat": Client("pypi:openai", "run", _openai_sdk("chat"), _openai_address, api="openai"),
    "openai-python-responses": Client("pypi:openai", "run", _openai_sdk("responses"), _openai_address, api="openai"),
}
