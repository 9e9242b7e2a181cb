"""A model for tests: works through a script of turns, counts its tokens, and writes summaries when it is asked to."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

from antiphon import tool
from antiphon.agent.compaction import is_stretch
from antiphon.errors import Rejected
from antiphon.providers.models import Model, Models
from antiphon.providers.scripted import ScriptedProvider

Json = dict[str, Any]

MODEL = "claude-opus-4-6"
ASKED = "This conversation is about to be cut here"


def window_of(tokens: int, *more: str) -> Models:
    """Return a table in which these models have a window of so many tokens."""
    return Models([Model(name, window=tokens, max_output=tokens) for name in (MODEL, *more)])


def say(text: str) -> Json:
    return {"type": "text", "text": text}


def use(call_id: str, tool_name: str, /, **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": tool_name, "input": arguments}


def tokens_of(body: Json) -> int:
    """Count as `ScriptedProvider.count_tokens` does, leaving out cache markers."""
    bare = {key: value for key, value in body.items() if key not in ("max_tokens", "metadata")}
    return len(json.dumps(bare).replace('"cache_control": {"type": "ephemeral"}', "")) // 4


def is_asked_to_sum_up(body: Json) -> bool:
    content: Any = body["messages"][-1]["content"]
    return isinstance(content, list) and ASKED in str(cast("list[Json]", content)[-1].get("text"))


class WorkingModel:
    """Answers with the turns of a script, in order, whatever was summed up between them.

    Attributes:
        summaries: what it answers when asked for a summary; the last one again and again.
        window: what it refuses to exceed, or None.
        asked: the requests for a summary.
        worked: all other requests that were not refused.
        refused: requests that were too long.
    """

    def __init__(
        self,
        turns: Iterable[Sequence[Json] | Json],
        *,
        summaries: Sequence[Any] = ("The gist.",),
        window: int | None = None,
    ) -> None:
        self.summaries = list(summaries)
        self.window = window
        self.asked: list[Json] = []
        self.worked: list[Json] = []
        self.refused: list[Json] = []
        self._turns = iter(turns)

    def provider(self, **options: Any) -> ScriptedProvider:
        return ScriptedProvider(self._endless(), tokens=tokens_of, **options)

    def _endless(self) -> Iterable[Any]:
        while True:
            yield self._reply

    def _reply(self, body: Json) -> Any:
        tokens = tokens_of(body)
        if self.window is not None and tokens > self.window:
            self.refused.append(body)
            return Rejected(400, f"prompt is too long: {tokens} tokens > {self.window} maximum")
        if is_asked_to_sum_up(body):
            number = min(len(self.asked), len(self.summaries) - 1)
            self.asked.append(body)
            said = self.summaries[number]
            content: Any = [say(said)] if isinstance(said, str) else said
        else:
            self.worked.append(body)
            content = next(self._turns)
        if isinstance(content, Exception):
            return content
        reply: Json = cast("Json", content) if isinstance(content, dict) else {"content": content}
        used = {"input_tokens": tokens, "output_tokens": len(json.dumps(reply["content"])) // 4}
        return {**reply, "usage": used}


def stretches(bodies: Iterable[Json]) -> list[bool]:
    """Say of each request whether it goes on from a summary."""
    return [is_stretch(body["messages"][0]) for body in bodies]


def look_tool(size: int) -> Any:
    @tool(early=True)
    async def look(name: str, chars: int = size) -> str:
        """Look at something."""
        return f"{name}: " + "x" * chars

    return look
