"""Plays a random plan with the real engine: calls arrive, run, fail, are cut off, stopped, and asked for again.

Everything but the model, the people and the tools is real: ids are settled, the driver runs the calls, the results
become the user message, and the conversation is checked by the rules whenever it could be sent.
"""

from random import Random

import anyio
from anyio import CancelScope, get_cancelled_exc_class

from antiphon.agent.incoming import IncomingReply
from antiphon.engine.driver import Driver
from antiphon.engine.events import Reply, ToolCall
from antiphon.engine.message import user_message
from antiphon.engine.workers import Workers
from antiphon.protocol.call_ids import CallIds
from antiphon.protocol.checking import check
from antiphon.protocol.dialects import ANTHROPIC, in_strict_order
from antiphon.protocol.messages import Json, tool_uses
from antiphon.protocol.streaming import BlockClosed, ReplyEnded
from antiphon.testing.plans import Plan, PlannedCall, PlannedReply, draw_plan
from antiphon.testing.virtual_time import running_loop
from antiphon.testing.witness import PromiseBroken, Witness, pause

_DIALECT = in_strict_order(ANTHROPIC)
_LONGEST = 400.0
"""Virtual seconds that no plan takes: 16 calls in a row, each as slow as it can be, three times."""


async def random_turns(chance: Random) -> None:
    """Draw a plan, play it, and check everything that can be checked.

    Raises:
        PromiseBroken: the engine did what it promises not to do.
    """
    await play_plan(draw_plan(chance))


async def play_plan(plan: Plan) -> None:
    """Play a plan; for what is checked see `random_turns` and `Witness`."""
    session = _Session(plan)
    async with anyio.create_task_group() as tasks:
        await session.play(Workers(tasks), tasks.cancel_scope)
    session.check_end()


class _Session:
    """One conversation and the plan it follows."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = anyio.Lock()
        self._messages: list[Json] = [{"role": "user", "content": "go"}]
        self._ids = CallIds()
        self._witnesses: list[Witness] = []
        self._scope = CancelScope()
        self._reply: IncomingReply | None = None
        self._planned: tuple[PlannedCall, ...] = ()
        self._told_to_stop = False

    async def play(self, workers: Workers, everything: CancelScope) -> None:
        stop = self._plan.stop
        if stop is not None:
            tell = {
                "told": self._stop_by_telling,
                "cancelled": self._scope.cancel,
                "cancelled with all": everything.cancel,
            }[stop.how]
            if stop.steps is not None:
                running_loop().at_step(stop.steps, tell)
            else:
                running_loop().call_later(stop.seconds, tell)
        with self._scope:
            for planned in self._plan.replies:
                await self._play_reply(planned, workers)
        workers.close()

    async def _play_reply(self, planned: PlannedReply, workers: Workers) -> None:
        reply = self._reply = IncomingReply(self._ids, lambda: self._new_driver(workers))
        self._told_to_stop = False
        self._planned = tuple(block for block in planned.blocks if isinstance(block, PlannedCall))
        try:
            ended = await self._stream(planned, reply)
        except get_cancelled_exc_class():
            self._settle_stopped(reply)
            raise
        if not ended:
            return
        content = reply.content()
        reply.ended()
        try:
            results = await reply.driver.reply()
        except get_cancelled_exc_class():
            self._take(content, reply, reply.cancelled())
            raise
        if not self._told_to_stop:
            self._take(content, reply, results)
        self._reply = None

    async def _stream(self, planned: PlannedReply, reply: IncomingReply) -> bool:
        """Let a reply arrive; say whether it ended in a way that its calls are to be answered."""
        calls = 0
        for index, block in enumerate(planned.blocks):
            await pause(planned.pauses[index])
            if self._told_to_stop:
                return False
            witness = self._witnesses[-1]
            reply.receive(_closed(index, block, calls))
            calls += isinstance(block, PlannedCall)
            if block == "fallback":
                witness.check_nothing_written()
        await pause(planned.pauses[-1])
        if self._told_to_stop:
            return False
        if planned.ending in ("broken", "refused"):
            reply.driver.discard("the stream broke" if planned.ending == "broken" else "refused")
            self._witnesses[-1].check_nothing_written()
            self._reply = None
            return False
        stop_reason = "max_tokens" if planned.ending == "cut" else "tool_use"
        reply.receive(ReplyEnded({"stop_reason": stop_reason}))
        self._witnesses[-1].is_cut = planned.ending == "cut" and isinstance(planned.blocks[-1], PlannedCall)
        return True

    def _new_driver(self, workers: Workers) -> Driver:
        witness = Witness(workers, self._plan.limit, self._plan_of, self._lock)
        self._witnesses.append(witness)
        return witness.driver

    def _plan_of(self, call: ToolCall) -> PlannedCall:
        number: int = call.input["number"]
        return self._planned[number]

    def _stop_by_telling(self) -> None:
        """Stop the turn from outside its task; what is there to be sent is there at once."""
        self._told_to_stop = True
        if self._reply is not None:
            self._settle_stopped(self._reply)
            self._reply = None

    def _settle_stopped(self, reply: IncomingReply) -> None:
        self._take(reply.said_so_far() if reply.message is None else reply.content(), reply, reply.cancelled())

    def _take(self, content: list[Json], reply: IncomingReply, results: Reply | None) -> None:
        """Put a reply and its results into the conversation, and check that it could be sent."""
        witness = self._witnesses[-1]
        if witness.driver is not reply.driver:
            raise PromiseBroken("the driver of an earlier reply answers")
        witness.check_reply(results, [block["id"] for block in tool_uses({"content": content})])
        if content:
            answer = user_message(results.results if results is not None else (), ("go on",))
            self._messages += [{"role": "assistant", "content": content}, answer]

    def check_end(self) -> None:
        """Check that nothing is left, and that every request that was or would be sent is valid.

        The conversation only grows, so that is the same as whether the whole of it is.
        """
        for witness in self._witnesses:
            witness.check_nothing_runs()
        if self._lock.statistics().locked:
            raise PromiseBroken("a lock is left")
        if anyio.current_time() > _LONGEST:
            raise PromiseBroken(f"it took {anyio.current_time()} s")
        shape = _shape_of(self._messages)
        if shape in _known_shapes:
            return
        for violation in check({"model": "m", "max_tokens": 1, "messages": self._messages}, _DIALECT):
            raise PromiseBroken(f"what would be sent is refused: {violation}")
        _known_shapes.add(shape)


_known_shapes: set[tuple[object, ...]] = set()
"""Shapes of conversations that were found valid: many schedules come to the same one, and checking is slow."""


def _shape_of(messages: list[Json]) -> tuple[object, ...]:
    """Return all of a conversation that a rule could mind here: not which words a text has, nor how an id is spelt."""
    shape: list[object] = []
    numbers: dict[object, int] = {}
    for message in messages[1:]:
        shape.append(message["role"])
        for block in message["content"]:
            call_id = block.get("id", block.get("tool_use_id"))
            text: object = block.get("text") or block.get("content")
            shape += (block["type"], numbers.setdefault(call_id, len(numbers)), block.get("name"))
            shape += (block.get("is_error"), type(text), bool(text))
    # Each id by its number; and what characters they have, and how long they are, all together.
    spelt = [str(call_id) for call_id in numbers]
    return (*shape, frozenset("".join(spelt)), max((len(call_id) for call_id in spelt), default=0))


def _closed(index: int, block: object, number: int) -> BlockClosed:
    if not isinstance(block, PlannedCall):
        return BlockClosed(index, {"type": "fallback"} if block == "fallback" else {"type": "text", "text": "so"})
    tool_use: Json = {"type": "tool_use", "name": block.name, "input": {"number": number}}
    if block.sent_id is not None:
        tool_use["id"] = block.sent_id
    if block.broken:
        return BlockClosed(index, {**tool_use, "input": {"INVALID_JSON": '{"number": '}}, "The arguments are not JSON.")
    return BlockClosed(index, tool_use)
