"""The body is not JSON: it was cut off, or written by hand."""

import json

from antiphon.protocol.json_text import NOT_JSON
from antiphon.protocol.rule import BodyRule, Fault, Source


def _find(text: str) -> Fault | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return Fault(_problem(error), error.pos)
    except RecursionError:
        return Fault("recursion limit reached", 0)
    return None


def _problem(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
        return "unexpected end of data"
    if error.msg.startswith("Extra data"):
        return "unexpected content after document"
    return "unexpected character"


# What was lost with the rest of a body nobody knows here.
INVALID_JSON = BodyRule(
    id="RQ006",
    name="invalid-json",
    statement="A body is one JSON value and nothing else.",
    source=Source("documented", ("docs:/api/errors",)),
    error=NOT_JSON,
    find=_find,
)
