"""Which function response of a generateContent request belongs to which function call.

Both may carry an id. Most do not; then a response belongs to a call of its name, by position. Everything gets an id
here, so that the rules about calls and results, which know nothing but ids, can pair them.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from antiphon.protocol.calls import id_key
from antiphon.protocol.messages import Json, is_array, is_object

CALL = ("functionCall", "function_call")
RESPONSE = ("functionResponse", "function_response")

At = tuple[int, int]
"""Index of a content, and of a part in it."""


def named(part: Json, names: tuple[str, ...]) -> tuple[str, Any]:
    """Return the name under which a part holds something, and what it holds: both spellings of JSON are taken."""
    name = next((name for name in names if name in part), names[0])
    return name, part.get(name)


class _Piece(NamedTuple):
    """A call or response: where it stands, its name and the id it has on the wire, if any."""

    at: At
    name: str
    own: Any


def call_ids(contents: list[Any]) -> dict[At, Any]:
    """Return an id for each call and response: the one on the wire, or one made of the name and a number.

    A response without id belongs to the first call of its name, in the turn of the model before it, that no response
    names by id. So does one with an id that no call has, if the call has none.
    """
    ids: dict[At, Any] = {}
    asked: list[_Piece] = []
    answers: list[_Piece] = []
    numbers: dict[str, int] = {}
    speaking = False
    for index, content in enumerate(contents):
        from_model = is_object(content) and content.get("role") == "model"
        if from_model and not speaking:
            _settle(ids, asked, answers)
            asked, answers, numbers = [], [], {}
        speaking = from_model
        for call in _pieces(index, content, CALL):
            ids[call.at] = call.own if call.own is not None else _number(call.name, numbers)
            # A call outside the turns of the model is nobody's question.
            if from_model:
                asked.append(call)
        answers += _pieces(index, content, RESPONSE)
    _settle(ids, asked, answers)
    return ids


def _pieces(index: int, content: Any, names: tuple[str, ...]) -> Iterator[_Piece]:
    parts: Any = content.get("parts") if is_object(content) else None
    for number, part in enumerate(parts if is_array(parts) else (parts,)):
        found: Any = named(part, names)[1] if is_object(part) else None
        if is_object(found) and (names is CALL or not is_object(named(part, CALL)[1])):
            # An empty id is none: it is what the wire format has for a field that was not set.
            yield _Piece((index, number), str(found.get("name") or ""), found.get("id") or None)


def _number(name: str, numbers: dict[str, int]) -> str:
    number = numbers.get(name, 0)
    numbers[name] = number + 1
    return f"{name}#{number}"


def _settle(ids: dict[At, Any], asked: list[_Piece], answers: list[_Piece]) -> None:
    """Give the answers to a turn the ids of its calls."""
    known = {id_key(call.own): call for call in asked if call.own is not None}
    answered = {known[key].at for key in _keys(answers) if key in known}
    free: dict[str, deque[_Piece]] = {}
    for call in asked:
        if call.at not in answered:
            free.setdefault(call.name, deque()).append(call)
    numbers: dict[str, int] = {}
    for answer in answers:
        if answer.own is not None and id_key(answer.own) in known:
            ids[answer.at] = answer.own
            continue
        left = free.get(answer.name)
        if left and (answer.own is None or left[0].own is None):
            ids[answer.at] = ids[left.popleft().at]
        else:
            ids[answer.at] = answer.own if answer.own is not None else _number(answer.name, numbers)


def _keys(pieces: Iterable[_Piece]) -> Iterator[str]:
    return (id_key(piece.own) for piece in pieces if piece.own is not None)
