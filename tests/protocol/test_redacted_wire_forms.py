"""What the proxy redacts of requests of other APIs breaks the same rules as before."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from wire_forms import to_chat, to_converse, to_gemini, to_responses

from antiphon.protocol.checking import check
from antiphon.protocol.dialects import dialect
from antiphon.protocol.messages import Json
from antiphon.proxy.redaction import Redaction
from antiphon.testing.damages import damaged


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("bedrock-converse", to_converse),
        ("openai-chat", to_chat),
        ("openai-responses", to_responses),
        ("gemini", to_gemini),
    ],
)
def test_damaged_conversations_of_other_apis_break_the_same_rules_after_redaction_as_before(
    name: str, form: Callable[[Json], Json]
) -> None:
    def broken(request: Json) -> list[Any]:
        return [(found.rule, found.message, found.block) for found in check(request, dialect(name))]

    for seed in range(700):
        request = form(damaged(Random(seed)))
        assert broken(Redaction(b"salt").request(request)) == broken(request), seed
