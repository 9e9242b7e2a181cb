"""Hooks: programs of the user that run before and after tool calls, at prompts, stops and starts of sessions."""
