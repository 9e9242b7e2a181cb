"""Thinking with a budget is on, and a reply that goes on after tool results did not begin with thinking."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation, Placed
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import DISABLED, current_rounds, is_thinking, mode, with_thinking


def _first_unthinking(conversation: Conversation) -> Placed | None:
    """Return the first block of the current reply, if there is no thinking in any of its rounds.

    The thinking of a reply stands in its first round, unless thinking is interleaved: then each may have some. Where a
    reply begins with something else and thinks later, another rule says so.
    """
    if mode(conversation.request) != "enabled":
        return None
    rounds = current_rounds(conversation)
    blocks = [placed for turn in reversed(rounds) for placed in turn.blocks]
    if not blocks or any(is_thinking(block) for _, _, block in blocks):
        return None
    # What it is refused for begins with the message that calls a tool.
    first = next((index for index, _, block in blocks if kind_of(block) == "tool_use"), blocks[0][0])
    return next(placed for placed in blocks if placed[0] == first)


def _check(conversation: Conversation) -> Iterator[Violation]:
    found = _first_unthinking(conversation)
    if found is not None:
        index, position, block = found
        text = MISSING_THINKING.error.format(message=index, block=position, found=kind_of(block))
        yield Violation(MISSING_THINKING.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    # Thinking cannot be invented: nobody but the API can sign it.
    return with_thinking(conversation.request, DISABLED)


MISSING_THINKING = Rule(
    id="TH005",
    name="missing-thinking",
    statement="With a thinking budget, a reply that goes on after tool results began with thinking.",
    source=Source(
        "reported", ("anomalyco/opencode#3077", "anthropics/claude-code#20692", "anthropics/claude-code#20698")
    ),
    error=(
        "messages.{message}.content.{block}.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When"
        " `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost"
        " set of `tool_use` and `tool_result` blocks)."
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="disabled thinking for this request",
)
