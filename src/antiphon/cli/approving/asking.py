"""Asks a person about all calls that wait, and carries the answers out.

An answer is about what was shown when its line was begun. What comes while somebody types is told at once and asked
next; what goes away meanwhile is not there any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import anyio
import anyio.to_thread

from antiphon.cli.approving.answers import (
    Allow,
    Always,
    Answer,
    Deny,
    Details,
    Help,
    ShowAll,
    StopTurn,
    Unclear,
    parse_answer,
)
from antiphon.cli.approving.edits import Edit, changed_since, edit_of
from antiphon.cli.approving.standing import Standing
from antiphon.cli.approving.tray import HELP, Tray, Waiting, prompt_of, single
from antiphon.cli.dialogue import Dialogue
from antiphon.cli.safe_text import one_line, safe
from antiphon.errors import SettingsError
from antiphon.policy import Approval, ApprovalRequest, Rule
from antiphon.policy.workspace import Workspace

_QUIET = 0.03
"""Seconds without a new call after which those that are there are shown: a reply often asks for several at once."""
_GATHERING = 0.25
"""Seconds after which they are shown in any case."""


class CallsAsked:
    """The calls that wait for a person.

    Attributes:
        tray: those calls.
        standing: adds the rules that an "always" writes; without it none is offered.
        workspace: where edited files are; without it no diff is shown.
        stop: stops the turn, for who denies all of it.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        """Ask there."""
        self.tray = Tray()
        self.standing: Standing | None = None
        self.workspace: Workspace | None = None
        self.stop: Callable[[], None] | None = None
        self._dialogue = dialogue
        self._arrived = anyio.Event()
        # How they are looked at: one of them, with all there is to see; whether they stand there already; and
        # the rules that an "always" would write, where they stand there.
        self._focus: Waiting | None = None
        self._whole = False
        self._shown: tuple[Waiting, ...] = ()
        self._stands = False
        self._seen: tuple[Rule, ...] = ()

    def add(self, request: ApprovalRequest) -> Waiting:
        """Take a call in; it waits once `prepare` has been awaited."""
        root = "" if self.workspace is None else f"{self.workspace.root}/"
        return self.tray.add(request, request.reason.replace(root, "") if root else request.reason)

    async def prepare(self, waiting: Waiting) -> None:
        """Find out what there is to show of a call, and let it wait.

        It is answered if a rule allows it that was written since it was found to need an answer.
        """
        waiting.edit = await self._edit_of(waiting.request)
        if self.standing is not None and self.standing.covers(waiting.request) is not None:
            waiting.decide(Approval(allowed=True))
        waiting.ready = True
        self._arrived.set()

    async def ask(self) -> None:
        """Show the calls that wait, and carry out one answer.

        Raises:
            Withdrawn: none of them needs an answer any more.
        """
        await self._gathered()
        calls = self.tray.open
        if not calls:
            return
        if self._focus not in calls:
            self._focus, self._whole = None, False
        focus = calls[0] if len(calls) == 1 else self._focus
        self._seen = () if focus is None else self._offered(focus)
        if not self._stands or self._shown != calls:
            self._dialogue.show(
                self.tray.listing(self._dialogue.width)
                if focus is None
                else single(focus, number=len(calls) > 1, whole=self._whole)
            )
        self._shown, self._stands = calls, False
        prompt = prompt_of(calls, focus, self._seen, whole=self._whole)
        line = await self._dialogue.read(prompt, lambda: any(one in self.tray.open for one in calls))
        there = {one.number: one for one in calls if one in self.tray.open}
        if line is None:
            _deny(there.values(), "The user closed the input.")
            return
        meant = [number for number, one in there.items() if focus is None or one is focus]
        await self._carry_out(parse_answer(line, list(there), meant), there, focus)

    async def _carry_out(self, answer: Answer, calls: Mapping[int, Waiting], focus: Waiting | None) -> None:
        match answer:
            case Allow(numbers):
                await self._allow([calls[number] for number in numbers])
            case Deny(numbers, reason):
                _deny([calls[number] for number in numbers], reason)
            case Always(number, rule):
                self._allow_always(calls[number], rule, self._seen if calls[number] is focus else ())
            case StopTurn():
                _deny(self.tray.open, "The user stopped the turn.")
                if self.stop is not None:
                    self.stop()
            case Details(number):
                self._focus, self._whole = calls[number], True
            case ShowAll():
                self._focus = None
                self.tray.list_anew()
            case Help():
                self._object(*HELP)
            case Unclear(why):
                self._object(f"  {why}")

    async def _allow(self, calls: Sequence[Waiting]) -> None:
        """Let calls run, but for those that would change a file that is not what was shown any more."""
        for waiting in calls:
            if waiting.edit is None or not await self._changed(waiting.edit, waiting.request):
                waiting.decide(Approval(allowed=True))
                continue
            waiting.edit, waiting.listed = await self._edit_of(waiting.request), False
            self._dialogue.say([("  its file has changed meanwhile, look again: ", "wait"), *waiting.title])

    def _allow_always(self, waiting: Waiting, text: str, seen: tuple[Rule, ...]) -> None:
        """Allow a call and what a rule covers besides; a suggested rule only where the person has seen it."""
        standing = self.standing
        offered = self._offered(waiting)
        if standing is None or not offered:
            self._object(f"  No rule can allow this call; it is asked about each time. Once: {waiting.number} y")
            return
        if not text and not seen:
            self._focus = waiting
            return
        try:
            rules = (standing.read(text),) if text else seen
        except SettingsError as problem:
            self._object(f"  {problem}")
            return
        named = ", ".join(map(str, rules))
        if not standing.allows(waiting.request, rules):
            self._object(f"  {named} would not allow this call.")
            return
        self._dialogue.say([(f"  {one_line(standing.add(rules))}", "quiet")])
        waiting.decide(Approval(allowed=True))
        also = [other for other in self.tray.open if standing.covers(other.request) is not None]
        for other in also:
            other.decide(Approval(allowed=True))
        if also:
            numbers = ", ".join(str(other.number) for other in also)
            self._dialogue.say([(f"  also allowed by {one_line(named)}: {numbers}", "quiet")])

    def _object(self, *lines: str) -> None:
        """Say something instead of doing anything; the calls need not be shown again."""
        self._dialogue.say(*([(safe(line), "wait")] for line in lines))
        self._stands = True

    def _offered(self, waiting: Waiting) -> tuple[Rule, ...]:
        return () if self.standing is None else self.standing.offer(waiting.request)

    async def _edit_of(self, request: ApprovalRequest) -> Edit | None:
        workspace = self.workspace
        return None if workspace is None else await anyio.to_thread.run_sync(edit_of, request, workspace)

    async def _changed(self, edit: Edit, request: ApprovalRequest) -> bool:
        workspace = self.workspace
        return workspace is not None and await anyio.to_thread.run_sync(changed_since, edit, request, workspace)

    async def _gathered(self) -> None:
        """Wait a moment for calls that are about to come."""
        with anyio.move_on_after(_GATHERING):
            quiet = False
            while not quiet:
                self._arrived = anyio.Event()
                with anyio.move_on_after(_QUIET) as scope:
                    await self._arrived.wait()
                quiet = scope.cancelled_caught and not self.tray.expects_more


def _deny(calls: Iterable[Waiting], reason: str) -> None:
    for waiting in calls:
        waiting.decide(Approval(allowed=False, reason=reason))
