"""What people and machines can see of the proxy."""

import re

import httpx2
import pytest
from talk import asked, calls, results
from upstreams import upstream

from antiphon.proxy import Limits, Options, Proxy
from antiphon.testing.emulator import Emulator

VALID = asked(calls("a"), results("a"))


async def test_metrics_count_requests_repairs_and_tokens(
    client: httpx2.AsyncClient, start_emulator: type[Emulator]
) -> None:
    emulator = start_emulator(["One.", "Two."])
    async with Proxy(emulator.url, profile="anthropic") as proxy:
        await client.post(f"{proxy.url}/v1/messages", json={**VALID, "stream": True})
        await client.post(f"{proxy.url}/v1/messages", json=asked(calls("a")))
        await client.get(f"{proxy.url}/v1/models")
        lines = (await client.get(f"{proxy.url}/antiphon/metrics")).text.splitlines()
    used = sum(record.message["usage"]["input_tokens"] for record in emulator.requests if record.message)
    for line in (
        'antiphon_requests_total{endpoint="messages",status="200"} 2',
        'antiphon_requests_total{endpoint="other",status="200"} 1',
        'antiphon_repairs_total{rule="TU001"} 1',
        "antiphon_repaired_requests_total 1",
        f'antiphon_input_tokens_total{{kind="input"}} {used}',
        "antiphon_first_byte_seconds_count 3",
        'antiphon_first_byte_seconds_bucket{le="+Inf"} 3',
        "antiphon_bytes_in_flight 0",
    ):
        assert line in lines


async def test_the_status_page_runs_its_own_script_and_no_other(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        pages = [await client.get(f"{proxy.url}/antiphon/") for _ in range(2)]
    nonces: list[str] = []
    for page in pages:
        policy = page.headers["content-security-policy"]
        found = re.findall(r"'nonce-([^']+)'", policy)
        assert "default-src 'none'" in policy
        assert set(re.findall(r'nonce="([^"]+)"', page.text)) == set(found)
        assert "{{" not in page.text
        assert "//" not in re.sub(r"https?://www\.w3\.org", "", page.text)
        nonces += found
    assert len(set(nonces)) == 2


async def test_the_status_shows_what_was_repaired_by_the_name_of_the_rule(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, f"/x={api.url}", profile="anthropic") as proxy:
        for _ in range(3):
            await client.post(f"{proxy.url}/x/v1/messages", json=asked(calls("a")))
        status = (await client.get(f"{proxy.url}/antiphon/status")).json()
    assert status["repairs"] == [{"rule": "TU001", "name": "missing-tool-result", "count": 3}]
    assert [upstream["prefix"] for upstream in status["upstreams"]] == ["/", "/x"]
    assert status["first_p50_ms"] is not None


async def test_the_status_does_not_count_those_who_ask_for_it(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="anthropic") as proxy:
        await client.post(f"{proxy.url}/v1/messages", json=VALID)
        shown = [(await client.get(f"{proxy.url}/antiphon/status")).json() for _ in range(3)]
    status = shown[-1]
    assert (status["requests"], status["active"]) == (1, 0)
    assert status["by_status"] == {"200": 1}
    assert status["by_endpoint"] == {"messages": 1}


async def test_only_the_last_notes_are_kept(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="anthropic", options=Options(limits=Limits(notes=2))) as proxy:
        for _ in range(3):
            await client.post(f"{proxy.url}/v1/messages", json=asked(calls("a")))
        notes = (await client.get(f"{proxy.url}/antiphon/notes")).json()["notes"]
    assert [note["number"] for note in notes] == [3, 2]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/antiphon/nothing", 404), ("POST", "/antiphon/", 405)])
async def test_there_are_no_other_pages(client: httpx2.AsyncClient, method: str, path: str, status: int) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        assert (await client.request(method, f"{proxy.url}{path}")).status_code == status
        assert not api.seen
