"""Which reply of a script comes next, for every conversation on its own.

A conversation is known by its first user message: that is what stays the same while it grows. Knows nothing of how a
reply is made or sent.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from antiphon.emulator.loading import to_reply
from antiphon.emulator.script import Answering, Reply, Script, When
from antiphon.errors import AntiphonError
from antiphon.protocol.messages import Json, blocks_of, text_of
from antiphon.protocol.prefix import canonical, digest

_log = logging.getLogger(__name__)


class ScriptFailed(AntiphonError):
    """A function of the script raised, or returned what is no reply."""


@dataclass(slots=True)
class _Place:
    """How far one conversation is: in the sequence, and in how often each matching reply was given."""

    position: int = 0
    given: Counter[int] = field(default_factory=Counter[int])


class Places:
    """Chooses replies. Every request that is answered moves its conversation one place on."""

    def __init__(self, script: Script) -> None:
        self._script = script
        steps = [step if callable(step) else to_reply(step) for step in script.replies]
        self._sequence: list[Reply | Answering] = []
        self._matching: list[tuple[When, Reply]] = []
        for step in steps:
            if isinstance(step, Reply) and step.when is not None:
                self._matching.append((step.when, step))
            else:
                times = step.times or 1 if isinstance(step, Reply) else 1
                self._sequence.extend([step] * times)
        self._calls_tools = any(isinstance(step, Reply) and step.calls_tools for step in self._sequence)
        self._places: dict[bytes, _Place] = {}

    def choose(self, request: Json) -> Reply:
        """Return the reply to a request.

        Raises:
            ScriptFailed: a function of the script did.
        """
        place = self._places.setdefault(b"" if self._script.shared else conversation(request), _Place())
        for index, (when, reply) in enumerate(self._matching):
            if matches(when, request) and (reply.times is None or place.given[index] < reply.times):
                place.given[index] += 1
                return reply
        if self._calls_tools and not _uses_tools(request):
            return Reply(content=[self._script.side])
        position = place.position
        if self._script.loop and self._sequence:
            position %= len(self._sequence)
        if position >= len(self._sequence):
            return Reply(content=[_over(len(self._sequence))])
        place.position += 1
        step = self._sequence[position]
        return step if isinstance(step, Reply) else _call(step, request)


def _call(step: Answering, request: Json) -> Reply:
    try:
        return to_reply(step(request))
    except Exception as error:
        _log.exception("a function of the emulator's script failed")
        raise ScriptFailed(f"The emulator's script failed: {type(error).__name__}: {error}") from error


def conversation(request: Json) -> bytes:
    """Return what tells one conversation from another: its first user message."""
    first = _first_of("user", _messages(request))
    return digest(*(canonical(block) for block in blocks_of(first)))


def matches(when: When, request: Json) -> bool:
    """Whether a request is one that a reply is meant for."""
    last = _first_of("user", reversed(_messages(request)))
    results = [text_of({"content": block.get("content")}) for block in blocks_of(last) if "tool_use_id" in block]
    return (
        (when.text is None or re.search(when.text, text_of(last)) is not None)
        and (when.result is None or any(re.search(when.result, result) for result in results))
        and (when.model is None or re.search(when.model, str(request.get("model"))) is not None)
    )


def _uses_tools(request: Json) -> bool:
    if request.get("tools"):
        return True
    types = {block.get("type") for message in _messages(request) for block in blocks_of(message)}
    return "tool_use" in types


def _first_of(role: str, messages: Iterable[Json]) -> Json:
    nobody: Json = {}
    return next((message for message in messages if message.get("role") == role), nobody)


def _messages(request: Json) -> list[Json]:
    messages: list[Any] = request.get("messages", [])
    return [cast("Json", message) for message in messages if isinstance(message, dict)]


def _over(replies: int) -> str:
    if not replies:
        return "This emulator has no script, so this is all it says."
    return f"The script is over: this conversation has had all {replies} of its replies."
