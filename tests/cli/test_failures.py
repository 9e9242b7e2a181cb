import pytest

from antiphon.agent.events import RunResult, StopReason
from antiphon.cli.exit_codes import MEANINGS, ExitCode
from antiphon.cli.failures import Failure, exit_code, explained, why_stopped
from antiphon.errors import Overloaded, ProviderError, Rejected, SettingsError, StreamBroken, Unreachable


def test_a_setting_that_cannot_be_used_is_wrong_usage() -> None:
    assert explained(SettingsError("max_turns is 0.")) == Failure("max_turns is 0.", ExitCode.USAGE)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Rejected(401, "invalid x-api-key"), "invalid x-api-key. Check the key in ANTHROPIC_API_KEY"),
        (Rejected(404, "model: nothing"), "Check the name given by --model"),
        (Overloaded(529, "Overloaded"), "Overloaded. Try again later, or with another --model."),
        (Unreachable("no route to host."), "no route to host. Check the network and ANTHROPIC_BASE_URL"),
        (StreamBroken("cut off"), "try again"),
        (Rejected(400, "messages: too few"), "messages: too few"),
    ],
)
def test_every_kind_of_error_says_what_to_do(error: ProviderError, advice: str) -> None:
    assert advice in explained(error).text
    assert explained(error).code is ExitCode.ERROR
    assert advice in why_stopped(RunResult("", "error", 0, error=str(error), cause=error))


def test_an_error_inside_task_groups_is_found() -> None:
    group = BaseExceptionGroup("tasks", [BaseExceptionGroup("more tasks", [SettingsError("wrong")])])
    assert explained(group) == Failure("wrong", ExitCode.USAGE)


def test_a_reader_that_went_away_and_an_interrupt_say_nothing() -> None:
    assert explained(BrokenPipeError()) == Failure("", ExitCode.BROKEN_PIPE)
    assert explained(KeyboardInterrupt()) == Failure("", ExitCode.INTERRUPTED)


def test_our_own_mistakes_are_named_on_one_safe_line() -> None:
    failure = explained(KeyError("a\nb\x1b[2J"))
    assert failure.text.startswith("internal error: KeyError: ")
    assert "--verbose" in failure.text
    assert not set("\n\x1b") & set(failure.text)


@pytest.mark.parametrize(
    ("stop_reason", "code"),
    [
        ("end_turn", ExitCode.OK),
        ("max_turns", ExitCode.MAX_TURNS),
        ("cancelled", ExitCode.INTERRUPTED),
        ("max_tokens", ExitCode.ERROR),
        ("refusal", ExitCode.ERROR),
        ("context_window", ExitCode.ERROR),
        ("error", ExitCode.ERROR),
    ],
)
def test_how_a_run_ended_decides_the_exit_code(stop_reason: StopReason, code: ExitCode) -> None:
    assert exit_code(RunResult("", stop_reason, 1)) is code


def test_every_exit_code_has_a_meaning() -> None:
    assert list(MEANINGS) == list(ExitCode)
