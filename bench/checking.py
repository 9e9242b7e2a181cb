"""Cost of `check` beside the cost of parsing the same request with orjson, and how both grow.

The conversation is one of a coding agent: two hundred turns of text, thinking, a tool call and its result, one
megabyte. The goal is a check within twice the time of the parse. Then the same conversation with ten, a hundred and a
hundred thousand messages: time per message must not grow. Last, what `repair` costs where there is something to mend.

    python dev.py bench checking
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson

from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json
from measuring import Table

ANTHROPIC = dialect("anthropic")
TOOLS: list[Json] = [
    {
        "name": f"tool_{number}",
        "description": "Reads one file, or searches it. " * 8,
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    }
    for number in range(12)
]


def conversation(turns: int, result_bytes: int) -> Json:
    """Return a valid conversation with as many tool calls as turns."""
    messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": "Find the bug."}]}]
    for number in range(turns):
        call_id = f"toolu_{number:024}"
        call: Json = {"type": "tool_use", "id": call_id, "name": "tool_0", "input": {"path": f"src/{number}.py"}}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": "Let me look at it."}, call]})
        found: Any = ("def f(x):\n    return x + 1\n" * (result_bytes // 27 + 1))[:result_bytes]
        if number % 2:
            found = [{"type": "text", "text": found}]
        messages.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": found}]}
        )
    return {"model": "claude-sonnet-5", "max_tokens": 4096, "system": "Be brief.", "tools": TOOLS, "messages": messages}


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """Return the best time of a few rounds; the machine's noise only ever adds."""
    times: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def beside_parsing() -> None:
    """Compare check with parse, turn and turn about, on one megabyte."""
    request = conversation(200, 4900)
    body = json.dumps(request).encode()
    pairs = [(seconds(lambda: orjson.loads(body), 9), seconds(lambda: check(request, ANTHROPIC), 9)) for _ in range(7)]
    parse, checking = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(second / first for first, second in pairs)
    table = Table("bytes", "messages", "orjson us", "check us", "ratio")
    table.row(len(body), len(request["messages"]), f"{parse * 1e6:.0f}", f"{checking * 1e6:.0f}", f"{ratio:.2f}")
    table.print()


def growing() -> None:
    """Print what one message costs in conversations of growing length."""
    table = Table("messages", "check us/message", "repair us/message", "orjson us/message")
    for turns in (5, 50, 500, 5_000, 50_000):
        request = conversation(turns, 200)
        body = json.dumps(request).encode()
        broken = {**request, "messages": request["messages"][:-1]}
        many = len(request["messages"])
        rounds = max(2, 2_000 // turns)
        row = [
            seconds(lambda asked=request: check(asked, ANTHROPIC), rounds),
            seconds(lambda asked=broken: repair(asked, ANTHROPIC), rounds),
            seconds(lambda read=body: orjson.loads(read), rounds),
        ]
        table.row(many, *(f"{cost / many * 1e6:.2f}" for cost in row))
    table.print()


def main() -> None:
    """Print both tables."""
    beside_parsing()
    growing()


if __name__ == "__main__":
    main()
