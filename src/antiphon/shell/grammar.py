"""The grammar of bash, loaded on first use."""

import importlib
import time
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser

_LONGEST = 0.5
"""Seconds for one text. Most take less than a thousandth of that; mending what is broken may take minutes."""


@cache
def _language() -> "Language":
    # Start-up is no place to load a parser that many runs never need.
    tree_sitter = importlib.import_module("tree_sitter")
    bash = importlib.import_module("tree_sitter_bash")
    return cast("Language", tree_sitter.Language(bash.language()))


def syntax_of(source: bytes) -> "Node":
    """Return the root of the syntax tree of a text, whatever the text is.

    Raises:
        ValueError: it takes too long.
    """
    parser = cast("Parser", importlib.import_module("tree_sitter").Parser(_language()))
    end = time.monotonic() + _LONGEST
    return parser.parse(
        lambda offset, _: source[offset:], progress_callback=lambda _offset, _error: time.monotonic() > end
    ).root_node
