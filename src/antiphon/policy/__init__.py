"""Who may do what: standing permissions, approval of single calls, and the sandbox that commands run in."""

from antiphon.policy.approvals import Approval, ApprovalRequest, Approve
from antiphon.policy.modes import PermissionMode
from antiphon.policy.permissions import Decision, Permissions
from antiphon.policy.rules import Rule, RuleSource

__all__ = [
    "Approval",
    "ApprovalRequest",
    "Approve",
    "Decision",
    "PermissionMode",
    "Permissions",
    "Rule",
    "RuleSource",
]
