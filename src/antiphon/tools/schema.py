"""The arguments of a tool: from a type to the JSON schema the model reads, and from the model's JSON to a value.

Types are `msgspec.Struct`s. Knows nothing of what a tool does with its arguments.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from antiphon.protocol.encoding import without_lone_surrogates
from antiphon.protocol.messages import Json

S = TypeVar("S", bound=msgspec.Struct)

_NO_ALIASES: Mapping[str, str] = {}


class InvalidArguments(ValueError):
    """The model's arguments do not fit the tool; the message tells it what is wrong and what is wanted."""


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of a tool's arguments. Describe a field with `Annotated[int, msgspec.Meta(description="...")]`."""


def schema_of(struct: type[msgspec.Struct]) -> Json:
    """Return the JSON schema (2020-12) of a struct, as the API wants it: one object, no references, no titles.

    An optional field with the default None is shown as its plain type: models leave it out rather than send null,
    and both are accepted.

    Raises:
        TypeError: for a type that contains itself or that JSON cannot hold.
    """
    try:
        # To JSON and back, so that a default that is a tuple or an enum is what the model will read.
        whole: Json = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(struct)))
    except RecursionError as error:  # a default that contains itself
        raise TypeError(f"{struct.__name__} cannot be described as a JSON schema") from error
    definitions: dict[str, Json] = whole.pop("$defs", {})
    top = cast("Json", _inlined(whole, definitions, ()))
    top.pop("description", None)
    properties: dict[str, Any] = top.setdefault("properties", {})
    top["properties"] = {name: _without_null(schema) for name, schema in properties.items()}
    top.setdefault("required", [])
    return top


def _inlined(node: Any, definitions: Mapping[str, Json], above: tuple[str, ...]) -> Any:
    """Return a schema with every reference replaced by what it refers to."""
    if isinstance(node, list):
        return [_inlined(item, definitions, above) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    schema = cast("Json", node)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        if name in above:
            raise TypeError(f"{name} contains itself: a tool's arguments are described to the model without references")
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target = cast("Json", _inlined(definitions[name], definitions, (*above, name)))
        return {**target, **rest}
    # `discriminator` belongs to OpenAPI; `title` repeats the Python name, which says nothing to a model.
    return {
        key: _named(value, definitions, above) if key == "properties" else _inlined(value, definitions, above)
        for key, value in schema.items()
        if key not in {"discriminator", "title"} and not (key == "default" and value is None)
    }


def _named(properties: Any, definitions: Mapping[str, Json], above: tuple[str, ...]) -> Json:
    """Inline below `properties`, whose keys are names and not keywords: an argument may be called `title`."""
    return {name: _inlined(schema, definitions, above) for name, schema in cast("Json", properties).items()}


def _without_null(schema: Any) -> Any:
    options = cast("Json", schema).get("anyOf")
    if not isinstance(options, list):
        return schema
    kept = [option for option in cast("list[Json]", options) if option.get("type") != "null"]
    if len(kept) != 1:
        return schema
    return {**{key: value for key, value in cast("Json", schema).items() if key != "anyOf"}, **kept[0]}


def parse_arguments(struct: type[S], arguments: Json, *, aliases: Mapping[str, str] = _NO_ALIASES) -> S:
    """Turn the model's arguments into a struct.

    What models do and mean well is accepted: a number or a truth value as text, null for an argument that has a
    default, a list or object as JSON text, an argument's name as another agent has it (`aliases`, theirs to ours).

    Raises:
        InvalidArguments: with every missing and unknown argument, or the first value that does not fit.
    """
    try:
        return msgspec.convert(arguments, struct, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):
        pass  # the usual slips of form are mended below, where time does not matter
    if not isinstance(arguments, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # a model's JSON, checked here
        raise InvalidArguments(f"The arguments must be one JSON object. {_wanted(struct)}")
    meant = _as_meant(struct, arguments, aliases)
    try:
        return msgspec.convert(meant, struct, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidArguments(_explained(struct, meant, str(error))) from None
    except UnicodeEncodeError:
        raise InvalidArguments(
            f"An argument holds half of a surrogate pair, which is no text. {_wanted(struct)}"
        ) from None


def _as_meant(struct: type[msgspec.Struct], arguments: Json, aliases: Mapping[str, str]) -> Json:
    """Return the arguments with slips of form mended that leave no doubt about what was meant."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    meant: Json = {}
    for name, value in arguments.items():
        ours = aliases.get(name, name)
        known = name if name in fields or ours in arguments or ours in meant else ours
        field = fields.get(known)
        if value is None and field is not None and not field.required:
            continue
        meant[known] = _decoded(field.type, value) if field is not None else value
    return meant


def _decoded(wanted: Any, value: Any) -> Any:
    """Return a list or object that came as JSON text; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        msgspec.convert(value, wanted, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _explained(struct: type[msgspec.Struct], arguments: Json, problem: str) -> str:
    fields = msgspec.structs.fields(struct)
    known = [field.encode_name for field in fields]
    missing = [field.encode_name for field in fields if field.required and field.encode_name not in arguments]
    unknown = [name for name in arguments if name not in known]
    said: list[str] = []
    if missing:
        said.append(f"Missing: {_listed(missing)}.")
    if unknown:
        said.append(f"Unknown: {_listed(unknown)}.")
    if not said:
        what, _, where = problem.partition(" - at ")
        place = where.strip("`").removeprefix("$").removeprefix(".")
        said.append(f"`{place}`: {_lowered(what)}." if place else f"{what}.")
    return f"{' '.join(said)} {_wanted(struct)}"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{without_lone_surrogates(str(name)[:60])}`" for name in names)


def _wanted(struct: type[msgspec.Struct]) -> str:
    fields = msgspec.structs.fields(struct)
    required = [field.encode_name for field in fields if field.required]
    optional = [field.encode_name for field in fields if not field.required]
    parts: list[str] = []
    if required:
        parts.append(f"required: {_listed(required)}")
    if optional:
        parts.append(f"optional: {_listed(optional)}")
    return f"The arguments are {'; '.join(parts)}." if parts else "There are no arguments."
