"""A run: turn after turn, from a prompt until the agent stops."""

from antiphon.agent.agent import DEFAULT_MODEL, Agent

__all__ = ["DEFAULT_MODEL", "Agent"]
