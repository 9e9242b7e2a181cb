"""How a repaired conversation is written into the parts of a session of opencode."""

from collections.abc import Iterator, Sequence
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.transcripts.aligning import align
from antiphon.transcripts.opencode_database import Edit
from antiphon.transcripts.opencode_view import Facet, Part, Sent

_Found = dict[Part, dict[Facet, Json]]


def edits_of(session: Sequence[Sent], messages: Any) -> Iterator[Edit]:
    """Yield what is to be changed in the database, so that a session is sent as these messages.

    What repairs put in stands in a part of its own behind the one it follows on; a message is never put in, its text
    joins the nearest message of its role.
    """
    repaired: list[Any] = messages if is_array(messages) else []
    found: _Found = {}
    fresh: list[tuple[int, str, list[Json]]] = []
    anywhere = {id(block): owner for sent in session for block, owner in _owned(sent)}
    last = 0
    for message, origin in zip(repaired, align([sent.message for sent in session], repaired), strict=True):
        last = last if origin is None else origin
        blocks = _blocks(message)
        source = None if origin is None else session[origin]
        origins = align(source.message["content"], blocks) if source else [None] * len(blocks)
        new: list[Json] = []
        for block, place in zip(blocks, origins, strict=True):
            owner = source.owners[place] if source and place is not None else anywhere.get(id(block))
            if owner:
                found.setdefault(owner[0], {})[owner[1]] = block
            else:
                new.append(block)
        if new:
            fresh.append((last, role_of(message), new))
    for sent in session:
        for block, (part, facet) in _owned(sent):
            yield from _changed(part, facet, block, found)
    for number, (place, role, blocks) in enumerate(fresh):
        yield from _added(session, place, role, blocks, number)


def _owned(sent: Sent) -> Iterator[tuple[Json, tuple[Part, Facet]]]:
    return zip(sent.message["content"], sent.owners, strict=True)


def _blocks(message: Any) -> list[Json]:
    content = message.get("content") if is_object(message) else None
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if is_object(block)] if is_array(content) else []


def _changed(part: Part, facet: Facet, before: Json, found: _Found) -> Iterator[Edit]:
    facets = found.get(part, {})
    after = facets.get(facet)
    if not facets:
        yield Edit(part.id, None)
    elif after is not None and after is not before:
        # A call and its result are one part. The result comes later, and is written with the call as it is then.
        yield Edit(part.id, part.located.rendered(_data(part, facets, before if facet == "result" else None)))


def _data(part: Part, facets: dict[Facet, Json], result: Json | None) -> Json:
    if "text" in facets:
        text = facets["text"].get("text")
        if kind_of(part.data) == "text":
            return {**part.data, "text": text}
        return {"type": "text", "text": text if isinstance(text, str) else "", "synthetic": True}
    data = part.settled
    found: Any = data.get("state")
    state: Json = found if is_object(found) else {}
    call = facets.get("call")
    if call:
        data = {**data, "callID": call.get("id"), "tool": call.get("name")}
        state = {**state, "input": call.get("input")}
    return {**data, "state": _state(state, result, facets["result"]) if result else state}


def _state(state: Json, before: Json, after: Json) -> Json:
    old, new = before.get("content"), after.get("content")
    if old is new:
        return state
    text = _text(new)
    if state.get("status") != "completed":
        return {**state, "error": text}
    if not is_array(old):
        return {**state, "output": text}
    # Behind the text stand the attachments, in order.
    there = {id(block) for block in new} if is_array(new) else set[int]()
    objects = [each for each in state["attachments"] if is_object(each)]
    kept = [each for each, block in zip(objects, old[1:], strict=True) if id(block) in there]
    return {**state, "output": text, "attachments": kept}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    texts = [block.get("text") for block in content if is_object(block)] if is_array(content) else []
    return "\n".join(text for text in texts if isinstance(text, str))


def _added(session: Sequence[Sent], place: int, role: str, blocks: Sequence[Json], number: int) -> Iterator[Edit]:
    near = sorted(range(len(session)), key=lambda index: (abs(index - place), index))
    found = next((session[index] for index in near if session[index].said.data.get("role") == role), None)
    if found:
        like = found.owners[-1][0]
        for position, block in enumerate(blocks):
            text = block.get("text")
            data = {"type": "text", "text": text if isinstance(text, str) else "", "synthetic": True}
            name = f"{like.id}_{number}_{position}"
            yield Edit(name, like.located.rendered(data), like=like.id)
