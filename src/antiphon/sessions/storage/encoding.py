"""A record as a kind and JSON, and back."""

import msgspec

from antiphon.errors import SessionError
from antiphon.protocol.encoding import encode
from antiphon.sessions.records import KINDS, NAMES, Record

_DECODERS: dict[str, msgspec.json.Decoder[Record]] = {kind: msgspec.json.Decoder(cls) for kind, cls in KINDS.items()}


def encode_record(record: Record) -> tuple[str, bytes]:
    """Return the kind of a record and its fields as JSON that every decoder takes.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot hold.
    """
    return NAMES[type(record)], encode(msgspec.to_builtins(record))


def decode_record(kind: str, body: str | bytes) -> Record | None:
    """Return the record, or None for a kind that this version does not know.

    Raises:
        SessionError: the JSON is damaged, or lacks what a record of this kind has.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return None
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError, msgspec.DecodeError) as problem:
        raise SessionError(f"a record of kind {kind} is damaged: {problem}") from problem
