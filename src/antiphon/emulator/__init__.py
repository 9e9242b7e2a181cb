"""A strict fake of the Messages API: it refuses what the API refuses, and says what a script lets the model say.

Knows HTTP, scripts, prompt caches and signatures of thinking; what a conversation may hold it reads from
`antiphon.protocol`. Does not know the agent. Not the live API: docs/emulator.md says what is modelled.
"""

from antiphon.emulator.loading import load_script, parse_script
from antiphon.emulator.records import Record
from antiphon.emulator.script import (
    After,
    Drop,
    End,
    ErrorEvent,
    Insert,
    Pings,
    Raw,
    RedactedThinking,
    Refuse,
    Reply,
    Script,
    ServerToolUse,
    Stall,
    Text,
    Thinking,
    ToolUse,
    When,
    reply,
)
from antiphon.emulator.server import Emulator, created_emulators, serve

__all__ = [
    "After",
    "Drop",
    "Emulator",
    "End",
    "ErrorEvent",
    "Insert",
    "Pings",
    "Raw",
    "Record",
    "RedactedThinking",
    "Refuse",
    "Reply",
    "Script",
    "ServerToolUse",
    "Stall",
    "Text",
    "Thinking",
    "ToolUse",
    "When",
    "created_emulators",
    "load_script",
    "parse_script",
    "reply",
    "serve",
]
