"""The calls of one reply stand in several assistant messages, with all results behind the last of them."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import merge_messages
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import MISSING_TEXT, split_calls
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, split in split_calls(conversation).items():
        ids = dict.fromkeys(id_text(call.body.get("id")) for call in split.calls)
        text = MISSING_TEXT.format(message=index, ids=", ".join(ids))
        yield Violation(SPLIT_TOOL_USES.id, text, index)


def _repair(conversation: Conversation) -> Json:
    spans: list[tuple[int, int]] = []
    for index, split in split_calls(conversation).items():
        if not spans or index > spans[-1][1]:
            spans.append((index, split.last))
    return merge_messages(conversation, spans)


SPLIT_TOOL_USES = Rule(
    id="TU007",
    name="split-tool-uses",
    statement="The tool calls of one reply stand in one assistant message.",
    source=Source("reported", ("vybestack/llxprt-code#1302", "vybestack/llxprt-code#1314", "openclaw/openclaw#28020")),
    error=MISSING_TEXT,
    check=_check,
    repair=_repair,
    done="put the calls of one reply into one message",
)
