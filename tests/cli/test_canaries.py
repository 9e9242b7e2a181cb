"""Secrets that stand everywhere in a session are in nothing that leaves it: not in exports, traces, logs or recordings.

The session's own file and the request to the model hold them: what was sent is kept as it was.
"""

import base64
import json
import random
import string
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from project import Antiphon

from antiphon.emulator import Emulator, Refuse, ToolUse, reply
from antiphon.proxy import Options, Proxy, Recording
from antiphon.proxy.notes import Exchange
from antiphon.proxy.telling import as_json, as_text

_LOT = random.Random(11804)


def drawn(length: int) -> str:
    """Return a text drawn by lot; it begins with a letter and a digit."""
    return "q7" + "".join(_LOT.choices(string.ascii_letters + string.digits, k=length - 2))


# Put together here, or whoever scans this repository for secrets would find some.
SECRETS = {
    "key": f"canary-{drawn(24)}",
    "variable": f"{drawn(12)}/{drawn(12)}+&",
    "prompt": f"ghp_{drawn(36)}",
    "file": f"glpat-{drawn(20)}",
    "password": f"{drawn(10)}!",
    "output": f"sk-ant-api03-{drawn(40)}",
    "arguments": f"npm_{drawn(36)}",
    "missing": f"hf_{drawn(34)}",
    "reply": f"xoxb-{drawn(30)}",
    "name": f"AKIA{''.join(_LOT.choices(string.ascii_uppercase, k=16))}",
}
CODE = base64.b64encode(f"user:{SECRETS['variable']}".encode()).decode()
PATH_SECRET = f"AIza{drawn(35)}"


@dataclass
class Ran:
    """What a run left, and the texts of everything that was logged and recorded meanwhile."""

    antiphon: Antiphon
    refused: subprocess.CompletedProcess[str]
    logged: list[str]

    def read(self, *arguments: str) -> str:
        """Run a command that reads the session, and return what it printed, on standard error too."""
        environment = {"SHOP_TOKEN": SECRETS["variable"], "ANTHROPIC_API_KEY": SECRETS["key"]}
        ended = self.antiphon.run(*arguments, script=[], **environment)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    @property
    def data(self) -> Path:
        return self.antiphon.project.parent / ".local/share/antiphon"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    home = tmp_path_factory.mktemp("canaries")
    told: list[Exchange] = []
    script = [
        reply(
            f"I found {SECRETS['reply']}.",
            ToolUse("read_file", {"path": "settings.env"}),
            ToolUse("read_file", {"path": f"{SECRETS['missing']}.txt"}),
            ToolUse("run_command", {"command": f"cat output.txt; echo {SECRETS['arguments']}; seq 1 20000"}),
            ToolUse("write_file", {"path": "new.txt", "content": f"password={SECRETS['password']}\n"}),
        ),
        f"Use {SECRETS['reply']}.",
    ]
    with Emulator() as emulator:
        antiphon = Antiphon(emulator, home)
        (antiphon.project / "settings.env").write_text(
            f"A={SECRETS['file']}\nDB_PASSWORD={SECRETS['password']}\n{CODE}\n"
        )
        (antiphon.project / "output.txt").write_text(f"{SECRETS['output']} {SECRETS['variable']}\n")
        environment = {"SHOP_TOKEN": SECRETS["variable"], "ANTHROPIC_API_KEY": SECRETS["key"]}
        recordings = [
            Recording(directory=home / name, every=True, content=name == "content") for name in ("plain", "content")
        ]
        refused: list[subprocess.CompletedProcess[str]] = []
        for number, recording in enumerate(recordings):
            options = Options(record=recording)
            with Proxy(emulator.url, profile="anthropic", options=options, told=told.append) as proxy:
                # Gateways have keys in paths.
                environment["ANTHROPIC_BASE_URL"] = f"{proxy.url}/{PATH_SECRET}" if number else proxy.url
                if number == 0:
                    ended = antiphon.run("-y", "-p", f"use {SECRETS['prompt']} now", script=script, **environment)
                    assert ended.returncode == 0, ended.stderr
                    assert ended.stdout == f"Use {SECRETS['reply']}.\n"
                message = f"invalid key {SECRETS['key']}, {SECRETS['output']}"
                refusal = [reply("x", faults=[Refuse(401, message=message)])]
                refused.append(antiphon.run("-c", "-p", f"again {SECRETS['prompt']}", script=refusal, **environment))
        logged = [as_text(one) for one in told] + [as_json(one) for one in told]
        logged += [path.read_text() for recording in recordings for path in sorted(recording.directory.iterdir())]
        antiphon.run("sessions", "rename", "use", f"named {SECRETS['name']}", script=[])
        yield Ran(antiphon, refused[0], logged)


def found_in(text: str) -> list[str]:
    """Return which secrets stand in a text, by what they are."""
    forms = {**SECRETS, "base64": CODE[8:-8], "path": PATH_SECRET}
    written = {name: {secret, json.dumps(secret)[1:-1], secret.replace("&", "&amp;")} for name, secret in forms.items()}
    return [name for name, texts in written.items() if any(each in text for each in texts)]


READING = [
    ("sessions",),
    ("sessions", "--json"),
    ("sessions", "show"),
    ("sessions", "show", "--full"),
    ("sessions", "show", "--full", "--json"),
    ("sessions", "search", "password"),
    ("sessions", "search", "found", "--json"),
    ("sessions", "export"),
    ("sessions", "export", "-f", "html"),
    ("sessions", "export", "-f", "json", "--records"),
    ("trace", "--all"),
    ("trace", "--all", "--json"),
    ("trace", "--all", "--html", "-"),
    ("trace", "--all", "--svg", "-"),
]


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_what_is_shown_and_exported_holds_no_secret(ran: Ran, arguments: tuple[str, ...]) -> None:
    shown = ran.read(*arguments)
    assert found_in(shown) == []
    assert "taken out; --with-secrets leaves them in." in shown
    assert "[redacted: " in shown


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_a_file_that_is_exported_holds_no_secret_and_is_private(ran: Ran, form: str) -> None:
    file = ran.antiphon.project.parent / f"export.{form}"
    ran.read("sessions", "export", "-o", str(file))
    assert found_in(file.read_text()) == []
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_export_with_secrets_has_all_of_the_conversation(ran: Ran) -> None:
    shown = ran.read("sessions", "export", "-f", "json", "--records", "--with-secrets")
    assert set(SECRETS) - set(found_in(shown)) == {"key"}
    assert "taken out" not in shown


def test_an_error_of_the_server_that_quotes_the_key_is_shown_without_it(ran: Ran) -> None:
    assert ran.refused.returncode == 1
    assert "invalid key [redacted: value of ANTHROPIC_API_KEY]" in ran.refused.stderr
    assert found_in(ran.refused.stdout + ran.refused.stderr) == []


def test_logs_notes_and_recordings_of_the_proxy_hold_no_secret(ran: Ran) -> None:
    assert len(ran.logged) > 8
    assert found_in("\n".join(ran.logged)) == []


def test_the_session_and_the_request_hold_what_was_said_and_only_the_user_can_read_the_session(ran: Ran) -> None:
    sent = json.dumps([request["messages"] for request in ran.antiphon.emulator.requests])
    assert set(SECRETS) - set(found_in(sent)) == {"key", "name"}
    files = [path for path in ran.data.rglob("*") if path.is_file()]
    kept = "\n".join(path.read_text(errors="replace") for path in files if path.name.startswith("session.db"))
    assert set(SECRETS) - set(found_in(kept)) == {"key"}
    assert {path.stat().st_mode & 0o077 for path in files if "checkpoints" not in path.parts} == {0}
    private = [*(ran.data / "workspaces").glob("*/*/"), *(ran.data / "sessions").glob("*/")]
    assert {path.parent.name if path.parent.name == "sessions" else path.name for path in private} == {
        "checkpoints",
        "results",
        "sessions",
    }
    assert {path.stat().st_mode & 0o777 for path in private} == {0o700}
