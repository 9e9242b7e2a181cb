"""What a model reads of a docstring."""

import pytest

from antiphon.tools.docstrings import read_docstring


@pytest.mark.parametrize(
    ("docstring", "description", "arguments"),
    [
        (None, "", {}),
        ("", "", {}),
        ("Do it.", "Do it.", {}),
        ("Do it.\n\n    Args:\n        a: first\n        b: second", "Do it.", {"a": "first", "b": "second"}),
        ("Do.\n\nArgs:\n    a (int, optional): first,\n        and: more\n", "Do.", {"a": "first, and: more"}),
        ("Do it.\n\nArguments:\n    *a: first\n\n    b:\n        second\n", "Do it.", {"a": "first", "b": "second"}),
        ("Do.\n\nArgs:\n    a: first\n\nReturns:\n    more\n", "Do.\n\nReturns:\n    more", {"a": "first"}),
        ("Do it.\n\nRaises:\n    KeyError: never\n\nAfter that.", "Do it.\n\nAfter that.", {}),
        ("Note: this is no section.\n\nArgs: nor this.", "Note: this is no section.\n\nArgs: nor this.", {}),
        ("Do it.\n\nArgs:\n    nothing here that is an entry", "Do it.", {}),
    ],
)
def test_a_docstring_is_split_into_description_and_arguments(
    docstring: str | None, description: str, arguments: dict[str, str]
) -> None:
    assert read_docstring(docstring) == (description, arguments)
