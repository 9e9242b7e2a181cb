"""A session as JSON, for programs. The shape is described in docs/sessions.md."""

import json
from collections.abc import Sequence

import msgspec

from antiphon.protocol.messages import Json
from antiphon.sessions.listing.described import described, iso
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import NAMES, Entry
from antiphon.sessions.replay import replay

VERSION = 1


def to_json(summary: Summary, entries: Sequence[Entry], *, records: bool = False) -> str:
    """Return a session as a JSON object: figures, the parameters of its requests, the conversation as it stands.

    Args:
        summary: of the session.
        entries: its records.
        records: add every record, of which all else was worked out.
    """
    state = replay(entries)
    exported: Json = {
        "format": "antiphon-session",
        "version": VERSION,
        "session": described(summary),
        "params": state.params or {},
        "messages": state.messages,
        "prompts": [
            {"number": prompt.number, "at": iso(prompt.at), "record": prompt.entry, "text": prompt.text}
            for prompt in state.prompts
        ],
    }
    if records:
        exported["records"] = [
            {
                "number": entry.number,
                "at": iso(entry.at),
                "kind": NAMES[type(entry.record)],
                **msgspec.to_builtins(entry.record),
            }
            for entry in entries
        ]
    return json.dumps(exported, indent=2, ensure_ascii=False) + "\n"
