"""A cache marker says more than the upstream understands: a scope, a time, or that it is to be placed by itself."""

from collections.abc import Iterator

from antiphon.protocol.cache_markers import Marker, markers, with_values
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.models import Version, model_version
from antiphon.protocol.parameters import fields
from antiphon.protocol.rule import Rule, Source, Violation

_FIRST_WITH_TIMES: Version = (4, 5)
_LAST_WITHOUT_AUTOMATIC: Version = (4, 6)


def _problems(conversation: Conversation) -> Iterator[tuple[Marker, str, str]]:
    """Yield marker, the field it may not have, and how the complaint about it begins."""
    found = markers(conversation)
    known = model_version(fields(conversation).get("model")) if found else None
    for marker in found:
        if marker.automatic and known is not None and known[1] <= _LAST_WITHOUT_AUTOMATIC:
            yield marker, "", "cache_control"
        elif is_object(marker.value):
            if "scope" in marker.value:
                yield marker, "scope", f"{marker.typed}.ephemeral.scope"
            if marker.value.get("ttl") is not None and known is not None and known[1] < _FIRST_WITH_TIMES:
                yield marker, "ttl", f"{marker.typed}.ephemeral.ttl"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for marker, _, where in _problems(conversation):
        text = CACHE_MARKER_UNSUPPORTED.error.format(where=where)
        yield Violation(CACHE_MARKER_UNSUPPORTED.id, text, marker.message, marker.block)


def _repair(conversation: Conversation) -> Json:
    gone: dict[tuple[str | int, ...], set[str]] = {}
    changed: list[Marker] = []
    for marker, field, _ in _problems(conversation):
        if marker.path not in gone:
            changed.append(marker)
        gone.setdefault(marker.path, set()).add(field)

    def value(marker: Marker) -> Json | None:
        if "" in gone[marker.path]:
            return None
        return {key: item for key, item in marker.value.items() if key not in gone[marker.path]}

    return with_values(conversation.request, changed, value)


CACHE_MARKER_UNSUPPORTED = Rule(
    id="CC008",
    name="cache-marker-unsupported",
    statement="On Bedrock, cache markers stand on tools and blocks, without a scope, and before 4.5 without a `ttl`.",
    source=Source("reported", ("https://github.com/BerriAI/litellm/blob/main/litellm/llms/bedrock/common_utils.py",)),
    error="{where}: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    done="dropped what is not understood there",
)
