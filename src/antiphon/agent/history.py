"""The conversation so far: append-only JSON, encoded once, with cache breakpoints placed at each request.

What was once sent is never edited: newer models bind their thinking to everything before it, and prompt caches
compare bytes. The one message that may still grow is a user message at the end, and it grows at its end only.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from antiphon.agent.recording import Recorder
from antiphon.errors import ConversationInvalid
from antiphon.protocol.call_ids import CallIds
from antiphon.protocol.checking import check, repair
from antiphon.protocol.context import Dialect
from antiphon.protocol.encoding import Request, encode
from antiphon.protocol.messages import SERVER_TOOL_USE_TYPES, THINKING_TYPES, Json, blocks_of, tool_uses
from antiphon.protocol.rule import Violation
from antiphon.sessions.records import Answered, Prompted, Repaired, Replaced, Replied, Truncated

_MARKER: Json = {"type": "ephemeral"}

LEFT_OUT = "(An image or document stood here. The API does not take the request that holds it, so it was left out.)"
_ABOUT_MEDIA = frozenset({"CO010", "CO011", "CO013", "CO014", "CO015", "CO016", "CO017"})


class History:
    """The messages of one conversation.

    Attributes:
        messages: as they are sent, without cache markers. Not to be edited.
        call_ids: the ids of its tool calls.
        record: is told of every change, before it is made.
        repaired: what was wrong with the messages that were handed in, and has been repaired.
    """

    def __init__(
        self, messages: Sequence[Json], dialect: Dialect, record: Recorder | None = None, *, unanswered: bool = False
    ) -> None:
        """Go on from these messages (copied); damage in them is repaired now, before anything is sent.

        Args:
            messages: the conversation so far.
            dialect: whose rules it keeps.
            record: is told of every change.
            unanswered: the last message is a reply whose calls are to be answered yet.
        """
        self._dialect = dialect
        self.record = record or Recorder()
        self.repaired: tuple[Violation, ...] = ()
        given = list(messages)
        whole = given[:-1] if unanswered else given
        if whole:
            outcome = repair({"messages": whole}, dialect)
            self.repaired = outcome.violations
            given = [*cast("list[Json]", outcome.request["messages"]), *given[len(whole) :]]
        if self.repaired:
            self.record(Repaired(tuple(given), tuple(f"{found.rule}: {found.text}" for found in self.repaired)))
        self.messages: list[Json] = given
        self.call_ids = CallIds(given)
        self._encoded = [encode(message) for message in given]
        self._checked = 0
        self._before_prompt: tuple[int, Json | None] | None = None

    def add_prompt(self, content: list[Json]) -> None:
        """Add what the user says, behind results that were not answered yet; until answered it can be taken back."""
        # What a paused reply left open is dropped for good, also where the prompt is taken back.
        self._before_user(content)
        self._before_prompt = (len(self.messages), self.messages[-1] if self.messages else None)
        self.record(Prompted(tuple(content)))
        self._add_user(content)

    def add_results(self, content: list[Json]) -> None:
        """Add results, then notes; neighbouring user messages become one, in the order they were added."""
        self._before_user(content)
        self.record(Answered(tuple(content)))
        self._add_user(content)

    def _add_user(self, content: list[Json]) -> None:
        if self.messages and self.messages[-1].get("role") == "user":
            self._replace_last({**self.messages[-1], "content": [*blocks_of(self.messages[-1]), *content]})
            return
        self._append({"role": "user", "content": content})

    def _before_user(self, content: list[Json]) -> None:
        if any(block.get("type") != "tool_result" for block in content):
            self._drop_open_server_calls()

    def take_back_prompt(self) -> bool:
        """Make the conversation what it was before the last prompt; say whether that prompt had no answer yet."""
        if self._before_prompt is None:
            return False
        count, last = self._before_prompt
        self._before_prompt = None
        self.record(Truncated(count, "the prompt was taken back"))
        del self.messages[count:], self._encoded[count:]
        if last is not None and last is not self.messages[-1]:
            self.record(Replaced(count - 1, last))
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
        message = {**self.messages[-1], "content": content}
        self.record(Replaced(len(self.messages) - 1, message, "images and documents were left out"))
        self._replace_last(message)
        return True

    def add_assistant(
        self, content: list[Json], reply: Json | None = None, *, cut: bool = False, interrupted: bool = False
    ) -> Json | None:
        """Add the blocks of a reply and return its message; a reply without content adds nothing.

        A reply that goes on where a paused one stopped extends that message.

        Args:
            content: the blocks.
            reply: the API's message object, for the record.
            cut: the reply ended before the model was done, with a call as its end.
            interrupted: the reply was stopped; this is what it had said.
        """
        told = {name: value for name, value in (reply or {}).items() if name != "content"}
        self.record(Replied(tuple(content), told, cut, interrupted))
        if not content:
            return None
        self._before_prompt = None
        if self.messages and self.messages[-1].get("role") == "assistant":
            self._replace_last({**self.messages[-1], "content": [*blocks_of(self.messages[-1]), *content]})
        else:
            self._append({"role": "assistant", "content": content})
        return self.messages[-1]

    def forget_thinking(self) -> bool:
        """Leave out all thinking, which is of another model or bound to another request; say whether there was some."""
        bare = [_without_thinking(message) for message in self.messages]
        if bare == self.messages:
            return False
        unanswered = bool(bare) and any(True for _ in tool_uses(bare[-1]))
        whole = bare[:-1] if unanswered else bare
        repaired = cast("list[Json]", repair({"messages": whole}, self._dialect).request["messages"])
        messages = [*repaired, *bare[len(whole) :]]
        self.record(Repaired(tuple(messages), ("thinking that another model, prompt or tools made was left out",)))
        self.start_over(messages)
        return True

    def replace(self, index: int, message: Json, reason: str) -> None:
        """Let a message be this one from here on; what is cached or bound behind it is lost, as the caller knows."""
        self.record(Replaced(index, message, reason))
        self.messages[index] = message
        self._encoded[index] = encode(message)
        self._checked = min(self._checked, index)

    def without_prompt(self) -> list[Json] | None:
        """Return the conversation as it is when the last prompt is taken back, or None where that has its answer."""
        if self._before_prompt is None:
            return None
        count, last = self._before_prompt
        return [*self.messages[: count - 1], last] if last is not None else []

    def start_over(self, messages: Sequence[Json], *, without_prompt: Json | None = None) -> None:
        """Let the conversation be these messages from here on. Who calls this records why.

        Args:
            messages: the conversation.
            without_prompt: what its last message is when the prompt in it is taken back; it is kept unless given.
        """
        self.messages[:] = messages
        self._encoded[:] = [encode(message) for message in messages]
        self._checked = 0
        self._before_prompt = None if without_prompt is None else (len(self.messages), without_prompt)

    def request(self, params: Json) -> Request:
        """Return the next request, checked against the rules of the API, with cache breakpoints.

        Breakpoints: the last block of the newest user message and of the one before it. The first is what the next
        turn reads; the second was written by the previous turn, and naming it finds it however many blocks came since.

        Raises:
            ConversationInvalid: when it breaks a rule; nothing was sent.
        """
        violations = self._violations(params, self.messages)
        # What a tool or a user hands in may be no picture, or one too many: that is no reason to end a conversation.
        if any(found.rule in _ABOUT_MEDIA for found in violations) and self.leave_out_media():
            violations = self._violations(params, self.messages)
        _raise_if_any(violations)
        self._checked = len(self.messages)
        return _marked(params, list(self.messages), list(self._encoded), _last_users(self.messages)[:2])

    def aside(self, params: Json, text: str) -> Request:
        """Return a request that says something more than the conversation does, for a reply that will not join it.

        It begins as the last request did, so that its cache is read; nothing is written to the cache for it.

        Raises:
            ConversationInvalid: when it breaks a rule; nothing was sent.
        """
        messages, encoded = list(self.messages), list(self._encoded)
        block: Json = {"type": "text", "text": text}
        if messages and messages[-1].get("role") == "assistant":
            closed = _without_open_server_calls(messages.pop())
            del encoded[-1]
            if closed is not None:
                messages.append(closed)
                encoded.append(encode(closed))
        # What the last request marked is the last user message that has its reply.
        answered = [index for index in _last_users(messages) if index < len(messages) - 1][:1]
        if messages and messages[-1].get("role") == "user":
            messages[-1] = {**messages[-1], "content": [*blocks_of(messages[-1]), block]}
            encoded[-1] = encode(messages[-1])
        else:
            messages.append({"role": "user", "content": [block]})
            encoded.append(encode(messages[-1]))
        _raise_if_any(self._violations(params, messages))
        return _marked(params, messages, encoded, answered)

    def _violations(self, params: Json, messages: list[Json]) -> list[Violation]:
        start = self._checked if messages is self.messages else min(self._checked, len(messages) - 1)
        return check({**params, "messages": messages}, self._dialect, start=start)

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
        closed = _without_open_server_calls(self.messages[-1])
        if closed is self.messages[-1]:
            return
        if closed is not None:
            self.record(Replaced(len(self.messages) - 1, closed, "server calls that were never answered"))
            self._replace_last(closed)
        else:
            self.record(Truncated(len(self.messages) - 1, "server calls that were never answered"))
            del self.messages[-1], self._encoded[-1]


def _raise_if_any(violations: Sequence[Violation]) -> None:
    if not violations:
        return
    first = violations[0]
    advice = "This is a bug in Antiphon; please report it with the steps that led here."
    if first.message is None:
        advice = "Look at the parameters that were given to the agent."
    raise ConversationInvalid(f"the conversation breaks rule {first.rule} and was not sent: {first.text}. {advice}")


def _last_users(messages: Sequence[Json]) -> list[int]:
    """Return where the messages of the user are, the last one first."""
    return [index for index in range(len(messages) - 1, -1, -1) if messages[index].get("role") == "user"]


def _marked(params: Json, messages: list[Json], encoded: list[bytes], at: Iterable[int]) -> Request:
    for index in at:
        marked = _with_marker(messages[index])
        if marked is not None:
            messages[index], encoded[index] = marked, encode(marked)
    return Request(params, messages, encoded)


def _without_open_server_calls(message: Json) -> Json | None:
    """Return a message without its server calls that have no result: itself if it has none, None if nothing is left."""
    content = blocks_of(message)
    answered = {block.get("tool_use_id") for block in content}
    kept = [block for block in content if block.get("type") not in SERVER_TOOL_USE_TYPES or block.get("id") in answered]
    if len(kept) == len(content):
        return message
    return {**message, "content": kept} if kept else None


def _without_thinking(message: Json) -> Json:
    content = blocks_of(message)
    kept = [block for block in content if block.get("type") not in THINKING_TYPES]
    return message if len(kept) == len(content) else {**message, "content": kept}


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
