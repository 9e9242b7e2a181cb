"""The grammar of bash, loaded on first use."""

import importlib
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tree_sitter import Language, Node


@cache
def _language() -> "Language":
    # Start-up is no place to load a parser of half a megabyte that many runs never need.
    tree_sitter = importlib.import_module("tree_sitter")
    bash = importlib.import_module("tree_sitter_bash")
    return cast("Language", tree_sitter.Language(bash.language()))


def syntax_of(source: bytes) -> "Node":
    """Return the root of the syntax tree of a text, whatever the text is."""
    parser = importlib.import_module("tree_sitter").Parser(_language())
    return cast("Node", parser.parse(source).root_node)
