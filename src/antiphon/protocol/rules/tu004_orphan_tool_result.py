"""A result answers no call of the message before it: its call was cut away, compacted, or answered already."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.pairing import ORPHAN_TEXT, ledger
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.salvage import release


def _check(conversation: Conversation) -> Iterator[Violation]:
    for orphan in ledger(conversation).orphans:
        name = id_text(orphan.body.get("tool_use_id"))
        text = ORPHAN_TEXT.format(message=orphan.message, block=orphan.block, id=name)
        yield Violation(ORPHAN_TOOL_RESULT.id, text, orphan.message, orphan.block)


def _repair(conversation: Conversation) -> Json:
    return release(conversation, ledger(conversation).orphans)


ORPHAN_TOOL_RESULT = Rule(
    id="TU004",
    name="orphan-tool-result",
    statement="Every result answers a call of the assistant message directly before it.",
    source=Source(
        "reported",
        ("router-for-me/CLIProxyAPI#497", "anthropics/claude-code#13460", "anthropics/claude-code#18947"),
    ),
    error=ORPHAN_TEXT,
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="turned the result into text",
)
