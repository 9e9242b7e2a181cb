"""dev.py is what everybody relies on to be told the truth: it must not hide a failure, nor leave anything running."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dev


def step(name: str, program: str) -> dev.Step:
    """Make a step that runs a Python program."""

    def do(_environment: dev.Environment, output: dev.Output) -> None:
        dev.run([sys.executable, "-c", program], output)

    return dev.Step(name, f"what {name} does", do)


@pytest.fixture
def order(tmp_path: Path) -> dev.Order:
    """An order to check everything, in an environment that needs no set-up."""

    class Ready(dev.Environment):
        def prepare(self, *, development: bool) -> None:
            assert development

    return dev.Order(Ready(tmp_path), rest=[], only=[], verbose=False, command="check")


def test_a_step_that_fails_is_shown_and_the_next_ones_still_run(
    order: dev.Order, capfd: pytest.CaptureFixture[str]
) -> None:
    code = dev.check(
        order,
        [
            step("first", "print('all of this', 'is shown'); raise SystemExit(3)"),
            step("second", "print('nobody needs this')"),
        ],
    )
    printed = capfd.readouterr().out
    assert code == 1
    assert "all of this is shown" in printed
    assert "python3 dev.py check --only first" in printed
    assert "nobody needs this" not in printed
    assert [line.split()[:2] for line in printed.splitlines() if line.startswith(("ok", "failed"))] == [
        ["failed", "first"],
        ["ok", "second"],
    ]


def test_a_check_that_passes_ends_with_the_words_of_pytest(order: dev.Order, capfd: pytest.CaptureFixture[str]) -> None:
    steps = [step("tests", "print('====== 12 passed in 3.40s ======')"), step("last", "pass")]
    assert dev.check(order, steps) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "====== 12 passed in 3.40s ======"


def test_a_program_that_hangs_is_ended_with_all_it_started() -> None:
    child = "import time; time.sleep(600)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    # Returns only when nobody holds the pipe any more: the child is gone as well.
    with pytest.raises(dev.Failed, match="did not end in 2 seconds"):
        dev.run([sys.executable, "-c", program], dev.Output(live=False), seconds=2)


def test_a_check_that_is_told_to_end_takes_what_it_started_along() -> None:
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    check = f"import dev, sys; dev.end_when_told(); dev.run([sys.executable, '-c', {child!r}], dev.Output(live=True))"
    with subprocess.Popen([sys.executable, "-c", check], cwd=dev.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = next(line for line in process.stdout if line.strip().isdigit())
        process.terminate()
        assert process.wait(timeout=60) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(started), 0)


def test_what_a_check_runs_sees_no_key_of_whoever_started_it(order: dev.Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///mirror")
    variables = dev.surroundings(order.environment)
    assert "ANTHROPIC_API_KEY" not in variables
    assert variables["PIP_INDEX_URL"] == "file:///mirror"
    assert variables["PATH"].split(os.pathsep)[0] == str(order.environment.programs)


def test_a_directory_that_holds_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(dev.Failed, match="no virtual environment"):
        dev.Environment(tmp_path).prepare(development=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
