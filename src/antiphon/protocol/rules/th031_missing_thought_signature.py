"""A function call of Gemini 3 has lost its thought signature. Only the model can make one."""

import re
from collections.abc import Iterator
from typing import Any

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import blocks_of, indexed_blocks, kind_of, role_of, tool_uses
from antiphon.protocol.rule import Rule, Source, Violation

_SIGNS = re.compile(r"(?:.*/)?gemini-(?:[3-9]|\d\d)")


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    model: Any = conversation.request.get("model")
    if not (isinstance(model, str) and _SIGNS.match(model)):
        return
    messages = conversation.messages
    # What was settled by an answer, and a new question of the user, is not looked at any more.
    asked = [
        index
        for index, message in enumerate(messages)
        if role_of(message) == "user" and any(kind_of(block) == "text" for block in blocks_of(message))
    ]
    for index in range(asked[-1] if asked else 0, len(messages)):
        call = next(tool_uses(messages[index]), None)
        if call is not None and role_of(messages[index]) == "assistant" and not call.get("signed"):
            position = next(n for n, block in indexed_blocks(messages[index]) if block is call)
            text = MISSING_THOUGHT_SIGNATURE.error.format(name=id_text(call.get("name")), position=index + 1)
            yield Violation(MISSING_THOUGHT_SIGNATURE.id, text, index, position)


# Whoever has the reply can put the signature back; nobody can make one.
MISSING_THOUGHT_SIGNATURE = Rule(
    id="TH031",
    name="missing-thought-signature",
    statement="For Gemini 3 the first function call of each message in the current turn has its thought signature.",
    source=Source("reported", ("lbjlaq/Antigravity-Manager#3202", "MayDay-wpf/snow-cli#104")),
    error=(
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
        " correctly, and missing thought_signature may lead to degraded model performance. Additional data, function"
        " call `default_api:{name}` , position {position}."
    ),
    check=_check,
)
