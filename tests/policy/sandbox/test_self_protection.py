import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")

AGENT = """
import sys
from antiphon.policy.sandbox.self_protection import protect_ourselves
protected = sys.argv[1] == "protected" and protect_ourselves()
print(protected, flush=True)
sys.stdin.read()
"""
PEEK = "tr '\\0' '\\n' < /proc/{0}/environ; ls -l /proc/{0}/fd; head -c 1 /proc/{0}/mem"


@pytest.fixture(params=["protected", "open"])
def agent(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    """A process with a secret, of an ordinary user if we are root, who may look at everybody."""
    user = 65534
    python = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable
    if not Path(python).exists() or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("there is no way to become an ordinary user who can start Python")
    argv = [python, "-c", AGENT, request.param]
    source = str(Path(__file__).parents[3] / "src")
    with subprocess.Popen(
        _as(user, argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": source, "CANARY": "secret", "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline() == b"True\n"
        process.kill()


def _as(user: int, argv: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return argv
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *argv]


def test_our_environment_and_memory_are_closed_to_commands_without_a_sandbox(agent: tuple[int, bool]) -> None:
    pid, protected = agent
    peek = _as(65534, ["sh", "-c", PEEK.format(pid)])
    said = subprocess.run(peek, capture_output=True, text=True, check=False)
    assert ("CANARY=secret" in said.stdout) == (not protected)
    assert ("Permission denied" in said.stderr) == protected


def test_what_we_start_is_as_it_ever_was() -> None:
    code = (
        "import subprocess\n"
        "from antiphon.policy.sandbox.self_protection import protect_ourselves\n"
        "assert protect_ourselves()\n"
        "print(subprocess.run(['sh', '-c', 'ulimit -c; head -c 4 /proc/self/environ'], capture_output=True).stdout)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], env={"AB": "C"}, capture_output=True, text=True, check=False)
    assert said.stdout == "b'0\\nAB=C'\n"
