"""Server-held threads are refused so that clients fall back to sending the whole conversation."""

import anthropic
from anthropic import beta_async_tool
from emulator_requests import Client, request

from antiphon.emulator import Emulator, ToolUse, reply


def test_a_thread_is_refused_with_the_code_that_clients_know(client: Client) -> None:
    with Emulator() as emulator:
        response = client(emulator).post("/v1/messages?beta=true", json=request("go", thread={"type": "create"}))
    assert response.status_code == 400
    assert response.json()["error"]["details"] == {"error_code": "thread_unsupported_request"}
    assert emulator.refused == []


@beta_async_tool
async def read_file(path: str) -> str:
    """Read a file."""
    return f"contents of {path}"


async def test_the_tool_runner_of_the_sdk_falls_back_and_finishes() -> None:
    script = [
        reply("First a.", ToolUse("read_file", {"path": "a.py"})),
        reply("Then b.", ToolUse("read_file", {"path": "b.py"})),
        "Both read.",
    ]
    async with (
        Emulator(script) as emulator,
        anthropic.AsyncAnthropic(base_url=emulator.url, api_key="any") as client,
    ):
        runner = client.beta.messages.tool_runner(
            model="claude-opus-5",
            max_tokens=1024,
            tools=[read_file],
            messages=[{"role": "user", "content": "compare a.py and b.py"}],
        )
        final = await runner.until_done()
    assert [block.model_dump()["text"] for block in final.content] == ["Both read."]
    asked = emulator.requests
    assert [("thread" in (record.body or {}), record.status) for record in asked] == [
        (True, 400),
        (False, 200),
        (False, 200),
        (False, 200),
    ]
    results = [block["content"] for message in asked[-1]["messages"][2::2] for block in message["content"]]
    assert [result if isinstance(result, str) else result[0]["text"] for result in results] == [
        "contents of a.py",
        "contents of b.py",
    ]
