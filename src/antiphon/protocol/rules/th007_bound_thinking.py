"""Thinking stands behind another conversation than the one it was made in, and its model binds it to that.

Every repair before this one may have changed what thinking is bound to; so this is the last of the rules that change
messages. Costs nothing where nothing was changed and nobody remembers how thinking was made.
"""

from collections.abc import Callable, Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json, is_object, kind_of
from antiphon.protocol.models import binds_thinking
from antiphon.protocol.prefix import ThinkingPrefix, thinking_prefixes
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.thinking import BINDING_BETA, mode, thinking_of

_READ = ("tools", "system", "messages")
"""What the model reads of a request."""


def _loose(conversation: Conversation) -> list[ThinkingPrefix]:
    """Return the thinking that does not fit what stands before it."""
    return conversation.work_out(_find_loose)


def _find_loose(conversation: Conversation) -> list[ThinkingPrefix]:
    changed = _was_changed(conversation)
    if not conversation.messages or not (changed or conversation.context.memory):
        return []
    if not binds_thinking(conversation.request.get("model")):
        return []
    if not any(conversation.of_type("thinking", "redacted_thinking")) or _may_be_dropped_upstream(conversation):
        return []
    loose: list[ThinkingPrefix] = []
    stood = _where_it_stood(conversation)

    def keeps(found: ThinkingPrefix) -> bool:
        memory = conversation.context.memory
        fits = memory.fits(found.signature, found.prefix) if memory else None
        if fits is None:
            fits = not (changed or loose) or stood(found)
        if not fits:
            loose.append(found)
        return fits

    for _ in thinking_prefixes(conversation.request, keeps):
        pass
    return loose


def _was_changed(conversation: Conversation) -> bool:
    """Say whether a repair touched anything that the model reads."""
    original = conversation.original
    if original is None or original is conversation.request:
        return False
    return any(original.get(part) is not conversation.request.get(part) for part in _READ)


def _may_be_dropped_upstream(conversation: Conversation) -> bool:
    """Say whether the request asks the API to drop what does not fit."""
    binding = thinking_of(conversation.request).get("block_binding")
    asked = is_object(binding) and binding.get("prefix_mismatch_behavior") == "drop_block"
    betas = conversation.context.betas
    return asked and mode(conversation.request) == "adaptive" and (betas is None or BINDING_BETA in betas)


def _where_it_stood(conversation: Conversation) -> Callable[[ThinkingPrefix], bool]:
    """Return what says whether thinking stands behind what it stood behind when the request came in."""
    prefixes: dict[str, set[bytes]] = {}

    def stood(found: ThinkingPrefix) -> bool:
        if not prefixes:
            original = conversation.request if conversation.original is None else conversation.original
            for before in thinking_prefixes(original):
                prefixes.setdefault(before.signature, set()).add(before.prefix)
        return found.prefix in prefixes.get(found.signature, ())

    return stood


def _check(conversation: Conversation) -> Iterator[Violation]:
    for found in _loose(conversation):
        block = conversation.messages[found.message]["content"][found.block]
        text = BOUND_THINKING.error.format(message=found.message, block=found.block, type=kind_of(block))
        if BINDING_BETA not in (conversation.context.betas or ()):
            text += f" That setting requires the `{BINDING_BETA}` value in the `anthropic-beta` header."
        yield Violation(BOUND_THINKING.id, text, found.message, found.block)


def _repair(conversation: Conversation) -> Json:
    return without(conversation, ((found.message, found.block) for found in _loose(conversation)))


BOUND_THINKING = Rule(
    id="TH007",
    name="bound-thinking",
    statement="Models that bind their thinking find it behind exactly the conversation it was made in.",
    source=Source(
        "documented",
        (
            "docs:/build-with-claude/preserved-thinking/prefix-checks",
            "docs:/build-with-claude/preserved-thinking/fix-bound-to-a-different-conversation",
            "anomalyco/opencode#48637",
        ),
    ),
    error=(
        "messages.{message}.content.{block}: Invalid `signature` in `{type}` block. The block is bound to a different"
        " conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to"
        ' "drop_block".'
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the thinking, which belongs to the conversation as it was before",
)
