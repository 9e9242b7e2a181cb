"""What a function's signature and docstring say about the tool it becomes. Looked at once, never during a call."""

import copy
import inspect
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from antiphon.tools.base import ToolContext
from antiphon.tools.docstrings import read_docstring
from antiphon.tools.schema import Arguments, schema_of


class Signature:
    """The arguments of a function, as a struct, and its description.

    Attributes:
        description: what the model reads.
        struct: the arguments.
        schema: their JSON schema.
        context: the name of the parameter that takes the `ToolContext`, or None.
        copies: whether an argument may be a part of the model's JSON itself, which the function must not get.
    """

    def __init__(self, function: Callable[..., Any], name: str, description: str | None) -> None:
        target = function if inspect.isroutine(function) or inspect.isclass(function) else _callable_of(function)
        if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
            raise TypeError(f"tool {name}: a generator cannot be a tool; return the value and use ToolContext.output")
        from_docstring, meanings = read_docstring(getattr(target, "__doc__", None))
        self.description = description or from_docstring or name.replace("_", " ")
        self.context: str | None = None
        hints = _hints(function, target, name)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for parameter in inspect.signature(function).parameters.values():
            hint = hints.get(parameter.name, Any)
            if hint is ToolContext or ToolContext in get_args(hint):
                self.context = parameter.name
                continue
            if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
                raise TypeError(f"tool {name}: the parameter {parameter} has no name a model could use")
            described = _described(hint, meanings.get(parameter.name))
            if parameter.default is parameter.empty:
                fields.append((parameter.name, described))
            else:
                fields.append((parameter.name, described, _default(parameter.default)))
        try:
            self.struct = msgspec.defstruct(name, fields, bases=(Arguments,), kw_only=True)
            self.schema = schema_of(self.struct)
        except TypeError as error:
            raise TypeError(f"tool {name}: {error}") from error
        self.copies = not all(_is_new(hints.get(name, Any)) for name in self.struct.__struct_fields__)


def _callable_of(function: Any) -> Callable[..., Any]:
    """Return what describes a callable object: the function of a partial, or the `__call__` of an instance."""
    return function.func if hasattr(function, "func") else function.__call__


def _hints(function: Callable[..., Any], target: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        where = getattr(function, "__module__", "its module")
        raise TypeError(f"tool {name}: the annotation {error.name} is not known in {where}") from error


def _described(hint: Any, meaning: str | None) -> Any:
    """Return the type with its description: the one in `Annotated`, as `Meta` or plain text, or the docstring's."""
    if get_origin(hint) is Annotated:
        extras = get_args(hint)[1:]
        if any(isinstance(extra, msgspec.Meta) and extra.description for extra in extras):
            return hint
        meaning = next((extra for extra in extras if isinstance(extra, str)), meaning)
    return Annotated[hint, msgspec.Meta(description=meaning)] if meaning else hint


def _default(value: Any) -> Any:
    """Return a default as msgspec takes it: a mutable one is copied for every call."""
    return msgspec.field(default_factory=lambda: copy.deepcopy(value)) if type(value) in _MUTABLE and value else value


_MUTABLE = frozenset({list, dict, set, bytearray})


_PLAIN = frozenset({str, int, float, bool, NoneType})
_BUILT = frozenset({list, set, frozenset, tuple, dict, Union, UnionType, Annotated})


def _is_new(hint: Any) -> bool:
    """Tell whether values of the type are built anew for each call; others may be part of the history itself."""
    if hint in _PLAIN or get_origin(hint) is Literal:
        return True
    parts = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return bool(parts) and get_origin(hint) in _BUILT and all(_is_new(part) for part in parts if part is not Ellipsis)
