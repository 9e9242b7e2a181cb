"""What has to be asked before a call may run, and of whom: standing permissions, then hooks, then a person."""

from collections.abc import Awaitable, Callable
from copy import copy

from antiphon.agent.hooks.calls import Check
from antiphon.engine.driver import Denial
from antiphon.engine.events import Access, Result, ToolCall, failure
from antiphon.policy import ApprovalRequest, Approve, Decision, Permissions
from antiphon.policy.subjects import Subject

Ask = Callable[[], Awaitable[Result | None]]
"""Asks whether a call may run: None for yes, or the result that says no."""


class Approving:
    """Finds out who has to be asked about calls."""

    def __init__(self, permissions: Permissions, approve: Approve | None) -> None:
        """Go by these permissions, and ask `approve` about what they leave open; without it that is denied."""
        self._permissions = permissions
        self._approve = approve

    def of(self, call: ToolCall, access: Access, subject: Subject | None, check: Check | None) -> Ask | Denial | None:
        """Return what asks about a call, None where nobody has to be asked, or its denial. Fast; asks nobody yet.

        Args:
            call: the call.
            access: what it touches.
            subject: what it is about.
            check: asks the hooks; None where none wants to know. Of what the permissions deny they never hear.
        """
        decision = self._permissions.decide(call, access, subject)
        if decision.verdict == "deny":
            return Denial(failure(f"{decision.reason}."))
        if check is not None:
            return self._after_hooks(check, decision, ApprovalRequest(call, access, subject))
        if decision.verdict == "allow":
            return None
        if self._approve is None:
            return Denial(_nobody_there(call, decision.reason))
        return self._person(self._approve, self._request(decision, call, access, subject))

    def _after_hooks(self, check: Check, decision: Decision, about: ApprovalRequest) -> Ask:
        """Return what asks the hooks, and then a person where that is left open."""
        call, access, subject = about.call, about.access, about.subject

        async def ask() -> Result | None:
            outcome = await check()
            if outcome.blocks:
                return failure(_because("A hook of the user did not allow this call", outcome.reason))
            if outcome.verdict == "ask":
                reason = _because("A hook wants you to be asked", outcome.reason)
                if self._permissions.mode == "dont-ask":
                    return failure(_because(f"{call.name} would need the user's approval, and nobody is to be asked"))
                # A rule would not answer it the next time, so none is suggested.
                request = ApprovalRequest(call, access, subject, reason.rstrip("."))
            elif decision.verdict == "allow" or (outcome.verdict == "allow" and self._is_only_a_default(about)):
                return None
            else:
                request = self._request(decision, call, access, subject)
            if self._approve is None:
                return _nobody_there(call, request.reason)
            return await self._person(self._approve, request)()

        return ask

    def _is_only_a_default(self, about: ApprovalRequest) -> bool:
        """Say whether a call is asked about because nothing was said of it, and not by a rule or to protect a file.

        What rules and protection ask about is asked about in every mode, so the mode that asks nothing tells.
        """
        asking_nothing = copy(self._permissions)
        asking_nothing.mode = "bypass"
        return asking_nothing.decide(about.call, about.access, about.subject).verdict == "allow"

    def _request(self, decision: Decision, call: ToolCall, access: Access, subject: Subject | None) -> ApprovalRequest:
        suggestions = self._permissions.suggestions(call, subject)
        return ApprovalRequest(call, access, subject, decision.reason, suggestions)

    @staticmethod
    def _person(approve: Approve, request: ApprovalRequest) -> Ask:
        async def ask() -> Result | None:
            approval = await approve(request)
            if approval.allowed:
                return None
            return failure(f"The user did not allow this call{': ' + approval.reason if approval.reason else '.'}")

        return ask


def _nobody_there(call: ToolCall, reason: str) -> Result:
    return failure(
        f"{reason}, and nobody is there to approve it. "
        f"The user can allow it beforehand with --allowed-tools {call.name}."
    )


def _because(text: str, reason: str = "") -> str:
    return f"{text}: {reason}" if reason else f"{text}."
