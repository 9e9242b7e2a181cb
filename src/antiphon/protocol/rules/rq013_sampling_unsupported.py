"""The model takes no sampling parameters: a setting that was right for the model before."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, sampling_refused, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for name in sampling_refused(fields(conversation)):
        yield Violation(SAMPLING_UNSUPPORTED.id, SAMPLING_UNSUPPORTED.error.format(name=name))


def _repair(conversation: Conversation) -> Json:
    return with_fields(conversation.request, {}, sampling_refused(conversation.request))


SAMPLING_UNSUPPORTED = Rule(
    id="RQ013",
    name="sampling-unsupported",
    statement="From Opus 4.7 on, models take `temperature`, `top_p` and `top_k` at their defaults only.",
    source=Source(
        "reported",
        ("UKGovernmentBEIS/inspect_ai#3721", "RooCodeInc/Roo-Code#12162", "anomalyco/models.dev#1468"),
    ),
    error="`{name}` is deprecated for this model.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the sampling parameters",
)
