"""What a user can configure of hooks. Defined lower down, so that settings can be read without loading the agent."""

from antiphon.policy.hooks import HookEvent, HookSetting

__all__ = ["HookEvent", "HookSetting"]
