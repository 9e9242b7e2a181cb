"""The latest assistant message does not hold the thinking that was in it when it came."""

from collections.abc import Iterator, Sequence

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, blocks_of, indexed_blocks
from antiphon.protocol.models import binds_thinking, refuses_disabled_thinking
from antiphon.protocol.prefix import meaning, signature_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.segments import is_thinking_on
from antiphon.protocol.thinking import DISABLED, is_thinking, latest_reply, with_thinking


def _faulty_messages(conversation: Conversation) -> dict[int, Sequence[Json]]:
    """Return the replies that were changed, by the index of the message that holds them now."""
    return conversation.work_out(_changed_replies)


def _changed_replies(conversation: Conversation) -> dict[int, Sequence[Json]]:
    memory = conversation.context.memory
    if memory is None or not conversation.messages or not is_thinking_on(conversation.request):
        return {}
    turn = latest_reply(conversation)
    found: dict[int, Sequence[Json]] = {}
    thought: list[Json] = []
    for index, _, block in turn.blocks if turn else ():
        call_id = block.get("id") if block.get("type") == "tool_use" else None
        if is_thinking(block):
            thought.append(block)
        elif isinstance(call_id, str) and index not in found:
            reply = memory.reply_with(call_id)
            if reply is not None and not _agrees(conversation, thought, _before(reply, call_id)):
                found[index] = reply
    return found


def _before(reply: Sequence[Json], call_id: str) -> list[Json]:
    """Return the thinking of a reply that stands before one of its calls."""
    thought: list[Json] = []
    for block in reply:
        if is_thinking(block):
            thought.append(block)
        elif block.get("type") == "tool_use" and block.get("id") == call_id:
            break
    return thought


def _agrees(conversation: Conversation, thought: list[Json], recorded: list[Json]) -> bool:
    model = conversation.request.get("model")
    if binds_thinking(model) or refuses_disabled_thinking(model):
        # These let it be taken out, but not altered.
        known = {signature_of(block): meaning(block) for block in recorded}
        return all(known.get(signature_of(block), said) == said for block in thought for said in [meaning(block)])
    # A turn may have been paused and gone on: then thinking of an earlier reply stands before.
    now = thought[len(thought) - len(recorded) :]
    return [meaning(block) for block in now] == [meaning(block) for block in recorded]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index in _faulty_messages(conversation):
        blocks = indexed_blocks(conversation.messages[index])
        position = next((j for j, block in blocks if is_thinking(block)), 0)
        text = MODIFIED_THINKING.error.format(message=index, block=position)
        yield Violation(MODIFIED_THINKING.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    contents: dict[int, list[Json]] = {}
    all_restored = True
    for index, reply in _faulty_messages(conversation).items():
        own = [block for block in blocks_of(conversation.messages[index]) if not is_thinking(block)]
        restored = _restored(own, reply)
        all_restored = all_restored and restored is not None
        contents[index] = own if restored is None else restored
    request = rewrite(conversation, contents)
    if all_restored or refuses_disabled_thinking(request.get("model")):
        return request
    return with_thinking(request, DISABLED)


def _restored(own: list[Json], reply: Sequence[Json]) -> list[Json] | None:
    """Return the reply as it came, made of the blocks that are still there; None if those are others now."""
    others = [meaning(block) for block in reply if not is_thinking(block)]
    if others != [meaning(block) for block in own]:
        return None
    left = iter(own)
    return [block if is_thinking(block) else next(left) for block in reply]


MODIFIED_THINKING = Rule(
    id="TH004",
    name="modified-thinking",
    statement="The thinking in the latest assistant message is sent back as it came.",
    source=Source(
        "documented",
        ("docs:/api/errors", "anthropics/claude-code#19539", "anthropics/claude-code#63203"),
    ),
    error=(
        "messages.{message}.content.{block}: `thinking` or `redacted_thinking` blocks in the latest assistant message"
        " cannot be modified. These blocks must remain as they were in the original response."
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="restored the thinking as it came, or took it out and disabled thinking",
)
