"""Which model a name means, and what is known of it."""

import pytest

from antiphon.protocol.models import Version, model_version, refuses_prefill, takes_system_messages


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-opus-5-5", ("opus", (5, 5))),
        ("claude-opus-5", ("opus", (5, 0))),
        ("claude-sonnet-4-5", ("sonnet", (4, 5))),
        ("claude-sonnet-4-5-20250929", ("sonnet", (4, 5))),
        ("claude-sonnet-4-20250514", ("sonnet", (4, 0))),
        ("claude-opus-4-1@20250805", ("opus", (4, 1))),
        ("us.anthropic.claude-opus-4-6-v1:0", ("opus", (4, 6))),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", ("haiku", (4, 5))),
        ("anthropic/claude-sonnet-4.5", ("sonnet", (4, 5))),
        ("claude-3-5-sonnet-20241022", ("sonnet", (3, 5))),
        ("claude-3-haiku-20240307", ("haiku", (3, 0))),
        ("claude-2.1", ("sonnet", (2, 1))),
        ("claude-fable-5-2", ("fable", (5, 2))),
        ("claude-mythos-preview", ("mythos", (0, 0))),
        ("deepseek-chat", None),
        ("claude-tomorrow-9", None),
        (None, None),
        (7, None),
    ],
)
def test_a_name_means_family_and_version(model: object, expected: tuple[str, Version] | None) -> None:
    assert model_version(model) == expected


def test_prefill_ends_with_version_4_6() -> None:
    assert [model for model in _MODELS if refuses_prefill(model)] == [
        "claude-opus-4-6",
        "claude-sonnet-5",
        "claude-opus-4-8",
        "claude-fable-5",
        "claude-mythos-preview",
    ]


def test_system_messages_begin_with_opus_4_8_and_about_some_nobody_knows() -> None:
    assert [model for model in _MODELS if takes_system_messages(model) is True] == ["claude-opus-4-8", "claude-fable-5"]
    assert [model for model in _MODELS if takes_system_messages(model) is None] == [
        "claude-sonnet-5",
        "claude-mythos-preview",
        "someone/else",
    ]


_MODELS = [
    "claude-haiku-4-5",
    "claude-3-opus-20240229",
    "claude-opus-4-6",
    "claude-sonnet-5",
    "claude-opus-4-8",
    "claude-fable-5",
    "claude-mythos-preview",
    "someone/else",
]
