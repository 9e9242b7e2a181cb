"""What a Python tool declares that its calls touch."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from antiphon.engine.events import EXCLUSIVE, Access, Resource

Touches = Resource | Iterable[Resource] | Callable[..., Resource | Iterable[Resource]]
"""A resource, several, or a function of (some of) the tool's arguments that returns either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What was said about a tool's calls; see `antiphon.tools.function.tool`."""

    tool: str
    reads: Touches | None = None
    writes: Touches | None = None
    exclusive: bool = False
    early: bool | None = None


def declared_access(said: Declaration, parameters: Collection[str]) -> Callable[[msgspec.Struct], Access]:
    """Return the function from a call's arguments to its access.

    A declaration that fails for some arguments says nothing about them: then the call may touch anything.

    Raises:
        TypeError: the declaration contradicts itself or asks for arguments that the tool does not have.
    """
    if said.early and (said.exclusive or said.writes is not None):
        raise TypeError(f"tool {said.tool}: a call that writes cannot start early, its message may be thrown away")
    if said.exclusive:
        return lambda _arguments: EXCLUSIVE
    early = said.reads is not None and said.writes is None if said.early is None else said.early
    reads = _declared(said.tool, "reads", said.reads, parameters)
    writes = _declared(said.tool, "writes", said.writes, parameters)
    if not callable(said.reads) and not callable(said.writes):
        fixed = Access(reads({}), writes({}), early=early)
        return lambda _arguments: fixed

    def access(arguments: msgspec.Struct) -> Access:
        try:
            given = msgspec.structs.asdict(arguments)
            return Access(reads(given), writes(given), early=early)
        except Exception:  # noqa: BLE001  (a user's function)
            return EXCLUSIVE

    return access


def _declared(
    name: str, what: str, touches: Touches | None, known: Collection[str]
) -> Callable[[Mapping[str, Any]], tuple[Resource, ...]]:
    """Return the function from a call's arguments to the resources declared."""
    if touches is None:
        return lambda _given: ()
    if not callable(touches):
        fixed = _resources(touches)
        return lambda _given: fixed
    wanted = tuple(inspect.signature(touches).parameters)
    if not set(known).issuperset(wanted):
        raise TypeError(f"tool {name}: {what} asks for {', '.join(sorted({*wanted} - {*known}))}, which is no argument")
    return lambda given: _resources(touches(**{key: given[key] for key in wanted}))


def _resources(touched: Resource | Iterable[Resource]) -> tuple[Resource, ...]:
    """Return what was declared as resources: one resource (a tuple of texts), or several."""
    parts = tuple(cast("Iterable[Any]", touched))
    if isinstance(touched, str):
        raise TypeError(f"a resource is a tuple of texts, such as ({touched!r},)")
    if parts and all(isinstance(part, str) for part in parts):
        return (parts,)
    resources = tuple(tuple(cast("Iterable[Any]", part)) for part in parts if not isinstance(part, str))
    if len(resources) != len(parts) or any(not isinstance(part, str) for one in resources for part in one):
        raise TypeError(f"a resource is a tuple of texts, not {touched!r}")
    return resources
