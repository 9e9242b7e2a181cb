"""A record as a kind and JSON, and back."""

import msgspec

from antiphon.errors import SessionError
from antiphon.protocol.encoding import encode
from antiphon.sessions.records import KINDS, NAMES, Record


def encode_record(record: Record) -> tuple[str, str]:
    """Return the kind of a record and its fields as JSON text that every decoder takes."""
    return NAMES[type(record)], encode(msgspec.to_builtins(record)).decode()


def decode_record(kind: str, body: str | bytes) -> Record | None:
    """Return the record, or None for a kind that this version does not know.

    Raises:
        SessionError: the JSON is damaged, or lacks what a record of this kind has.
    """
    cls = KINDS.get(kind)
    if cls is None:
        return None
    try:
        return msgspec.json.decode(body, type=cls)
    except (ValueError, RecursionError, msgspec.DecodeError) as problem:
        raise SessionError(f"a record of kind {kind} is damaged: {problem}") from problem
