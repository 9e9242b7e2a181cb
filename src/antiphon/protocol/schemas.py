"""JSON schemas of tools: what is not JSON Schema 2020-12, and what it was meant to be.

Knows the words that older drafts, OpenAPI and hand-written schemas get wrong. Does not validate anything against a
schema.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from antiphon.protocol.editing import fingerprint
from antiphon.protocol.messages import Json, is_array, is_object

COMPOSITES = ("oneOf", "allOf", "anyOf")
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_MEANT = {
    "bool": "boolean",
    "dict": "object",
    "double": "number",
    "float": "number",
    "int": "integer",
    "list": "array",
    "long": "integer",
    "map": "object",
    "str": "string",
    "text": "string",
    "tuple": "array",
}
_LIMITS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def _is_type(value: Any) -> bool:
    if is_array(value):
        return bool(value) and all(isinstance(item, str) and item in _TYPES for item in value)
    return isinstance(value, str) and value in _TYPES


def _is_some(value: Any) -> bool:
    return is_array(value) and bool(value)


def _is_names(value: Any) -> bool:
    return is_array(value) and all(isinstance(item, str) for item in value)


def _is_one(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _is_limit(value: Any) -> bool:
    return not isinstance(value, bool)


_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_LISTS = frozenset({*COMPOSITES, "prefixItems"})
_SINGLE = frozenset({"items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"})
_RIGHT: dict[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "required": _is_names,
    "enum": is_array,
    **dict.fromkeys(_MAPS, is_object),
    **dict.fromkeys(_LISTS, _is_some),
    **dict.fromkeys(_SINGLE, _is_one),
    **dict.fromkeys((exclusive for exclusive, _ in _LIMITS), _is_limit),
}
"""The keywords that are looked at, and how their values are told to be right."""
_KEYWORDS = frozenset(_RIGHT)
_CHANGED = frozenset({"items", "exclusiveMinimum", "exclusiveMaximum"})
"""Keywords that meant something else in older drafts."""


def is_schema(schema: Json) -> bool:
    """Say whether a schema is one, as far as it is decided here. The type at its top is not looked at."""
    older = _is_older(schema)
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if not is_object(node):
            if not isinstance(node, bool):
                return False
            continue
        for key in _KEYWORDS.intersection(node):
            value = node[key]
            # Nearly all that a schema says is that something is a string.
            if key == "type" and (value == "string" or node is schema):
                continue
            if older and key in _CHANGED and isinstance(value, list | bool):
                waiting.extend(cast("list[Any]", value) if isinstance(value, list) else ())
                continue
            if not _RIGHT[key](value):
                return False
            waiting.extend(_inner(key, value))
    return True


def _inner(key: str, value: Any) -> Iterable[Any]:
    """Return the schemas within the value of a keyword, which is right."""
    if key in _MAPS:
        return value.values()
    if key in _LISTS:
        return value
    return (value,) if key in _SINGLE else ()


def _is_older(schema: Json) -> bool:
    """Say whether a schema says of itself that it is of another draft, by which it may be judged."""
    draft: Any = schema.get("$schema")
    return isinstance(draft, str) and "2020-12" not in draft


def corrected(schema: Json) -> Json:
    """Return a schema that is one and says what can be told of what this one was meant to say."""
    top = {"type": schema["type"]} if "type" in schema else {}
    # What is corrected is of no older draft any more.
    gone = {"type", "$schema"} if _is_older(schema) else {"type"}
    try:
        return {**top, **_corrected({key: value for key, value in schema.items() if key not in gone})}
    except RecursionError:
        return {**top, "description": "(The schema is nested too deeply.)"}


def _corrected(node: Any) -> Any:
    if not is_object(node):
        return node if isinstance(node, bool) else {}
    right = dict(node)
    for key, value in node.items():
        if key in _RIGHT and not _RIGHT[key](value):
            del right[key]
    _keep_meant(node, right)
    for key, value in right.items():
        if key in _MAPS:
            right[key] = {name: _corrected(inner) for name, inner in value.items()}
        elif key in _LISTS:
            right[key] = [_corrected(inner) for inner in value]
        elif key in _SINGLE:
            right[key] = _corrected(value)
    return right


def _keep_meant(node: Json, right: Json) -> None:
    """Put into a corrected schema what the faulty keywords meant."""
    kind: Any = node.get("type")
    if isinstance(kind, str) and "type" not in right:
        meant = _MEANT.get(kind.lower(), kind.lower())
        right.update({"type": meant} if meant in _TYPES else {})
    elif is_array(kind) and "type" not in right:
        known = [item for item in kind if isinstance(item, str) and item in _TYPES]
        right.update({"type": known} if known else {})
    items: Any = node.get("items")
    if is_array(items) and items and "prefixItems" not in right:
        # Drafts before 2020-12 list the types of a tuple's items there.
        right["prefixItems"] = items
        rest: Any = right.pop("additionalItems", None)
        right.update({"items": rest} if isinstance(rest, dict | bool) else {})
    for exclusive, limit in _LIMITS:
        if node.get(exclusive) is True and isinstance(node.get(limit), int | float):
            # In draft 4 a yes that belonged to the limit beside it.
            right[exclusive] = right.pop(limit)
    required: Any = node.get("required")
    names = [name for name in required if isinstance(name, str)] if is_array(required) else []
    properties: Any = node.get("properties")
    if is_object(properties):
        # In draft 3, and by hand, a yes in the property itself.
        own = (name for name, value in properties.items() if is_object(value) and value.get("required") is True)
        names += [name for name in own if name not in names]
    if names:
        right["required"] = names


def flattened(schema: Json) -> Json:
    """Return a schema of an object without `oneOf`, `allOf` and `anyOf` at its top, which allows at least the same.

    All properties of all variants are its own; required is what every variant requires, or any that must hold.
    """
    flat = {key: value for key, value in schema.items() if key not in COMPOSITES}
    properties: Json = dict(flat["properties"]) if is_object(flat.get("properties")) else {}
    required: list[str] = [name for name in _list(flat.get("required")) if isinstance(name, str)]
    for keyword in COMPOSITES:
        variants = [_resolved(variant, schema) for variant in _list(schema.get(keyword))]
        for variant in variants:
            inner: Any = variant.get("properties")
            for name, value in inner.items() if is_object(inner) else ():
                properties[name] = _either(properties[name], value, keyword) if name in properties else value
        wanted = [[name for name in _list(variant.get("required")) if isinstance(name, str)] for variant in variants]
        for name in (name for names in wanted for name in names):
            holds = keyword == "allOf" or all(name in names for names in wanted)
            if holds and name not in required:
                required.append(name)
    flat["properties"] = properties
    return {**flat, "required": required} if required else flat


def _resolved(variant: Any, root: Json) -> Json:
    """Return a variant that may stand elsewhere in the schema."""
    reference: Any = variant.get("$ref") if is_object(variant) else None
    if isinstance(reference, str) and reference.startswith("#/"):
        found: Any = root
        for part in reference[2:].split("/"):
            found = found.get(part) if is_object(found) else None
        variant = found
    return variant if is_object(variant) else {}


def _either(left: Any, right: Any, keyword: str) -> Any:
    if fingerprint(left) == fingerprint(right):
        return left
    joint = "allOf" if keyword == "allOf" else "anyOf"
    known: Any = left.get(joint) if is_object(left) and len(left) == 1 else None
    if is_array(known):
        return left if any(fingerprint(item) == fingerprint(right) for item in known) else {joint: [*known, right]}
    return {joint: [left, right]}


def _list(value: Any) -> list[Any]:
    return value if is_array(value) else []
