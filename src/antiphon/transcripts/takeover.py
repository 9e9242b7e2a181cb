"""Makes of a stored conversation one that another program can go on with: valid, whole, and bound to nothing.

Whatever API it was written for, it comes out in the form of the Messages API. What only its own program could send is
left out or becomes text; what would be refused is repaired by the rules. All of that is told. Reads and writes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.characters import half_characters, made_whole
from antiphon.protocol.checking import check, repair
from antiphon.protocol.dialects import ANTHROPIC, dialect
from antiphon.protocol.dialects.reading import WIRE, WITHIN
from antiphon.protocol.editing import text_block
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of, role_of, tool_uses
from antiphon.protocol.rule import Violation
from antiphon.transcripts.aligning import align
from antiphon.transcripts.document import Stored, Unreadable
from antiphon.transcripts.portable import Portable
from antiphon.transcripts.program_texts import is_note, is_result_in_words, unwrapped

_NEXT = "(the user goes on)"
"""Stands for the next prompt while the conversation is judged: it must be possible to go on."""
_MERGED_INTO = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Takeover:
    """A conversation to go on with.

    Attributes:
        messages: in the form of the Messages API, roles in turn; a prompt may follow.
        origins: by message, the index of the stored message or item it begins with; None where it is new.
        handover: tells the model that the conversation changes hands; to be said to it behind all of them.
        repaired: what was wrong with it.
        notes: what else is not as it was, as sentences.
    """

    messages: list[Json]
    origins: list[int | None]
    handover: Json
    repaired: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()


def take_over(stored: Stored, program: str) -> Takeover:
    """Return a stored conversation as one to go on with.

    Args:
        stored: the conversation; it is not changed.
        program: what its program is called.

    Raises:
        Unreadable: nothing is left of it, or it cannot be made valid.
    """
    repaired: list[Violation] = []
    spoken = _spoken(stored, repaired)
    portable = Portable()
    told: Counter[str] = portable.changed
    in_words = False
    plain: list[Json] = []
    places: list[int | None] = []
    for place, message in spoken:
        if role_of(message) not in _MERGED_INTO:
            told["instructions of the other program were left out"] += 1
            continue
        blocks, wordy = _kept(message, portable)
        in_words = in_words or wordy
        if not blocks:
            continue
        if plain and role_of(plain[-1]) == role_of(message):
            plain[-1]["content"] += blocks
        else:
            plain.append({"role": role_of(message), "content": blocks})
            places.append(place)
    if not plain:
        raise Unreadable("nothing was said in it that could be gone on with")
    if stored.finished:
        _finish(plain, places, program)
    messages, origins = _repaired(plain, places, repaired)
    notes = tuple(f"{what} ({count})" for what, count in told.items())
    handover = text_block(_handover(program, in_words=in_words))
    return Takeover(messages, origins, handover, tuple(repaired), notes)


def _spoken(stored: Stored, repaired: list[Violation]) -> list[tuple[int | None, Json]]:
    """Return the messages in the form of the Messages API, each with its index among the stored ones."""
    upstream = dialect(stored.dialect)
    halves = list(half_characters(stored.request, _array(stored.request)))
    repaired += halves
    request: Json = made_whole(stored.request) if halves else stored.request
    if upstream.form is None:
        messages = request.get("messages")
        return [(index, _object(message)) for index, message in enumerate(messages if is_array(messages) else ())]
    outcome = repair(request, upstream)
    repaired += outcome.violations
    messages = upstream.form.read(outcome.request).request.get("messages")
    # What no repair touched is the same object, and tells where it stood.
    items: list[Any] = request.get(_array(request)) or []
    indices = {id(item): index for index, item in enumerate(items)}
    found = [_object(message) for message in (messages if is_array(messages) else ())]
    return [(_place(message, indices), message) for message in found]


def _array(request: Json) -> str:
    return next((name for name in ("messages", "input", "contents") if is_array(request.get(name))), "messages")


def _object(message: Any) -> Json:
    return message if is_object(message) else {"role": "user", "content": message if isinstance(message, str) else []}


def _place(message: Json, indices: dict[int, int]) -> int | None:
    for holder in (message, *blocks_of(message)):
        for key in (WITHIN, WIRE):
            place = indices.get(id(holder.get(key)))
            if place is not None:
                return place
    return None


def _kept(message: Json, portable: Portable) -> tuple[list[Json], bool]:
    """Return the blocks of a message that are kept, and whether results stand in words among them."""
    content: Any = message.get("content")
    if is_object(content):
        content = [content]
    blocks = portable.blocks(content if is_array(content) else blocks_of(message))
    if role_of(message) != "user":
        return [block for block in blocks if not _is_blank(block)], False
    said: list[Json] = []
    wordy = False
    for block in blocks:
        text = block.get("text") if is_object(block) and kind_of(block) == "text" else None
        if not isinstance(text, str):
            said.append(block)
        elif is_note(text):
            portable.changed["notes of the other program about the moment were left out"] += 1
        elif text.strip():
            wordy = wordy or is_result_in_words(text)
            bare = unwrapped(text)
            said.append(block if bare == text else text_block(bare))
    return said, wordy


def _is_blank(block: Any) -> bool:
    return is_object(block) and kind_of(block) == "text" and isinstance(block.get("text"), str) and not block["text"]


def _finish(plain: list[Json], places: list[int | None], program: str) -> None:
    """Answer the calls that ended a task: nobody answers them there."""
    text = f"The task was completed in {program}, and nothing was left to do."
    results = [
        {"type": "tool_result", "tool_use_id": call.get("id"), "content": text}
        for call in tool_uses(plain[-1])
        if role_of(plain[-1]) == "assistant"
    ]
    if results:
        plain.append({"role": "user", "content": results})
        places.append(places[-1])


def _repaired(
    plain: list[Json], places: Sequence[int | None], repaired: list[Violation]
) -> tuple[list[Json], list[int | None]]:
    """Return messages that the API takes, whatever the user says next, and where each comes from."""
    outcome = repair({"messages": _going_on(plain)}, ANTHROPIC)
    repaired += outcome.violations
    messages: list[Json] = []
    origins: list[int | None] = []
    for message, origin in zip(outcome.request["messages"], align(plain, outcome.request["messages"]), strict=True):
        if messages and role_of(messages[-1]) == role_of(message):
            # Where a message went, or was cut in two, its neighbours are one to the API.
            messages[-1]["content"] = [*messages[-1]["content"], *blocks_of(message)]
        else:
            messages.append({"role": role_of(message), "content": blocks_of(message)})
            origins.append(origin)
    last: list[Json] = list(messages[-1]["content"])
    added = max(place for place, block in enumerate(last) if block.get("text") == _NEXT)
    messages[-1]["content"] = last[:added] + last[added + 1 :]
    if not messages[-1]["content"]:
        del messages[-1], origins[-1]
    left = check({"messages": _going_on(messages)}, ANTHROPIC)
    if left:
        raise Unreadable(f"it cannot be made what the API takes: {left[0].text}")
    if not messages:
        raise Unreadable("nothing is left of it that could be gone on with")
    return messages, [None if origin is None else places[origin] for origin in origins]


def _going_on(messages: Sequence[Json]) -> list[Json]:
    prompt = text_block(_NEXT)
    if messages and role_of(messages[-1]) == "user":
        last = messages[-1]
        return [*messages[:-1], {**last, "content": [*last["content"], prompt]}]
    return [*messages, {"role": "user", "content": [prompt]}]


def _handover(program: str, *, in_words: bool) -> str:
    words = " Calls above are written as text, which calls nothing here: call tools as this request describes them."
    return (
        f"(What stands above happened in {program}. The conversation now goes on in Antiphon. Tools that were called "
        "above may be gone or have other names here: use only those that this request describes. Files may have "
        f"changed since.{words if in_words else ''})"
    )
