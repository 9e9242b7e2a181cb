"""The API version of the request has no sampling parameters any more."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import SAMPLING, STRICTER_VERSION, fields, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    if conversation.context.version == STRICTER_VERSION:
        request = fields(conversation)
        for name in SAMPLING:
            if request.get(name) is not None:
                yield Violation(SAMPLING_REMOVED.id, SAMPLING_REMOVED.error.format(name=name))


def _repair(conversation: Conversation) -> Json:
    return with_fields(conversation.request, {}, SAMPLING)


SAMPLING_REMOVED = Rule(
    id="RQ012",
    name="sampling-removed",
    statement="With API version 2026-10-21 a request has no `temperature`, `top_p` or `top_k`.",
    source=Source("documented", ("docs:/api/migration-2026-10-21",)),
    error="{name}: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the sampling parameters",
)
