"""The damage trial finds repairers that break their promises, and finds none broken by ours."""

import json
import subprocess
import sys
from collections.abc import Callable
from random import Random

import pytest

from antiphon.protocol.checking import Repaired, check
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json
from antiphon.testing import damages
from antiphon.testing.damages import DAMAGES, TRIAL, conversation, damaged, examine, first_failure
from antiphon.testing.second_opinion import second_opinion

ANTHROPIC = dialect("anthropic")


def _without_results(request: Json) -> Json:
    messages = [
        {
            **message,
            "content": [block for block in message["content"] if block["type"] not in {"tool_use", "tool_result"}],
        }
        for message in request["messages"]
    ]
    return {**request, "messages": [message for message in messages if message["content"]]}


def _with_results_exchanged(request: Json) -> Json:
    text = json.dumps(request)
    first = text.replace('"content": "<0>"', '"content": "<held>"').replace('"content": "<1>"', '"content": "<0>"')
    return json.loads(first.replace('"content": "<held>"', '"content": "<1>"'))


def _left_alone(request: Json) -> Json:
    return request


def _encoded_anew(request: Json) -> Json:
    return json.loads(json.dumps(request))


def _repair(repairer: Callable[[Json], Json]) -> Callable[[Json, Dialect], Repaired]:
    return lambda request, _: Repaired(repairer(request))


def _two_calls(answered: int) -> Json:
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "f", "input": {"number": f"<{n}>"}} for n in range(2)]
    results = [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": f"<{n}>"} for n in range(answered)]
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "go"}]},
        {"role": "assistant", "content": calls},
        {"role": "user", "content": [*results, {"type": "text", "text": "and then?"}]},
    ]
    return {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": messages}


@pytest.mark.parametrize(
    ("repairer", "answered", "complaint"),
    [
        pytest.param(_without_results, 2, "the result <0> is lost", id="one that deletes the pair"),
        pytest.param(_with_results_exchanged, 2, "the result <0> was given to another call", id="one that relabels"),
        pytest.param(_left_alone, 1, "refused by the second opinion: missing toolu_1", id="one that does nothing"),
        pytest.param(_encoded_anew, 2, "a valid request was changed", id="one that always encodes anew"),
    ],
)
def test_a_bad_repairer_is_found_out(
    monkeypatch: pytest.MonkeyPatch, repairer: Callable[[Json], Json], answered: int, complaint: str
) -> None:
    monkeypatch.setattr(damages, "repair", _repair(repairer))
    assert complaint in examine(_two_calls(answered), ANTHROPIC)


def test_what_is_damaged_was_valid_before_for_every_upstream() -> None:
    for seed in range(200):
        request = conversation(Random(seed))
        for upstream in damages.UPSTREAMS:
            assert check(request, upstream) == []
            assert second_opinion(request, upstream) == []


def test_each_kind_of_damage_breaks_some_conversation() -> None:
    for damage in DAMAGES:
        broken = 0
        for seed in range(60):
            chance = Random(seed)
            request = conversation(chance)
            broken += bool(check({**request, "messages": damage(chance, request["messages"])}, dialect("compatible")))
        assert broken, damage.__name__


def test_most_damaged_conversations_would_be_refused() -> None:
    refused = sum(bool(check(damaged(Random(seed)), ANTHROPIC)) for seed in range(300))
    assert refused > 200


def test_ours_keeps_its_promises() -> None:
    assert first_failure(range(500)) is None


def test_a_failure_names_its_seed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(damages, "repair", _repair(_left_alone))
    assert TRIAL.main(["--cases", "100", "--processes", "1"]) == 1
    said = capsys.readouterr().out
    seed = said.rpartition("--seed ")[2].split()[0]
    assert TRIAL.main(["--cases", "1", "--processes", "1", "--seed", seed]) == 1


def test_the_command_says_how_many_cases_it_tried() -> None:
    command = [sys.executable, "-m", "antiphon.testing.damages", "--cases", "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "200 cases, all repaired, no result lost or given to another call.\n"
