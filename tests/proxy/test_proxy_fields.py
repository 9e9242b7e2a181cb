"""Fields that an API does not know are found by what it says of them."""

from typing import Any

import pytest

from antiphon.proxy.fields import Path, refused_field, without_field

EXTRA = "Extra inputs are not permitted"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"context_management: {EXTRA}", ("context_management",)),
        (f"messages.12.content.3.tool_use.caller: {EXTRA}", ("messages", "0", "content", "0", "tool_use", "caller")),
        (f"litellm: system.0.cache_control.x.scope: {EXTRA}. See", ("system", "0", "cache_control", "x", "scope")),
        (f"messages.0.content: {EXTRA}", None),
        (f"messages.0: {EXTRA}", None),
        (f"{'a.' * 50}b: {EXTRA}", None),
        ("max_tokens: Field required", None),
    ],
)
def test_the_path_is_read_off_the_text(text: str, path: Path | None) -> None:
    assert refused_field(text) == path


@pytest.mark.parametrize(
    ("request_", "path", "less"),
    [
        ({"a": 1, "b": 2}, ("a",), {"b": 2}),
        (
            {"tools": [{"name": "x", "new": 1}, {"type": "custom", "new": 1}, {"type": "bash", "new": 1}]},
            ("tools", "0", "custom", "new"),
            {"tools": [{"name": "x"}, {"type": "custom"}, {"type": "bash", "new": 1}]},
        ),
        (
            {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "scope": "global"}}]},
            ("system", "0", "cache_control", "ephemeral", "scope"),
            {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        ),
        (
            {"messages": [{"content": [{"type": "text", "text": "t", "new": 1}]}, {"content": "s"}]},
            ("messages", "0", "content", "0", "text", "new"),
            {"messages": [{"content": [{"type": "text", "text": "t"}]}, {"content": "s"}]},
        ),
    ],
)
def test_the_field_goes_wherever_it_stands_and_nothing_else_does(request_: Any, path: Path, less: Any) -> None:
    assert without_field(request_, path) == less


@pytest.mark.parametrize("path", [("c",), ("a", "b"), ("b", "0", "x"), ("b", "0"), ("b", "x", "y")])
def test_a_request_without_the_field_is_the_same_object(path: Path) -> None:
    nothing: list[Any] = []
    request: dict[str, Any] = {"a": 1, "b": [{"y": 2}, None, nothing]}
    assert without_field(request, path) is request
