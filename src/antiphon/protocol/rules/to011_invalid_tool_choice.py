"""How the model is to choose a tool is said in a way that does not exist, or as another API wants it."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_KINDS = ("any", "auto", "none", "tool")
_SAME = {"required": "any", "any": "any", "auto": "auto", "none": "none"}


def _problem(choice: Any) -> str | None:
    if choice is None:
        return None
    if not is_object(choice):
        return ": Input should be a valid dictionary or object to extract fields from"
    kind: Any = choice.get("type")
    if kind not in _KINDS:
        if "type" not in choice:
            return ": Unable to extract tag using discriminator 'type'"
        found = kind if isinstance(kind, str) else as_json(kind)
        tags = ", ".join(f"'{known}'" for known in _KINDS)
        return f": Input tag '{found}' found using 'type' does not match any of the expected tags: {tags}"
    if kind == "tool" and not isinstance(choice.get("name"), str):
        return f".tool.name: {'Input should be a valid string' if 'name' in choice else 'Field required'}"
    return None


def _check(conversation: Conversation) -> Iterator[Violation]:
    problem = _problem(fields(conversation).get("tool_choice"))
    if problem:
        yield Violation(INVALID_TOOL_CHOICE.id, INVALID_TOOL_CHOICE.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    choice: Any = conversation.request["tool_choice"]
    return {**conversation.request, "tool_choice": _meant(choice)}


def _meant(choice: Any) -> Json:
    if not is_object(choice):
        return {"type": _SAME.get(choice, "auto") if isinstance(choice, str) else "auto"}
    kind: Any = choice.get("type")
    function: Any = choice.get("function")
    name: Any = function.get("name") if is_object(function) else choice.get("name")
    rest = with_fields(choice, {}, ["type", "function", "name"])
    if isinstance(name, str) and kind not in _SAME.values():
        return {"type": "tool", "name": name, **rest}
    return {"type": _SAME.get(kind, "auto") if isinstance(kind, str) else "auto", **rest}


INVALID_TOOL_CHOICE = Rule(
    id="TO011",
    name="invalid-tool-choice",
    statement="`tool_choice` is `auto`, `any`, `none`, or `tool` with a name.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="tool_choice{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="said the choice as this API wants it",
)
