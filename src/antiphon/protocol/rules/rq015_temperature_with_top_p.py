"""`temperature` and `top_p` are both set, and the model takes one of them."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, takes_temperature_or_top_p, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = fields(conversation)
    both = request.get("temperature") is not None and request.get("top_p") is not None
    if both and takes_temperature_or_top_p(request):
        yield Violation(TEMPERATURE_WITH_TOP_P.id, TEMPERATURE_WITH_TOP_P.error)


def _repair(conversation: Conversation) -> Json:
    return with_fields(conversation.request, {}, ["top_p"])


TEMPERATURE_WITH_TOP_P = Rule(
    id="RQ015",
    name="temperature-with-top-p",
    statement="From Opus 4.1 and version 4.5 on, a request sets `temperature` or `top_p`, not both.",
    source=Source("reported", ("aws-samples/bedrock-chat#979", "comet-ml/opik#3728", "docker/docker-agent#758")),
    error="`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped `top_p`",
)
