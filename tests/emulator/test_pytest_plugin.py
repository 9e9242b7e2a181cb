"""The fixtures that every user of pytest gets."""

import subprocess
import sys

import pytest

pytest_plugins = ("pytester",)

ASKING = """
import httpx2

def ask(emulator, **changes):
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "go"}], **changes}
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    return httpx2.post(f"{emulator.url}/v1/messages", json=body, headers=headers)
"""


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(asking=ASKING, test_it=test)
    return pytester.runpytest_inprocess("-q")


def test_an_emulator_comes_started_and_is_given_a_script(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from asking import ask

        def test_it(emulator):
            emulator.play(["hello"])
            assert ask(emulator).json()["content"][0]["text"] == "hello"
            assert ask(emulator, messages=[]).status_code == 400
            assert len(emulator.refused) == 1
        """,
    )
    result.assert_outcomes(passed=1)


def test_several_emulators_with_options_can_be_started(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from asking import ask

        def test_it(start_emulator):
            one, two = start_emulator(["one"]), start_emulator("[two]", dialect="bedrock", strict_order=True)
            assert [ask(each).json()["content"][0]["text"] for each in (one, two)] == ["one", "two"]
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_refused_request_fails_the_test_that_wants_none(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        from antiphon.emulator import Emulator, Refuse, reply
        from asking import ask

        pytestmark = pytest.mark.usefixtures("nothing_refused")

        def test_fine(emulator):
            ask(emulator)

        def test_asked_for_by_the_script(start_emulator):
            assert ask(start_emulator([reply(faults=[Refuse(400)])])).status_code == 400

        def test_refused(emulator):
            ask(emulator)
            ask(emulator, messages=[{"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}])

        def test_refused_by_an_emulator_of_its_own():
            with Emulator() as emulator:
                ask(emulator, max_tokens="many")
        """,
    )
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*request 2 to /v1/messages was refused with 400 (*): messages*",
            "*request 1 to /v1/messages was refused with 400 (RQ009): max_tokens: Input should be a valid integer*",
        ]
    )


def test_the_plugin_loads_nothing_heavy_for_those_who_do_not_use_it() -> None:
    code = (
        "import sys, antiphon.testing.pytest_plugin; print(sorted(set(sys.modules) & {'uvicorn', 'yaml', 'msgspec'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"
