"""A reply on its way in: its blocks are collected for the history, its calls go to the engine as each block closes."""

from collections.abc import Callable

from antiphon.engine.driver import Driver
from antiphon.engine.events import Reply, ToolCall, failure
from antiphon.protocol.call_ids import CallIds
from antiphon.protocol.messages import Json
from antiphon.protocol.receiving import after_fallback, salvaged_content, settled_call, settled_content
from antiphon.protocol.streaming import BlockClosed, ReplyEnded, ReplyEvent, TextDelta

CUT_REASONS = frozenset({"max_tokens", "model_context_window_exceeded"})
"""Stop reasons of a reply that ended before the model was done."""


class IncomingReply:
    """Collects one reply.

    Attributes:
        driver: runs its calls.
        calls: how many calls were asked for so far.
        message: the API's message object, once the reply has ended.
    """

    def __init__(self, call_ids: CallIds, new_driver: Callable[[], Driver]) -> None:
        """Collect a reply whose calls get their ids from `call_ids`; `new_driver` gives each turn its engine."""
        self._call_ids = call_ids
        self._new_driver = new_driver
        self._blocks: list[Json] = []
        self._open_text: list[str] = []
        self.driver = new_driver()
        self.calls = 0
        self.message: Json | None = None

    def receive(self, event: ReplyEvent) -> None:
        """Take the next event of the stream."""
        if isinstance(event, BlockClosed):
            self._block_closed(event)
        elif isinstance(event, TextDelta):
            self._open_text.append(event.text)
        elif isinstance(event, ReplyEnded):
            self.message = event.message

    @property
    def stop_reason(self) -> str:
        """Why the model stopped, as the API says it."""
        return str((self.message or {}).get("stop_reason"))

    @property
    def is_cut(self) -> bool:
        """Whether the reply was cut off with a call as its end, which is then not to be trusted."""
        return self.stop_reason in CUT_REASONS and bool(self._blocks) and self._blocks[-1].get("type") == "tool_use"

    def content(self) -> list[Json]:
        """Return the blocks of the ended reply as they go into history."""
        return settled_content(self._blocks)

    def said_so_far(self) -> list[Json]:
        """Return what a reply that was stopped leaves in history: its closed blocks and the text of an open one."""
        open_text = "".join(self._open_text)
        last = [{"type": "text", "text": open_text}] if open_text.strip() else []
        return salvaged_content([*self._blocks, *last])

    def ended(self) -> None:
        """Say that the message is in the history: from here on its calls may write."""
        self.driver.message_ended(cut=self.is_cut)

    def cancelled(self) -> Reply | None:
        """Stop the calls, and return their results so far; what had not finished says so."""
        self.driver.cancel()
        return self.driver.finished_reply

    def _block_closed(self, event: BlockClosed) -> None:
        block = event.block
        self._open_text.clear()
        if block.get("type") == "tool_use":
            named = block.get("name")
            block = settled_call(block, self._call_ids)
            call = ToolCall(block["id"], block["name"], block["input"])
            self.calls += 1
            if event.problem is not None:
                self.driver.answer(call, failure(f"{event.problem} The call was not carried out."))
            elif call.name != named:
                self.driver.answer(call, failure(f"There is no tool named {named!r}."))
            else:
                self.driver.request(call)
        elif block.get("type") == "fallback":
            # Another model takes over here; the calls asked for before are void.
            self.driver.discard("another model took over")
            self.driver = self._new_driver()
            self.calls = 0
            self._blocks = after_fallback(self._blocks)
        self._blocks.append(block)
