"""The body is JSON, but not an object."""

from antiphon.protocol.rule import BodyRule, Fault, Source


def _find(text: str) -> Fault | None:
    # It is JSON: the rules before this one have seen to that.
    return None if text.lstrip(" \t\n\r").startswith("{") else Fault("Input should be an object", 0)


BODY_NOT_AN_OBJECT = BodyRule(
    id="RQ007",
    name="body-not-an-object",
    statement="A body is an object.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="{problem}",
    find=_find,
)
