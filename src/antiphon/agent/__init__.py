"""A run: turn after turn, from a prompt until the agent stops."""
