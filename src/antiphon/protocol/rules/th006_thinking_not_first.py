"""Thinking with a budget is on, and something stands before the thinking of an assistant message."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation, Turn
from antiphon.protocol.editing import by_message, rewrite
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.thinking import assistant_thinking, begins_with_thinking, interleaves, is_thinking, mode


def _faulty(conversation: Conversation) -> Iterator[Turn]:
    if mode(conversation.request) == "enabled" and not interleaves(conversation):
        for turn in assistant_thinking(conversation):
            if not begins_with_thinking(turn):
                yield turn


def _check(conversation: Conversation) -> Iterator[Violation]:
    for turn in _faulty(conversation):
        index, position, first = turn.blocks[0]
        text = THINKING_NOT_FIRST.error.format(message=index, block=position, found=kind_of(first))
        place = next((i, j) for i, j, block in turn.blocks if is_thinking(block))
        yield Violation(THINKING_NOT_FIRST.id, text, *place)


def _repair(conversation: Conversation) -> Json:
    # In this mode a reply begins with its thinking, so that is where it stood.
    contents: dict[int, list[Json]] = {}
    for turn in _faulty(conversation):
        blocks = turn.blocks
        begin = next(n for n, (_, _, block) in enumerate(blocks) if is_thinking(block))
        end = next((n for n in range(begin, len(blocks)) if not is_thinking(blocks[n][2])), len(blocks))
        front = [(blocks[0][0], block) for _, _, block in blocks[begin:end]]
        rest = [(i, block) for i, _, block in (*blocks[:begin], *blocks[end:])]
        contents |= by_message(turn.messages, front + rest)
    return rewrite(conversation, contents)


THINKING_NOT_FIRST = Rule(
    id="TH006",
    name="thinking-not-first",
    statement="With a thinking budget, an assistant message that holds thinking begins with it.",
    source=Source("reported", ("anthropics/claude-code#20692",)),
    error=(
        "messages.{message}.content.{block}: If an assistant message contains any thinking blocks, the first block must"
        " be `thinking` or `redacted_thinking`. Found `{found}`."
    ),
    check=_check,
    repair=_repair,
    done="moved the thinking to the front",
)
