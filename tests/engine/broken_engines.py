"""Engines that break one promise each. What checks the engine must find every one of them."""

from collections.abc import Callable
from typing import Any, cast

import anyio

from antiphon.agent.incoming import IncomingReply
from antiphon.engine.driver import Driver
from antiphon.engine.events import (
    Access,
    Cancelled,
    Command,
    Denied,
    Event,
    Finished,
    MessageEnded,
    Reply,
    Result,
    Start,
)
from antiphon.engine.hazards import Hazards
from antiphon.engine.reorder import ReorderBuffer
from antiphon.engine.scheduler import Scheduler
from antiphon.engine.turn import STOPPED, Turn
from antiphon.protocol.call_ids import CallIds

Replace = Callable[[object, str, object], None]
"""Puts something in the place of an attribute, as `pytest.MonkeyPatch.setattr` does."""


def starts_what_conflicts(replace: Replace) -> None:
    add = Hazards.add

    def careless(self: Hazards, key: str, access: Access) -> tuple[str, ...]:
        add(self, key, access)
        return ()

    replace(Hazards, "add", careless)


def waits_for_one_conflict_only(replace: Replace) -> None:
    add = Hazards.add

    def hasty(self: Hazards, key: str, access: Access) -> tuple[str, ...]:
        return add(self, key, access)[:1]

    replace(Hazards, "add", hasty)


def starts_writes_early(replace: Replace) -> None:
    add = Scheduler.add

    def early(self: Scheduler, key: str, access: Access, *, asking: bool) -> None:
        add(self, key, access, asking=asking)
        waiting = self._waiting[key]
        waiting.unsafe = False
        self._note_ready(key, waiting)

    replace(Scheduler, "add", early)


def starts_without_asking(replace: Replace) -> None:
    add = Scheduler.add

    def bold(self: Scheduler, key: str, access: Access, *, asking: bool) -> None:
        add(self, key, access, asking=asking and access.early)

    replace(Scheduler, "add", bold)


def ignores_the_limit(replace: Replace) -> None:
    init = Scheduler.__init__

    def generous(self: Scheduler, limit: int) -> None:
        init(self, limit + 1)

    replace(Scheduler, "__init__", generous)


def has_fewer_places_than_it_may(replace: Replace) -> None:
    init = Scheduler.__init__

    def narrow(self: Scheduler, limit: int) -> None:
        init(self, min(limit, 2))

    replace(Scheduler, "__init__", narrow)


def makes_reads_wait_for_the_end(replace: Replace) -> None:
    add = Scheduler.add

    def late(self: Scheduler, key: str, access: Access, *, asking: bool) -> None:
        add(self, key, Access(access.reads, access.writes), asking=asking)

    replace(Scheduler, "add", late)


def retires_in_completion_order(replace: Replace) -> None:
    complete: Callable[[ReorderBuffer[Any], str, Any], bool] = cast("Any", ReorderBuffer).complete

    def moved(self: ReorderBuffer[Any], key: str, value: object) -> bool:
        done = complete(self, key, value)
        self._slots[key] = self._slots.pop(key)
        return done

    replace(ReorderBuffer, "complete", moved)


def forgets_results_on_cancel(replace: Replace) -> None:
    cancelled = Turn._cancelled

    def forgetful(self: Turn) -> list[Command]:
        for key, value in self._buffer._slots.items():
            self._buffer._slots[key] = STOPPED if value is not None else None
        return cancelled(self)

    replace(Turn, "_cancelled", forgetful)


def runs_on_after_a_cancel(replace: Replace) -> None:
    def let_run(_self: Turn, _key: str) -> list[Command]:
        return []

    replace(Turn, "_stop", let_run)


def runs_the_last_call_of_a_cut_reply(replace: Replace) -> None:
    ended = Turn._message_ended

    def trusting(self: Turn, *, cut: bool) -> list[Command]:
        return ended(self, cut=cut and not self.calls)

    replace(Turn, "_message_ended", trusting)


def is_not_told_that_a_reply_was_cut(replace: Replace) -> None:
    replace(IncomingReply, "is_cut", False)


def believes_a_late_result(replace: Replace) -> None:
    def believe(self: Turn, event: Finished | Denied) -> list[Command]:
        if self._buffer.get(event.id) is None:
            self._scheduler.remove(event.id)
        self._buffer.revoke(event.id, event.result)
        self._enter(event.id, "done")
        return []

    replace(Turn, "_answered", believe)


def gives_a_result_to_another_call(replace: Replace) -> None:
    receive = Driver._receive

    def crossed(self: Driver, event: Event) -> None:
        if isinstance(event, Finished) and (others := [key for key in self._scopes if key != event.id]):
            event = Finished(others[0], event.result)
        receive(self, event)

    replace(Driver, "_receive", crossed)


def loses_a_result(replace: Replace) -> None:
    def lose(self: Turn) -> Reply:
        self.is_over = True
        return Reply(tuple((self.calls[key], result) for key, result in self._buffer.retire())[:-1])

    replace(Turn, "_reply", lose)


def lets_one_failure_stop_the_turn(replace: Replace) -> None:
    receive = Driver._receive

    def strict(self: Driver, event: Event) -> None:
        receive(self, event)
        if isinstance(event, Finished) and event.result.is_error:
            receive(self, Cancelled())

    replace(Driver, "_receive", strict)


def hangs_after_a_failure(replace: Replace) -> None:
    receive = Driver._receive

    def deaf(self: Driver, event: Event) -> None:
        if not (isinstance(event, Finished) and event.result.is_error):
            receive(self, event)

    replace(Driver, "_receive", deaf)


def forgets_the_timeout(replace: Replace) -> None:
    carry_out = Driver._carry_out

    def patient(self: Driver, command: Command) -> None:
        carry_out(self, command)
        if isinstance(command, Start):
            self._scopes[command.id].deadline = anyio.current_time() + 1000

    replace(Driver, "_carry_out", patient)


def keeps_ids_as_they_came(replace: Replace) -> None:
    def as_sent(_self: CallIds, sent: object) -> str:
        return sent if isinstance(sent, str) else ""

    replace(CallIds, "settle", as_sent)


def believes_a_broken_reply(replace: Replace) -> None:
    def go_on(self: Driver, _reason: str) -> None:
        self._receive(MessageEnded())

    replace(Driver, "discard", go_on)


def has_hidden_state(replace: Replace) -> None:
    answered = Turn._answered
    seen: list[Event] = []

    def moody(self: Turn, event: Finished | Denied) -> list[Command]:
        seen.append(event)
        if isinstance(event, Finished) and len(seen) % 2:
            event = Finished(event.id, Result(event.result.content, is_error=True))
        return answered(self, event)

    replace(Turn, "_answered", moody)


BROKEN_ENGINES: list[Callable[[Replace], None]] = [
    starts_what_conflicts,
    waits_for_one_conflict_only,
    starts_writes_early,
    starts_without_asking,
    ignores_the_limit,
    has_fewer_places_than_it_may,
    makes_reads_wait_for_the_end,
    retires_in_completion_order,
    forgets_results_on_cancel,
    runs_on_after_a_cancel,
    runs_the_last_call_of_a_cut_reply,
    is_not_told_that_a_reply_was_cut,
    believes_a_late_result,
    gives_a_result_to_another_call,
    loses_a_result,
    lets_one_failure_stop_the_turn,
    hangs_after_a_failure,
    forgets_the_timeout,
    keeps_ids_as_they_came,
    believes_a_broken_reply,
    has_hidden_state,
]
