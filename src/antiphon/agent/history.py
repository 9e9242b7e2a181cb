"""The conversation so far: append-only JSON, encoded once, with cache breakpoints placed at each request.

What was once sent is never edited: newer models bind their thinking to everything before it, and prompt caches
compare bytes. The one message that may still grow is a user message at the end, and it grows at its end only.
"""

from collections.abc import Sequence
from typing import Any, cast

from antiphon.errors import ConversationInvalid
from antiphon.protocol.call_ids import CallIds
from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.encoding import Request, encode
from antiphon.protocol.messages import SERVER_TOOL_USE_TYPES, THINKING_TYPES, Json, blocks_of
from antiphon.protocol.rule import Violation

_MARKER: Json = {"type": "ephemeral"}

LEFT_OUT = "(An image or document stood here. The API does not take the request that holds it, so it was left out.)"
_ABOUT_MEDIA = frozenset({"CO010", "CO011", "CO013", "CO014", "CO015", "CO016", "CO017"})


class History:
    """The messages of one conversation.

    Attributes:
        messages: as they are sent, without cache markers. Not to be edited.
        call_ids: the ids of its tool calls.
        repaired: what was wrong with the messages that were handed in, and has been repaired.
    """

    def __init__(self, messages: Sequence[Json], dialect: Dialect) -> None:
        """Go on from these messages (copied); damage in them is repaired now, before anything is sent."""
        self._dialect = dialect
        self.repaired: tuple[Violation, ...] = ()
        given = list(messages)
        if given:
            outcome = repair({"messages": given}, dialect)
            self.repaired = outcome.violations
            given = list(cast("list[Json]", outcome.request["messages"]))
        self.messages: list[Json] = given
        self.call_ids = CallIds(given)
        self._encoded = [encode(message) for message in given]
        self._checked = 0
        self._before_prompt: tuple[int, Json | None] | None = None

    def add_prompt(self, content: list[Json]) -> None:
        """Add what the user says, behind results that were not answered yet; until answered it can be taken back."""
        self._before_prompt = (len(self.messages), self.messages[-1] if self.messages else None)
        self.add_results(content)

    def add_results(self, content: list[Json]) -> None:
        """Add blocks of the user's side; neighbouring user messages become one, in the order they were added."""
        if self.messages and self.messages[-1].get("role") == "user":
            self._replace_last({**self.messages[-1], "content": [*blocks_of(self.messages[-1]), *content]})
            return
        if any(block.get("type") != "tool_result" for block in content):
            self._drop_open_server_calls()
        self._append({"role": "user", "content": content})

    def take_back_prompt(self) -> bool:
        """Make the conversation what it was before the last prompt; say whether that prompt had no answer yet."""
        if self._before_prompt is None:
            return False
        count, last = self._before_prompt
        self._before_prompt = None
        del self.messages[count:], self._encoded[count:]
        if last is not None:
            self._replace_last(last)
        self._checked = min(self._checked, len(self.messages))
        return True

    def leave_out_media(self) -> bool:
        """Put a note in the place of each image and document of the last user message; say whether there was one.

        For when the API refuses a request, or would: a picture it cannot read is refused again on every request.
        """
        if not self.messages or self.messages[-1].get("role") != "user":
            return False
        content = [_without_media(block) for block in blocks_of(self.messages[-1])]
        if content == blocks_of(self.messages[-1]):
            return False
        self._replace_last({**self.messages[-1], "content": content})
        return True

    def add_assistant(self, content: list[Json]) -> Json | None:
        """Add the blocks of a reply and return its message; a reply without content adds nothing.

        A reply that goes on where a paused one stopped extends that message.
        """
        if not content:
            return None
        self._before_prompt = None
        if self.messages and self.messages[-1].get("role") == "assistant":
            self._replace_last({**self.messages[-1], "content": [*blocks_of(self.messages[-1]), *content]})
        else:
            self._append({"role": "assistant", "content": content})
        return self.messages[-1]

    def request(self, params: Json) -> Request:
        """Return the next request, checked against the rules of the API, with cache breakpoints.

        Breakpoints: the last block of the newest user message and of the one before it. The first is what the next
        turn reads; the second was written by the previous turn, and naming it finds it however many blocks came since.

        Raises:
            ConversationInvalid: when it breaks a rule; nothing was sent.
        """
        violations = self._violations(params)
        # What a tool or a user hands in may be no picture, or one too many: that is no reason to end a conversation.
        if any(found.rule in _ABOUT_MEDIA for found in violations) and self.leave_out_media():
            violations = self._violations(params)
        if violations:
            first = violations[0]
            advice = "This is a bug in Antiphon; please report it with the steps that led here."
            if first.message is None:
                advice = "Look at the parameters that were given to the agent."
            raise ConversationInvalid(
                f"the conversation breaks rule {first.rule} and was not sent: {first.text}. {advice}"
            )
        self._checked = len(self.messages)
        messages, encoded = list(self.messages), list(self._encoded)
        users = [index for index in range(len(messages) - 1, -1, -1) if messages[index].get("role") == "user"][:2]
        for index in users:
            marked = _with_marker(messages[index])
            if marked is not None:
                messages[index], encoded[index] = marked, encode(marked)
        return Request(params, messages, encoded)

    def _violations(self, params: Json) -> list[Violation]:
        return check({**params, "messages": self.messages}, self._dialect, start=self._checked)

    def _append(self, message: Json) -> None:
        self.messages.append(message)
        self._encoded.append(encode(message))

    def _replace_last(self, message: Json) -> None:
        self.messages[-1] = message
        self._encoded[-1] = encode(message)
        self._checked = min(self._checked, len(self.messages) - 1)

    def _drop_open_server_calls(self) -> None:
        """Drop server calls without a result: they are legal only while nothing but results follows."""
        if not self.messages or self.messages[-1].get("role") != "assistant":
            return
        content = blocks_of(self.messages[-1])
        answered = {block.get("tool_use_id") for block in content}
        kept = [
            block for block in content if block.get("type") not in SERVER_TOOL_USE_TYPES or block.get("id") in answered
        ]
        if len(kept) == len(content):
            return
        if kept:
            self._replace_last({**self.messages[-1], "content": kept})
        else:
            del self.messages[-1], self._encoded[-1]


def _without_media(block: Json) -> Json:
    """Return a block with notes instead of images and documents."""
    if block.get("type") in ("image", "document"):
        return {"type": "text", "text": LEFT_OUT}
    inner: Any = block.get("content")
    if block.get("type") == "tool_result" and isinstance(inner, list):
        return {**block, "content": [_without_media(part) for part in cast("list[Json]", inner)]}
    return block


def mark_params(params: Json) -> Json:
    """Return parameters with a cache breakpoint at the end of what never changes: the system prompt, else the tools."""
    system: Any = params.get("system")
    if isinstance(system, str) and system:
        return {**params, "system": [{"type": "text", "text": system, "cache_control": _MARKER}]}
    if isinstance(system, list) and system:
        blocks = cast("list[Json]", system)
        return {**params, "system": [*blocks[:-1], {**blocks[-1], "cache_control": _MARKER}]}
    tools: Any = params.get("tools")
    if isinstance(tools, list) and tools:
        definitions = cast("list[Json]", tools)
        return {**params, "tools": [*definitions[:-1], {**definitions[-1], "cache_control": _MARKER}]}
    return params


def _with_marker(message: Json) -> Json | None:
    """Return the message with a breakpoint on its last block that can hold one."""
    content = blocks_of(message)
    for index in range(len(content) - 1, -1, -1):
        block = content[index]
        if block.get("type") in THINKING_TYPES or (block.get("type") == "text" and not block.get("text")):
            continue
        return {**message, "content": [*content[:index], {**block, "cache_control": _MARKER}, *content[index + 1 :]]}
    return None
