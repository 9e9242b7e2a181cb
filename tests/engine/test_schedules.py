"""The engine keeps its promises under every schedule tried; and schedules find an engine that does not."""

import subprocess
import sys
from collections.abc import Callable
from random import Random

import anyio
import pytest
from broken_engines import BROKEN_ENGINES, Replace, ignores_the_limit

from antiphon.testing.plans import draw_plan
from antiphon.testing.random_turns import random_turns
from antiphon.testing.schedules import TRIAL, explore


@pytest.mark.parametrize("share", range(8))
def test_the_engine_keeps_its_promises_under_every_schedule(share: int) -> None:
    """A few; the check runs 200,000 by the command."""
    assert explore(random_turns, range(share * 500, (share + 1) * 500)) == 500


@pytest.mark.parametrize("broken", BROKEN_ENGINES, ids=lambda broken: broken.__name__)
def test_schedules_find_an_engine_that(broken: Callable[[Replace], None], monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch.setattr)
    with pytest.raises((AssertionError, LookupError, ExceptionGroup)) as caught:
        explore(random_turns, range(2000))
    assert "under the schedule of seed" in caught.value.__notes__[-1]


def test_a_seed_always_draws_the_same_plan_and_plans_are_varied() -> None:
    plans = [draw_plan(Random(seed)) for seed in range(400)]
    assert [draw_plan(Random(seed)) for seed in range(400)] == plans
    assert len(set(plans)) > 380
    assert max(len(reply.blocks) for plan in plans for reply in plan.replies) >= 16
    assert {reply.ending for plan in plans for reply in plan.replies} == {"complete", "cut", "broken", "refused"}


def test_a_third_of_the_schedules_lets_the_clock_run_ahead() -> None:
    async def measure(_chance: Random) -> None:
        before = anyio.current_time()
        with anyio.move_on_after(1):
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
        late.append(anyio.current_time() > before)

    late: list[bool] = []
    assert explore(measure, range(300)) == 300
    assert 60 < sum(late) <= 100
    late.clear()
    assert explore(measure, range(300), lag=0) == 300
    assert sum(late) == 0


def test_the_command_names_the_seed_of_a_failure_and_its_exit_code_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ignores_the_limit(monkeypatch.setattr)
    assert TRIAL.main(["--schedules", "1000", "--processes", "1", "--seed", "7"]) == 1
    shown = capsys.readouterr().out
    assert "runs beside more than the limit" in shown
    seed = shown.rpartition("--seed ")[2].split()[0]
    assert TRIAL.main(["--schedules", "1", "--processes", "1", "--seed", seed]) == 1
    assert "runs beside more than the limit" in capsys.readouterr().out


def test_the_command_runs_in_several_processes() -> None:
    command = [sys.executable, "-m", "antiphon.testing.schedules", "--schedules", "1100", "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1,100 schedules, no promise broken.\n"
    assert "1,100 of 1,100 schedules" in done.stderr
