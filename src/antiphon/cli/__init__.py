"""The command line: a thin surface over the agent's events.

`main` answers what needs no agent at once and imports the rest on use, so that `--version` and `--help` stay instant.
What is shown is worked out by pure modules (`view`, `timeline`, `stream_json`, `safe_text`); drawing, reading and
signals are kept apart from them.
"""
