"""Writes a conversation that was taken over as the records of a session.

The records are those that an agent would have written, as far as they can be known: what the user said, what the model
replied, what the calls were answered, each at its own time; then a note to the model, and the end of the run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from antiphon.agent.events import StopReason
from antiphon.protocol.messages import Json, blocks_of, kind_of, role_of
from antiphon.sessions.records import Answered, Named, Prompted, Record, Repaired, Replied, RunEnded
from antiphon.sessions.session import Session
from antiphon.transcripts.program_texts import is_by_program, is_result_in_words
from antiphon.transcripts.takeover import Takeover


@dataclass(frozen=True, slots=True)
class Tale:
    """A conversation, and what is known of it.

    Attributes:
        taken: the conversation.
        times: by stored message, when it was said, where that is known.
        written: when the file was last written: a time for what has none.
        title: what its program calls it, or empty.
        changed: what was wrong with it, or could not be kept, as sentences.
    """

    taken: Takeover
    times: Sequence[float | None]
    written: float
    title: str
    changed: tuple[str, ...]

    @property
    def moments(self) -> list[float]:
        """When each message was said; one without a time was said when the one before it was."""
        known = (None if origin is None else self._time(origin) for origin in self.taken.origins)
        found: list[float] = []
        first = next((time for time in self.times if time is not None), self.written)
        for time in known:
            found.append(time if time is not None else found[-1] if found else first)
        return found

    def _time(self, origin: int) -> float | None:
        return self.times[origin] if origin < len(self.times) else None

    @property
    def stop_reason(self) -> StopReason:
        """How its last run ended: the model was done, or something came between."""
        last = self.taken.messages[-1]
        if role_of(last) == "assistant":
            return "end_turn"
        content = blocks_of(last)
        # A task that was completed ends with a result that says so, and with nothing that failed.
        answered = all(kind_of(block) == "tool_result" and not block.get("is_error") for block in content)
        return "end_turn" if answered else "cancelled"


def record(session: Session, tale: Tale) -> None:
    """Append the records of a conversation to a new session, and make sure that they are written.

    Raises:
        SessionError: they cannot be written.
    """
    moments = tale.moments
    if tale.title:
        session.record(Named(tale.title), at=moments[0])
    if tale.changed:
        # Before its first message, where it takes nothing away: it says what the messages that follow are not any more.
        session.record(Repaired((), tale.changed), at=moments[0])
    for message, moment in zip(tale.taken.messages, moments, strict=True):
        for found in _records(message):
            session.record(found, at=moment)
    session.record(Answered((tale.taken.handover,)), at=moments[-1])
    # Without this record an import was broken off, and is begun again; see `antiphon.cli.importing.taking`.
    session.record(RunEnded(tale.stop_reason), at=moments[-1])
    session.require_written()


def _records(message: Json) -> Iterator[Record]:
    content = blocks_of(message)
    if role_of(message) == "assistant":
        yield Replied(tuple(content))
        return
    count = next((place for place, block in enumerate(content) if kind_of(block) != "tool_result"), len(content))
    results, rest = tuple(content[:count]), tuple(content[count:])
    if rest and (_is_said(rest) or not (results or any(kind_of(block) == "text" for block in rest))):
        if results:
            yield Answered(results)
        yield Prompted(rest)
    else:
        yield Answered(tuple(content))


def _is_said(content: Sequence[Json]) -> bool:
    """Say whether the user said any of this; what a program wrote into the user's message is no prompt."""
    texts = [str(block.get("text")) for block in content if kind_of(block) == "text"]
    # A result in words has its text behind it.
    return bool(texts) and not any(map(is_result_in_words, texts)) and not all(map(is_by_program, texts))
