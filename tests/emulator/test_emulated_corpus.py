"""Every request of the corpus, over real HTTP: the emulator's verdict and text are those that are known of the API."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from antiphon.emulator import Emulator
from antiphon.testing import mint

CORPUS: list[dict[str, Any]] = json.loads((Path(__file__).parent.parent / "corpus" / "requests.json").read_text())


def cases(verdict: str) -> list[Any]:
    """Return the cases of a verdict, named by id and title."""
    chosen = [case for case in CORPUS if case["dialects"]["anthropic"] == verdict]
    return [pytest.param(case, id=f"{case['id']}: {case['title']}") for case in chosen]


def ask(case: dict[str, Any]) -> httpx2.Response:
    """Send the request of a case to an emulator of its own."""
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01", "content-type": "application/json"}
    with Emulator() as emulator, httpx2.Client(base_url=emulator.url) as client:
        context = case.get("context", {})
        request = mint(case["request"], context) if case.get("request") else None
        if request and "original_assistant_content" in context:
            emulator.remember(request, context["original_assistant_content"])
        body = case["request_raw"] if request is None else json.dumps(request)
        return client.post("/v1/messages", content=body.encode(), headers=headers | case.get("headers", {}))


@pytest.mark.parametrize("case", cases("valid"))
def test_a_valid_request_is_answered(case: dict[str, Any]) -> None:
    assert ask(case).status_code == 200


@pytest.mark.parametrize("case", cases("invalid"))
def test_an_invalid_request_is_refused_in_the_words_of_the_api(case: dict[str, Any]) -> None:
    response = ask(case)
    assert response.status_code == case.get("expected_status", 400)
    assert re.search(case["expected_error_regex"], response.json()["error"]["message"])


@pytest.mark.parametrize("case", cases("unknown"))
def test_a_request_of_which_it_is_not_known_is_not_refused_for_another_reason(case: dict[str, Any]) -> None:
    response = ask(case)
    if response.status_code != 200:
        assert re.search(case["expected_error_regex"], response.json()["error"]["message"])
