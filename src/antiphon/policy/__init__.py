"""Who may do what: standing permissions, and approval of single calls."""

from antiphon.policy.permissions import ALLOW_ALL, Approval, Approve, Decision, PermissionMode, Permissions

__all__ = ["ALLOW_ALL", "Approval", "Approve", "Decision", "PermissionMode", "Permissions"]
