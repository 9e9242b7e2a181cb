"""Schemas that the API takes, and arguments as models really send them."""

from typing import Annotated, Any, Literal

import pytest
from inline_snapshot import snapshot
from msgspec import Meta, Struct

from antiphon.tools.schema import Arguments, InvalidArguments, parse_arguments, schema_of


class Place(Struct):
    """Where."""

    title: str
    lines: tuple[int, ...] = ()


class Example(Arguments, frozen=True):
    path: Annotated[str, Meta(description="The file.")]
    count: Annotated[int, Meta(ge=1, description="How many.")] = 3
    deep: bool = False
    mode: Literal["b", "a"] = "a"
    limit: Annotated[int | None, Meta(description="At most.")] = None
    places: tuple[Place, ...] = ()
    either: int | str = 0


def test_a_schema_is_one_object_without_references_titles_or_null() -> None:
    assert schema_of(Example) == snapshot(
        {
            "type": "object",
            "properties": {
                "path": {"description": "The file.", "type": "string"},
                "count": {"description": "How many.", "type": "integer", "minimum": 1, "default": 3},
                "deep": {"type": "boolean", "default": False},
                "mode": {"enum": ["a", "b"], "default": "a"},
                "limit": {"description": "At most.", "type": "integer"},
                "places": {
                    "type": "array",
                    "items": {
                        "description": "Where.",
                        "type": "object",
                        "properties": {
                            "title": {"type": "string"},
                            "lines": {"type": "array", "items": {"type": "integer"}, "default": []},
                        },
                        "required": ["title"],
                    },
                    "default": [],
                },
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 0},
            },
            "required": ["path"],
            "additionalProperties": False,
        }
    )


def test_properties_stand_in_the_order_they_were_written() -> None:
    assert list(schema_of(Example)["properties"]) == ["path", "count", "deep", "mode", "limit", "places", "either"]


def test_a_tool_without_arguments_has_a_schema_too() -> None:
    assert schema_of(Arguments) == {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


class Tree(Struct):
    leaves: "list[Tree]"


class WithTree(Arguments, frozen=True):
    tree: Tree


def test_a_type_that_contains_itself_is_refused_when_the_schema_is_made() -> None:
    with pytest.raises(TypeError, match="Tree contains itself"):
        schema_of(WithTree)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"path": "a", "count": "7"}, Example(path="a", count=7)),
        ({"path": "a", "count": 7.0}, Example(path="a", count=7)),
        ({"path": "a", "deep": "true"}, Example(path="a", deep=True)),
        ({"path": "a", "deep": None, "count": None}, Example(path="a")),
        ({"path": "a", "limit": None}, Example(path="a")),
        ({"path": "a", "limit": "null"}, Example(path="a")),
        ({"path": "a", "places": '[{"title": "t"}]'}, Example(path="a", places=(Place("t"),))),
        ({"path": "a", "places": [], "either": "[1]"}, Example(path="a", either="[1]")),
        ({"file_path": "a"}, Example(path="a")),
        ({"file_path": "a", "count": "2"}, Example(path="a", count=2)),
    ],
)
def test_what_a_model_means_well_is_accepted(sent: dict[str, Any], meant: Example) -> None:
    assert parse_arguments(Example, sent, aliases={"file_path": "path"}) == meant


KNOWN = "The arguments are required: `path`; optional: `count`, `deep`, `mode`, `limit`, `places`, `either`."


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, f"Missing: `path`. {KNOWN}"),
        ({"pth": "a", "x": 1}, f"Missing: `path`. Unknown: `pth`, `x`. {KNOWN}"),
        ({"path": 3}, f"`path`: expected `str`, got `int`. {KNOWN}"),
        ({"path": "a", "count": "many"}, f"`count`: expected `int`, got `str`. {KNOWN}"),
        ({"path": "a", "count": 0}, f"`count`: expected `int` >= 1. {KNOWN}"),
        ({"path": "a", "mode": "c"}, f"`mode`: invalid enum value 'c'. {KNOWN}"),
        ({"path": "a", "places": [{"title": 1}]}, f"`places[0].title`: expected `str`, got `int`. {KNOWN}"),
        ({"path": "a", "places": "[1"}, f"`places`: expected `array`, got `str`. {KNOWN}"),
        ({"path": "a", "file_path": "b"}, f"Unknown: `file_path`. {KNOWN}"),
        (
            {"path": "a", "deep": "\ud800"},
            f"An argument holds half of a surrogate pair, which is no text. {KNOWN}",
        ),
        ({"path": "a", "\ud800": 1}, f"An argument holds half of a surrogate pair, which is no text. {KNOWN}"),
        ([], f"The arguments must be one JSON object. {KNOWN}"),
        (None, f"The arguments must be one JSON object. {KNOWN}"),
    ],
)
def test_what_does_not_fit_is_told_with_what_is_wanted(sent: Any, message: str) -> None:
    with pytest.raises(InvalidArguments) as error:
        parse_arguments(Example, sent, aliases={"file_path": "path"})
    assert str(error.value) == message


def test_arguments_of_a_tool_without_any_are_told_so() -> None:
    with pytest.raises(InvalidArguments, match=r"Unknown: `x`\. There are no arguments\."):
        parse_arguments(Arguments, {"x": 1})


def test_the_arguments_that_the_model_sent_are_left_as_they_are() -> None:
    sent = {"file_path": "a", "count": None, "places": "[]"}
    parse_arguments(Example, sent, aliases={"file_path": "path"})
    assert sent == {"file_path": "a", "count": None, "places": "[]"}
