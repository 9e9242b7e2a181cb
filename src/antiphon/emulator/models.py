"""What differs between models, as data: sources are the public documentation; what it does not say is marked.

Unknown models are accepted and behave like the newest that are not bound.
"""

from dataclasses import dataclass
from typing import Literal

Binding = Literal["none", "recorded", "enforced"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Attributes:
        id: its name in requests, without a date.
        display_name: for people.
        cache_minimum: tokens below which a prefix is not cached.
        binding: whether its thinking is bound to all that stood before it: not at all, with a note, or by refusal.
        context: tokens of its context window.
    """

    id: str
    display_name: str
    cache_minimum: int
    binding: Binding = "none"
    context: int = 200_000


MODELS = (
    # Cache minimums of the models with bound thinking are not documented; 1,024 is what most models have.
    Model("claude-fable-5-2", "Claude Fable 5.2", 1024, "enforced", 1_000_000),
    Model("claude-fable-5-1", "Claude Fable 5.1", 1024, "enforced", 1_000_000),
    Model("claude-mythos-5-2", "Claude Mythos 5.2", 1024, "enforced", 1_000_000),
    Model("claude-mythos-5-1", "Claude Mythos 5.1", 1024, "recorded", 1_000_000),
    Model("claude-opus-5-5", "Claude Opus 5.5", 1024, "enforced", 1_000_000),
    Model("claude-sonnet-5-5", "Claude Sonnet 5.5", 1024, "enforced", 1_000_000),
    Model("claude-haiku-5-5", "Claude Haiku 5.5", 1024, "enforced", 1_000_000),
    Model("claude-fable-5", "Claude Fable 5", 512, context=1_000_000),
    Model("claude-mythos-5", "Claude Mythos 5", 512, context=1_000_000),
    Model("claude-opus-5", "Claude Opus 5", 512, context=1_000_000),
    Model("claude-sonnet-5", "Claude Sonnet 5", 1024, context=1_000_000),
    Model("claude-mythos-preview", "Claude Mythos Preview", 2048, context=1_000_000),
    Model("claude-opus-4-8", "Claude Opus 4.8", 1024, context=1_000_000),
    Model("claude-opus-4-7", "Claude Opus 4.7", 2048, context=1_000_000),
    Model("claude-opus-4-6", "Claude Opus 4.6", 4096, context=1_000_000),
    Model("claude-sonnet-4-6", "Claude Sonnet 4.6", 1024, context=1_000_000),
    Model("claude-opus-4-5", "Claude Opus 4.5", 4096),
    Model("claude-sonnet-4-5", "Claude Sonnet 4.5", 1024),
    Model("claude-haiku-4-5", "Claude Haiku 4.5", 4096),
    Model("claude-opus-4-1", "Claude Opus 4.1", 1024),
    Model("claude-opus-4", "Claude Opus 4", 1024),
    Model("claude-sonnet-4", "Claude Sonnet 4", 1024),
    Model("claude-3-5-haiku", "Claude Haiku 3.5", 2048),
)


def find_model(name: str) -> Model:
    """Return the model that a request's `model` means, whatever its date, region or provider prefix."""
    known = max((model for model in MODELS if model.id in name), key=lambda model: len(model.id), default=None)
    return known or Model(name, name, 1024)
