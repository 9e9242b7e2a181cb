"""The hooks of a prompt, and of the start of a session before its first prompt: they may add context, or refuse it."""

from dataclasses import dataclass

from antiphon.agent.hooks.calls import hook_note
from antiphon.agent.hooks.hooks import RunHooks
from antiphon.protocol.messages import Json, text_of


@dataclass(frozen=True, slots=True)
class Accepted:
    """The prompt may be sent; `notes` are blocks that stand behind it."""

    notes: list[Json]


@dataclass(frozen=True, slots=True)
class Refused:
    """The prompt may not be sent; `text` tells the user why."""

    text: str


async def prompt_of(prompt: list[Json], running: RunHooks) -> Accepted | Refused:
    """Ask the hooks about a prompt. What the hooks of the session's start say goes along with the first that is sent.

    Args:
        prompt: its blocks.
        running: the hooks.
    """
    hooks = running.hooks
    if not hooks.started:
        outcome = await running.ask("SessionStart", {"source": hooks.source})
        hooks.started = True
        hooks.context = outcome.context
        if outcome.stop is not None:
            return Refused(_because("A hook ended the run when the session began", outcome.stop))
    outcome = await running.ask("UserPromptSubmit", {"prompt": text_of({"content": prompt})})
    if outcome.blocks:
        return Refused(_because("A hook did not let the prompt through, and it was not sent", outcome.reason))
    if outcome.stop is not None:
        return Refused(_because("A hook ended the run before the prompt was sent", outcome.stop))
    said = [
        hook_note(text, about)
        for text, about in ((hooks.context, "the session"), (outcome.context, "this prompt"))
        if text
    ]
    hooks.context = ""
    return Accepted([{"type": "text", "text": note} for note in said])


def stop_note(reason: str) -> str:
    """Return what the model is told when hooks keep it from stopping."""
    return hook_note(reason or "Go on; the work is not done.", "stopping here")


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else f"{text}."
