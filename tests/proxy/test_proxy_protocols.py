"""Requests of OpenAI's protocols are judged by their own rules, and never translated."""

import json
from typing import Any

import httpx2
import pytest
from upstreams import OK, upstream

from antiphon.proxy import Proxy

Json = dict[str, Any]
USER: Json = {"role": "user", "content": "go"}


def called(*ids: str) -> Json:
    asking = [
        {"id": id_, "type": "function", "function": {"name": "read_file", "arguments": '{"path": "a"}'}} for id_ in ids
    ]
    return {"role": "assistant", "content": None, "tool_calls": asking}


def answered(id_: str) -> Json:
    return {"role": "tool", "tool_call_id": id_, "content": id_}


def call_item(id_: str) -> Json:
    return {"type": "function_call", "call_id": id_, "name": "read_file", "arguments": "{}"}


def output_item(id_: str) -> Json:
    return {"type": "function_call_output", "call_id": id_, "output": id_}


CHAT = [USER, called("a", "b"), answered("a"), answered("b")]
ITEMS = [USER, call_item("a"), call_item("b"), output_item("a"), output_item("b")]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
@pytest.mark.parametrize("profile", ["openai", "compatible", "template"])
async def test_a_valid_chat_request_passes_byte_for_byte(client: httpx2.AsyncClient, path: str, profile: str) -> None:
    body = json.dumps({"model": "gpt-6", "messages": CHAT, "unheard_of": [1, {}]}, indent=2).encode()
    async with upstream() as api, Proxy(api.url, profile=profile) as proxy:
        response = await client.post(f"{proxy.url}{path}", content=body)
        assert (api.seen[0].body, "antiphon-repaired" in response.headers) == (body, False)
        assert api.seen[0].line == "POST /v1/chat/completions HTTP/1.1"


async def test_a_missing_answer_of_a_chat_is_put_in(client: httpx2.AsyncClient) -> None:
    torn = [USER, called("a", "b"), answered("b"), {"role": "user", "content": "and?"}]
    async with upstream() as api, Proxy(api.url, profile="openai") as proxy:
        response = await client.post(f"{proxy.url}/v1/chat/completions", json={"model": "gpt-6", "messages": torn})
        assert response.headers["antiphon-repaired"].startswith("TU001")
        sent = json.loads(api.seen[0].body)["messages"]
        assert [message.get("tool_call_id") for message in sent if message["role"] == "tool"] == ["a", "b"]
        assert sent[-1] == torn[-1]


async def test_a_valid_response_request_passes_byte_for_byte(client: httpx2.AsyncClient) -> None:
    body = json.dumps({"model": "gpt-6", "input": ITEMS, "store": False}, indent=2).encode()
    async with upstream() as api, Proxy(api.url, profile="openai") as proxy:
        await client.post(f"{proxy.url}/v1/responses", content=body)
        assert api.seen[0].body == body


async def test_a_call_without_output_gets_one(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, profile="openai") as proxy:
        response = await client.post(f"{proxy.url}/v1/responses", json={"model": "gpt-6", "input": ITEMS[:-1]})
        assert response.headers["antiphon-repaired"].startswith("TU001 input.")
        outputs = [item for item in json.loads(api.seen[0].body)["input"] if item.get("type") == "function_call_output"]
        # Of any order there: they are tied by id.
        assert sorted(item["call_id"] for item in outputs) == ["a", "b"]
        assert output_item("a") in outputs


async def test_a_refusal_in_the_words_of_that_api_is_understood(client: httpx2.AsyncClient) -> None:
    said = {"error": {"message": "Invalid parameter: only available with tools", "type": "invalid_request_error"}}
    data = json.dumps(said).encode()
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
    async with upstream([refusal], [OK]) as api, Proxy(api.url, profile="openai") as proxy:
        response = await client.post(f"{proxy.url}/v1/chat/completions", json={"model": "gpt-6", "messages": CHAT})
        assert (response.status_code, response.content, len(api.seen)) == (400, data, 1)
