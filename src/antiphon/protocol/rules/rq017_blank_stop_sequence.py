"""A stop sequence is blank, or they are no list of strings."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_array
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _problem(sequences: Any) -> str | None:
    if sequences is None:
        return None
    if not is_array(sequences):
        return ": Input should be a valid list"
    for number, sequence in enumerate(sequences):
        if not isinstance(sequence, str):
            return f".{number}: Input should be a valid string"
        if not sequence.strip():
            return f": each stop sequence must {'contain non-whitespace' if sequence else 'be non-empty'}"
    return None


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(fields(conversation).get("stop_sequences"))
    if problem:
        yield Violation(BLANK_STOP_SEQUENCE.id, BLANK_STOP_SEQUENCE.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    given: Any = conversation.request["stop_sequences"]
    sequences = given if is_array(given) else [given]
    said = [sequence for sequence in sequences if isinstance(sequence, str) and sequence.strip()]
    return with_fields(conversation.request, {"stop_sequences": said}, () if said else ("stop_sequences",))


BLANK_STOP_SEQUENCE = Rule(
    id="RQ017",
    name="blank-stop-sequence",
    statement="Stop sequences are strings that are not blank.",
    source=Source("reported", ("BerriAI/litellm#3286", "MegaGrindStone/mcp-web-ui#5")),
    error="stop_sequences{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the stop sequences that are blank",
)
